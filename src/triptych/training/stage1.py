"""Stage 1: a category model from many scenes (the train phase of Schnepf, Kassab et al. 2024).

pre-training   the autoencoder alone on the views (optional)
warm-up        scenes, base planes and tiny MLP against cached latents: L_Enc
joint          everything, encoder and decoder included: lambda_ae L_ae + lambda_Enc L_Enc + lambda_Dec L_Dec
"""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from triptych.autoencoder import Autoencoder, OwnAutoencoder
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.model import CategoryModel
from triptych.runtime import start_threads
from triptych.training import memory
from triptych.training.announcing import view_counts
from triptych.training.beginning import new_model, own_or_created, untrained
from triptych.training.conditions import Conditions
from triptych.training.config import Stage1Config
from triptych.training.deciding import deciding
from triptych.training.estimate import WORTH_IT, Amount, Estimate, few_scenes, of_stage1, set_apart
from triptych.training.freeing import freed
from triptych.training.joint import JointTraining, ShuffledViews, ViewsOfRank
from triptych.training.loop import Loop
from triptych.training.matching import autoencoder_psnr
from triptych.training.outcome import require_finite
from triptych.training.pretraining import pretrain
from triptych.training.provenance import background_unless_white, fitted_views
from triptych.training.random_background import require_alpha
from triptych.training.ranks import require_scenes
from triptych.training.rerun import write_config
from triptych.training.run import Run, check_place
from triptych.training.scenes import SceneParameters
from triptych.training.trained import modes_of_bank, set_start, store_scenes

MODEL = "model"
PLAIN_MODEL = "plain_model"
TRAINED_SCENES = "trained_scenes"
PHASES = ("pretraining", "warmup", "joint")
_BEFORE_THERE_WAS_A_CHOICE = {"moments": "full", "direct_gain": 0.0, "freed_features": 0, "modes": 0}
"""Settings that newer versions have, and what older ones did."""


