"""Stage 2: further scenes into a bank (the exploit phase of Schnepf, Kassab et al. 2024).

By default everything shared stays frozen: each scene is a problem of its own, can be added at any time, and never
changes an earlier one. First L_Enc on cached latents, then L_Dec through the frozen decoder. With ``finetune_shared``
base planes, tiny MLP and decoder are trained along on all new scenes together, and the bank keeps its own copy.

Every scene is compared with its start before it is stored: one that fitting has not improved is reported instead.
"""

import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import torch

from triptych.bank import SceneBank, StoragePrecision
from triptych.data import Dataset, require_disjoint
from triptych.files import lock
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.runtime import require_memory
from triptych.text import listed
from triptych.training import memory
from triptych.training.config import Stage2Config
from triptych.training.fit_job import FitJob, announce, new_scenes, require_fitted, store, write_config_of
from triptych.training.fit_together import check_something_shared_moves, fit_together
from triptych.training.fitting import fit_scenes
from triptych.training.matching import require_picture_size
from triptych.training.outcome import FitOutcome, judge, quality_bounds

_FILES = 4
"""Of a new bank: about as many processes add scenes to it without waiting for each other."""


def fit(
    model: CategoryModel,
    dataset: Dataset,
    out: Path,
    config: Stage2Config,
    *,
    seed: int,
    device: torch.device,
    progress: Progress,
    precision: StoragePrecision = "float16",
    checkpoint_seconds: float = 60.0,
    force: bool = False,
) -> SceneBank:
    """Fit new scenes into a bank; those that are there already are left alone.

    Args:
        model: the category model; not changed.
        dataset: the new scenes, at the model's resolution.
        out: the bank's folder.
        config: all settings.
        seed: all random numbers follow from it.
        device: where to compute.
        progress: where to show how it goes.
        precision: number format of the micro planes on disk.
        checkpoint_seconds: how often a ``finetune_shared`` run is saved.
        force: fit scenes that reach beyond the model's box, and store those that fitting has not improved, too.

    Raises:
        InputError: a scene is one of stage 1's, sizes differ from the model's, the bank is another model's or has
            another scene of the same name, or a scene reaches beyond the model's box: nothing is done. Or fitting has
            failed for some scenes: the others are in the bank.
        KeyboardInterrupt: Ctrl-C; finished scenes are in the bank.
    """
    require_disjoint(model.trained_scenes, dataset)
    require_memory(memory.of_stage2(config, model.config.planes, len(dataset)), device)
    require_picture_size(dataset, model)
    job = FitJob(model, dataset, out, config, seed, device, progress, precision, force)
    if config.finetune_shared:
        check_something_shared_moves(config)
        return fit_together(job, checkpoint_seconds)
    SceneBank.check_place(out)
    announce(job, new_scenes(job))
    out.mkdir(parents=True, exist_ok=True)
    with lock(out, wait=True):
        bank = SceneBank.create(out, model, precision=precision, files=_FILES)
    _fit_each(job, bank)
    return bank


def summary(bank: SceneBank, dataset: Dataset) -> str:
    """What ``fit`` has reached with these scenes, in a line: their mean on test views, blank scenes left out."""
    blank = [name for scene, name in enumerate(dataset.names) if dataset.is_blank(scene)]
    records = [bank.about(name).record for name in dataset.names if name not in blank]
    found = [record["test_psnr"] for record in records if record.get("test_psnr") is not None]
    quality = f"{mean(found):.2f} dB on the test views of {len(found)}" if found else "no test views to measure them on"
    without = f", without {len(blank)} blank one(s): {listed(blank)}" if blank else ""
    return f"{len(dataset)} scene(s) fitted: {quality}{without}; {len(bank)} in {bank.folder}"


def _fit_each(job: FitJob, bank: SceneBank) -> None:
    model, dataset, progress = job.model.to(job.device), job.dataset, job.progress
    missing = [scene for scene, name in enumerate(dataset.names) if name not in bank]
    if missing:
        write_config_of(job)
    progress.start("fit", len(dataset), done=len(dataset) - len(missing))
    quality: list[float] = []
    for chosen in _groups(dataset, missing, job.config.scenes_at_once):
        group = dataset.subset(chosen)
        if all(name in bank for name in group.names):  # by another process, since this one began
            progress.advance(len(group))
            continue
        bounds = quality_bounds(model, group)
        started = time.perf_counter()
        scenes = fit_scenes(model, group, job.config, job.seed)
        seconds = (time.perf_counter() - started) / len(group)
        outcomes = [judge(model, scenes, group, *each, job.precision) for each in enumerate(bounds)]
        store(job, bank, group, scenes, outcomes, seconds)
        quality += _to_show(group, outcomes)
        progress.advance(len(group), **({"test_psnr": mean(quality)} if quality else {}), seconds=seconds)
    require_fitted(bank, dataset)


def _to_show(group: Dataset, outcomes: list[FitOutcome]) -> list[float]:
    """The scenes' PSNR on test views, without those of blank scenes: these would lift every mean."""
    return [
        outcome.test_psnr
        for scene, outcome in enumerate(outcomes)
        if outcome.test_psnr is not None and not group.is_blank(scene)
    ]


def _groups(dataset: Dataset, scenes: list[int], size: int) -> Iterator[list[int]]:
    """Scenes to fit side by side: with equally many training views, so that none waits for another's schedule."""

    def views(scene: int) -> int:
        return len(dataset.views(scene).train)

    for _, alike in groupby(sorted(scenes, key=views), key=views):
        group = list(alike)
        yield from (group[first : first + size] for first in range(0, len(group), size))
