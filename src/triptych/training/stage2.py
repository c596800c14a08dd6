"""Stage 2: further scenes into a bank (the exploit phase of Schnepf, Kassab et al. 2024).

By default everything shared stays frozen: each scene is a problem of its own, can be added at any time, and never
changes an earlier one. First L_Enc on cached latents, then L_Dec through the frozen decoder. With ``finetune_shared``
base planes, tiny MLP and decoder are trained along on all new scenes together, and the bank keeps its own copy.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import torch

from triptych.bank import SceneBank, StoragePrecision, StoredScene
from triptych.errors import InputError
from triptych.files import atomic_directory
from triptych.model import CategoryModel
from triptych.representation.mlp import TinyMLP
from triptych.runtime import require_memory
from triptych.scenes import SceneCollection, require_disjoint
from triptych.training import memory
from triptych.training.config import Stage2Config
from triptych.training.fitting import fit_scenes
from triptych.training.joint import JointTraining
from triptych.training.loop import Loop
from triptych.training.losses import mean, psnr
from triptych.training.progress import Progress
from triptych.training.run import lock, open_run
from triptych.training.scenes import SceneParameters
from triptych.training.views import PosedViews

BANK = "bank"
"""Where a ``finetune_shared`` run keeps its bank."""


def fit(
    model: CategoryModel,
    collection: SceneCollection,
    out: Path,
    config: Stage2Config,
    *,
    seed: int,
    device: torch.device,
    progress: Progress,
    precision: StoragePrecision = "float16",
    checkpoint_seconds: float = 60.0,
) -> SceneBank:
    """Fit new scenes into a bank; those that are there already are left alone.

    Args:
        model: the category model; not changed.
        collection: the new scenes, at the model's resolution.
        out: the bank's folder.
        config: all settings.
        seed: all random numbers follow from it.
        device: where to compute.
        progress: where to show how it goes.
        precision: number format of the micro planes on disk.
        checkpoint_seconds: how often a ``finetune_shared`` run is saved.

    Raises:
        InputError: a scene is one of stage 1's, sizes differ from the model's, or the bank is another model's.
        KeyboardInterrupt: Ctrl-C; finished scenes are in the bank.
    """
    require_disjoint(model.trained_scenes, collection)
    require_memory(memory.of_stage2(config, model.config.planes, len(collection)), device)
    size = (model.config.height, model.config.width)
    if (collection.height, collection.width) != size:
        raise InputError(
            f"scenes: pictures of {collection.width}x{collection.height} pixels, but the model was trained on "
            f"{size[1]}x{size[0]}; resize them, or train a model on their size"
        )
    if config.finetune_shared:
        _check_something_shared_moves(config)
        return _fit_together(model, collection, out, config, seed, device, progress, precision, checkpoint_seconds)
    SceneBank.check_place(out)
    out.mkdir(parents=True, exist_ok=True)
    with lock(out):
        bank = SceneBank.create(out, model, precision=precision)
        _fit_each(model.to(device), collection, bank, config, seed, progress)
    return bank


def _fit_each(
    model: CategoryModel,
    collection: SceneCollection,
    bank: SceneBank,
    config: Stage2Config,
    seed: int,
    progress: Progress,
) -> None:
    missing = [scene for scene, name in enumerate(collection.names) if name not in bank]
    progress.start("fit", len(collection), done=len(collection) - len(missing))
    for chosen in _groups(collection, missing, config.scenes_at_once):
        group = collection.subset(chosen)
        started = time.perf_counter()
        scenes = fit_scenes(model, group, config, seed)
        seconds = (time.perf_counter() - started) / len(group)
        quality = _test_psnr(model, scenes, group)
        for number, name in enumerate(group.names):
            record = {"stage": 2, "seconds": seconds, "test_psnr": quality[number], "fit": asdict(config)}
            bank.add(name, _stored(scenes, group, number, record))
        measured = [value for value in quality if value is not None]
        progress.advance(len(group), test_psnr=mean(measured), seconds=seconds)


def _groups(collection: SceneCollection, scenes: list[int], size: int) -> Iterator[list[int]]:
    """Scenes to fit side by side: with equally many training views, so that none waits for another's schedule."""

    def views(scene: int) -> int:
        return len(collection.views(scene).train)

    for _, alike in groupby(sorted(scenes, key=views), key=views):
        group = list(alike)
        yield from (group[first : first + size] for first in range(0, len(group), size))


