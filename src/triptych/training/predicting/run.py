"""The predictor of a category model, trained as a run of its own that can be resumed."""

from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from triptych.autoencoder import OwnAutoencoder
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.model.predictor import Predictor
from triptych.runtime import start_threads
from triptych.training.conditions import Conditions
from triptych.training.holding_out import require_others
from triptych.training.loop import Loop
from triptych.training.outcome import require_finite
from triptych.training.picture_sizes import require_own_size
from triptych.training.predicting.config import PredictorTraining
from triptych.training.predicting.trainer import PHASES, PredictorTrainer
from triptych.training.provenance import fitted_views
from triptych.training.ranks import Ranks
from triptych.training.rerun import write_config
from triptych.training.run import Run

MODEL = "model"
_LEAST_VIEWS = 2


def train_predictor(
    model: CategoryModel, dataset: Dataset, out: Path, config: PredictorTraining, conditions: Conditions
) -> CategoryModel:
    """Train a predictor for a category model, all else frozen, or go on with one.

    The run's folder then holds the category model with its predictor (``model``), and the log. The model's identity,
    and with it every bank of its scenes, stays as it is.

    Args:
        model: the category model; not changed. A predictor that it has is replaced by a new one.
        dataset: scenes to learn from, stage 1's or others.
        out: the run's folder.
        config: all settings.
        conditions: seed, device, progress, checkpoints, and the processes over which the scenes of a step are divided.

    Raises:
        InputError: the folder belongs to another run, sizes differ from the model's, a scene has too few views, a step
            fewer scenes than there are ranks, or training has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    _check(model, dataset, config, conditions.ranks)
    description = _description(model, dataset, config, conditions)
    conditions.ranks.require_same(description, dataset)
    with conditions.open_run(out, description) as run:
        if conditions.ranks.told((out / MODEL).is_dir()):
            conditions.progress.note(f"{out / MODEL}: already trained")
            own = model.autoencoder.network if isinstance(model.autoencoder, OwnAutoencoder) else None
            return CategoryModel.load(out / MODEL, own).to(conditions.device)
        if conditions.ranks.is_first:
            write_config(out, dataset, config, conditions.seed, conditions.device)
        return _train(model, dataset, run, config, conditions)


def _check(model: CategoryModel, dataset: Dataset, config: PredictorTraining, ranks: Ranks) -> None:
    require_own_size(dataset, model)
    if not config.steps and model.predictor is None:
        raise InputError("--steps 0 goes on with the predictor of the model, which has none: give a number of steps")
    if not model.config.planes.micro_features:
        raise InputError("this category model has no micro planes, which a predictor predicts")
    for scene, name in enumerate(dataset.names):
        if len(dataset.views(scene).train) < _LEAST_VIEWS:
            raise InputError(
                f"{name}: {len(dataset.views(scene).train)} training view(s), expected at least {_LEAST_VIEWS}: one to "
                "predict the scene from and another to compare the prediction with; leave it out with --scenes"
            )
    require_others(dataset, config.held_out)
    if config.scenes_per_step < ranks.count:
        raise InputError(
            f"--scenes-per-step {config.scenes_per_step} for {ranks.count} ranks, over which the scenes of a step are "
            f"divided: give at least {ranks.count}, best a multiple of it"
        )


def _description(
    model: CategoryModel, dataset: Dataset, config: PredictorTraining, conditions: Conditions
) -> dict[str, Any]:
    """What the run is: another one does not go on in its folder."""
    return {
        "stage": "predictor",
        "model": model.identity(),
        "config": asdict(config),
        "seed": conditions.seed,
        "device": conditions.device.type,
        "scenes": dict(zip(dataset.names, dataset.fingerprints, strict=True)),
        "fitted_views": fitted_views(dataset),
    }


def _train(
    model: CategoryModel, dataset: Dataset, run: Run, config: PredictorTraining, conditions: Conditions
) -> CategoryModel:
    model = deepcopy(model)
    ranks = conditions.ranks
    loop = Loop.resumed(run, conditions.progress, PHASES, ranks)
    start_threads()
    torch.manual_seed(conditions.seed)  # the network's initial weights
    if model.predictor is not None and not config.steps:
        repeats, damping = config.network.repeats, config.network.damping
        model.predictor.config = replace(model.predictor.config, repeats=repeats, damping=damping)
    else:
        model.predictor = Predictor(config.network, model.autoencoder.channels, model.config.planes, model.aabb)
    trainer = PredictorTrainer(model.to(conditions.device), dataset, config, conditions.seed, ranks)
    trainer.run(loop)
    model.requires_grad_(False).eval()
    model.predictor.round_to_half()
    require_finite(model.predictor, run.folder)
    measured = trainer.measured()
    if ranks.is_first:
        run.log(config.steps + config.repeat_steps, phase="done", psnr=measured)
        model.save(run.folder / MODEL)  # last: a run that has it is done
    ranks.wait()
    return model