def train(
    dataset: Dataset,
    out: Path,
    config: Stage1Config,
    conditions: Conditions,
    *,
    autoencoder: nn.Module | None = None,
) -> CategoryModel:
    """Train a category model, or go on with one.

    The run's folder then holds the category model (``model``), the model as it was after the warm-up, whose latent
    space is not yet 3D-aware (``plain_model``), the bank of stage-1 scenes (``trained_scenes``), the log and a
    picture.

    Args:
        dataset: the stage-1 scenes.
        out: the run's folder.
        config: all settings.
        conditions: seed, device, progress, checkpoints.
        autoencoder: a module to start from a copy of, in place of the one that ``config`` asks for; see
            `OwnAutoencoder`.

    Raises:
        InputError: the folder belongs to another run, the data do not fit the autoencoder or the settings, the memory
            does not do, or training has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    start, description = _begun(dataset, config, conditions, autoencoder)
    device, ranks = conditions.device, conditions.ranks
    with conditions.open_run(out, description) as run:
        if ranks.told((out / MODEL).is_dir()):
            conditions.progress.note(f"{out / MODEL}: already trained")
            own = autoencoder if isinstance(start, OwnAutoencoder) else None
            return CategoryModel.load(out / MODEL, own).to(device)
        if ranks.is_first:
            write_config(out, dataset, config, conditions.seed, device)
        return _train(dataset, run, config, start, conditions)


def plan(
    dataset: Dataset,
    out: Path,
    config: Stage1Config,
    conditions: Conditions,
    *,
    autoencoder: nn.Module | None = None,
) -> Estimate:
    """Refuse what ``train`` would refuse before its work, and find what the work takes; nothing is written.

    Args:
        dataset: as in ``train``, like the others.

    Raises:
        InputError: see ``train``.
    """
    start, description = _begun(dataset, config, conditions, autoencoder)
    check_place(out, description)
    return _estimated(dataset, config, start, conditions)


def _begun(
    dataset: Dataset, config: Stage1Config, conditions: Conditions, autoencoder: nn.Module | None
) -> tuple[Autoencoder, dict[str, Any]]:
    """The autoencoder to start from, and what the run is."""
    seed, device, ranks = conditions.seed, conditions.device, conditions.ranks
    require_scenes(ranks, len(dataset))
    scenes = len(ranks.share(len(dataset)))
    memory.require_for_stage1(config, scenes, dataset.height, dataset.width, device)
    torch.manual_seed(seed)  # the networks' initial weights
    start = own_or_created(autoencoder, config.autoencoder, dataset).to(device)
    require_alpha([config.warmup, config.joint], start, dataset)
    with torch.no_grad():  # refuses pictures of the wrong size before anything is written
        start.encode(torch.ones(1, 3, dataset.height, dataset.width, device=device))
    description = {
        "stage": 1,
        "config": _deciding(config),
        "seed": seed,
        "device": device.type,
        "scenes": dict(zip(dataset.names, dataset.fingerprints, strict=True)),
        "fitted_views": fitted_views(dataset),
        **background_unless_white(dataset),
    }
    if autoencoder is not None:
        description["autoencoder"] = {"kind": start.kind, **start.description()}
    ranks.require_same(description, dataset)
    return start, description


def _deciding(config: Stage1Config) -> dict[str, Any]:
    """The settings that decide the result."""
    settings = deciding(config)
    del settings["stage2"]
    for name, before in _BEFORE_THERE_WAS_A_CHOICE.items():  # runs that were begun then go on
        if settings[name] == before:
            del settings[name]
    for phase in (settings["warmup"], settings["joint"]):
        if phase["suited_side"] is None:
            del phase["suited_side"]
    return settings


def _estimated(dataset: Dataset, config: Stage1Config, autoencoder: Autoencoder, conditions: Conditions) -> Estimate:
    with set_apart():
        model = untrained(dataset, config, deepcopy(autoencoder), conditions)
        return of_stage1(model, few_scenes(dataset), Amount.of(dataset), config, conditions.seed)


def _train(
    dataset: Dataset, run: Run, config: Stage1Config, autoencoder: Autoencoder, conditions: Conditions
) -> CategoryModel:
    seed, device, ranks = conditions.seed, conditions.device, conditions.ranks
    for line in view_counts(dataset):
        conditions.progress.note(line)
    loop = Loop.resumed(run, conditions.progress, PHASES, ranks)
    start_threads()
    views = PosedViews(dataset)
    steps = sum(phase.steps(len(views)) for phase in (config.warmup, config.joint))
    seen = conditions.progress.is_seen and not ranks.are_together
    if loop.checkpoint is None and seen and steps >= WORTH_IT:
        conditions.progress.note(str(_estimated(dataset, config, autoencoder, conditions)))
    generator = torch.Generator().manual_seed(seed)
    trainable = any(True for _ in autoencoder.parameters())
    ranks.same_start(autoencoder)
    if not loop.is_past("pretraining") and config.pretraining.epochs and trainable:
        pretrain(autoencoder, views, config.pretraining, seed, loop, ranks, conditions.progress.note)

    model = new_model(dataset, config, autoencoder, views, generator).to(device)
    ranks.same_start(model)
    training = _training(model, views, config, generator, seed, loop)
    if not loop.is_past("warmup"):
        training.run_phase("warmup", config.warmup)
        set_start(model, training.scenes, config.skipping, ranks)
        if ranks.is_first:
            freed(model, config.left_planes).save(run.folder / PLAIN_MODEL)
    training.run_phase("joint", config.joint)
    set_start(model, training.scenes, config.skipping, ranks)
    return _finished(dataset, run, config, training)


def _finished(dataset: Dataset, run: Run, config: Stage1Config, training: JointTraining) -> CategoryModel:
    """The model as it is stored, after its scenes have been."""
    ranks, trained = training.loop.ranks, training.model
    model = freed(trained, config.left_planes)
    for changed in (trained, model):
        changed.requires_grad_(False).eval()
        changed.round_to_half()
    require_finite(model, run.folder)
    if ranks.is_first:
        alone = autoencoder_psnr(model, dataset, range(len(dataset)))
        model.origin = replace(model.origin, autoencoder_psnr=alone, scenes_psnr=training.test_psnr())
    store_scenes(dataset, trained, model, training.scenes, run.folder / TRAINED_SCENES, ranks)
    if ranks.is_first:
        model.modes = modes_of_bank(run.folder / TRAINED_SCENES, model, config.modes)
        run.log(config.joint.steps(training.chooser.views_per_epoch), phase="done", model=model.identity())
        model.save(run.folder / MODEL)  # last: a run that has it is done
    ranks.wait()
    return model


def _training(
    model: CategoryModel,
    views: PosedViews,
    config: Stage1Config,
    generator: torch.Generator,
    seed: int,
    loop: Loop,
) -> JointTraining:
    """What the phases work on: all scenes, or those of this rank."""
    dataset, device = views.dataset, model.aabb.device
    chooser, own = ShuffledViews(views, seed), dataset
    if loop.ranks.are_together:
        mine = loop.ranks.share(len(dataset))
        own = dataset.subset(mine)
        views = PosedViews(own)
        chooser = ViewsOfRank(chooser, views, mine)
        scenes = SceneParameters.fresh_alone(config.planes, chooser.generators_at_start(), device, config.moments)
    else:
        scenes = SceneParameters.fresh(config.planes, len(dataset), generator, device, config.moments)
    return JointTraining(model, scenes, config.skipping, views, PosedViews(own, "test"), chooser, loop)