@torch.no_grad()
def _test_psnr(model: CategoryModel, scenes: SceneParameters, collection: SceneCollection) -> list[float | None]:
    """Mean PSNR in dB over the test views of each scene; None where it has none."""
    views = PosedViews(collection, "test")
    found: list[float | None] = []
    for number in range(len(collection)):
        rows = views.rows_of(number)
        if not rows:
            found.append(None)
            continue
        batch = views.group(rows)
        rendered = model.render_scene(
            scenes.micro.values[number],
            scenes.coefficients.values[number],
            views.cameras(batch, model.aabb.device),
        )
        found.append(mean(psnr(rendered.images, views.images(batch, model.aabb.device))))
    return found


def _stored(scenes: SceneParameters, collection: SceneCollection, number: int, record: dict) -> StoredScene:
    micro, coefficients = scenes.micro.values[number], scenes.coefficients.values[number]
    return StoredScene(micro, coefficients, collection.fingerprints[number], record)


def _check_something_shared_moves(config: Stage2Config) -> None:
    rates = [config.latent.rates, config.image.rates]
    if not any(rate.base or rate.mlp or rate.decoder for rate in rates):
        raise InputError("finetune_shared: every shared part has a rate of 0; start from --preset paper, or set rates")


def _fit_together(
    model: CategoryModel,
    collection: SceneCollection,
    out: Path,
    config: Stage2Config,
    seed: int,
    device: torch.device,
    progress: Progress,
    precision: StoragePrecision,
    checkpoint_seconds: float,
) -> SceneBank:
    """The published recipe: base planes, a fresh tiny MLP and the decoder trained along on all new scenes.

    The run's folder holds the bank in ``bank``, beside log and checkpoint.
    """
    description = {
        "stage": 2,
        "model": model.identity(),
        "config": asdict(config),
        "seed": seed,
        "device": device.type,
        "scenes": dict(zip(collection.names, collection.fingerprints, strict=True)),
    }
    with open_run(out, description, checkpoint_seconds) as run:
        if (out / BANK).is_dir() and len(SceneBank(out / BANK)) == len(collection):
            return SceneBank(out / BANK)
        loop = Loop.resumed(run, progress, ("latent", "image"))
        torch.manual_seed(seed)
        if config.latent.rates.mlp:
            model.mlp = TinyMLP(model.config.planes.features, model.autoencoder.channels, model.config.mlp)
        model.to(device)
        scenes = SceneParameters.started(
            model.start_micro, model.start_coefficients, model.start_occupancy, len(collection)
        )
        views, test_views = PosedViews(collection), PosedViews(collection, "test")
        training = JointTraining(model, scenes, config.skipping, views, test_views, seed, loop)
        if not loop.is_past("latent"):
            training.run_phase("latent", config.latent)
        training.run_phase("image", config.image)

        model.requires_grad_(False).eval()
        quality = _test_psnr(model, scenes, collection)
        seconds = run.elapsed() / len(collection)
        with atomic_directory(out / BANK) as temporary:  # whole: a run that has it is done
            bank = SceneBank.create(temporary, model, precision=precision, own_model=True)
            for number, name in enumerate(collection.names):
                record = {"stage": 2, "seconds": seconds, "test_psnr": quality[number], "fit": asdict(config)}
                bank.add(name, _stored(scenes, collection, number, record))
        return SceneBank(out / BANK)
