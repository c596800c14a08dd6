"""Stage 2: further scenes into a bank (the exploit phase of Schnepf, Kassab et al. 2024).

By default everything shared stays frozen: each scene is a problem of its own, can be added at any time, and never
changes an earlier one. First L_Enc on cached latents, then L_Dec through the frozen decoder. With ``finetune_shared``
base planes, tiny MLP and decoder are trained along on all new scenes together, and the bank keeps its own copy.

Every scene is compared with its start before it is stored: one that fitting has not improved is reported instead.
"""

import math
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from triptych.bank import SceneBank, StoragePrecision
from triptych.bank.saving import precision_of
from triptych.data import Dataset, require_disjoint
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.runtime import Lost, peak_memory, require_memory
from triptych.text import listed
from triptych.training import memory
from triptych.training.conditions import Conditions
from triptych.training.config import Stage2Config
from triptych.training.estimate import Amount, Estimate, few_scenes, of_stage2, set_apart
from triptych.training.fit_group import FittedScene, fit_group
from triptych.training.fit_job import (
    FitJob,
    announce,
    bank_at,
    new_scenes,
    require_fitted,
    settings_of,
    store,
    write_config_of,
)
from triptych.training.fit_together import check_something_shared_moves, description_of, fit_together
from triptych.training.matching import worse_than_own
from triptych.training.picture_sizes import require_picture_size
from triptych.training.random_background import require_alpha
from triptych.training.run import check_place
from triptych.training.side_by_side import scenes_at_once

_GROUPS_EACH = 2
"""Into how many groups for each of several workers the scenes that are left are divided at least."""


def fit(
    model: CategoryModel,
    dataset: Dataset,
    out: Path,
    config: Stage2Config,
    conditions: Conditions,
    *,
    precision: StoragePrecision | None = None,
    force: bool = False,
) -> SceneBank:
    """Fit new scenes into a bank; those that are there already are left alone.

    Args:
        model: the category model; not changed.
        dataset: the new scenes.
        out: the bank's folder.
        config: all settings.
        conditions: seed, device, progress, who fits the scenes, and how often a ``finetune_shared`` run, which is
            always here, is saved.
        precision: how the micro planes are stored; None as the bank that is there does, compactly in a new one.
        force: fit scenes that reach beyond the model's box, and store those that fitting has not improved, too.

    Raises:
        InputError: a scene is one of stage 1's, the model takes no pictures of this size, random colors are asked for
            behind latents or pictures without alpha, the bank is another model's or has another scene of the same name,
            or a scene reaches beyond the model's box: nothing is done. Or fitting has failed for some scenes: the
            others are in the bank.
        KeyboardInterrupt: Ctrl-C; finished scenes are in the bank.
    """
    job = FitJob(model, dataset, out, config, conditions, precision or precision_of(out), force)
    _check(job)
    if config.finetune_shared:
        return fit_together(job)
    announce(job, new_scenes(job))
    bank = bank_at(out, model, job.precision)
    _fit_each(job, bank)
    return bank


def plan(
    model: CategoryModel,
    dataset: Dataset,
    out: Path,
    config: Stage2Config,
    conditions: Conditions,
    *,
    force: bool = False,
) -> Estimate | None:
    """Refuse what ``fit`` would refuse before its work, note what it would note, and find what the work takes; nothing
    is written.

    Args:
        model: as in ``fit``, like the others.

    Returns:
        None where all scenes are in the bank already.

    Raises:
        InputError: see ``fit``.
    """
    job = FitJob(model, dataset, out, config, conditions, "float16", force)
    _check(job)
    if job.config.finetune_shared:
        missing = list(range(len(job.dataset)))
        check_place(job.out, description_of(job))
    else:
        missing = new_scenes(job)
    announce(job, missing)
    return _estimated(job, missing) if missing else None


def _check(job: FitJob) -> None:
    require_disjoint(job.model.trained_scenes, job.dataset)
    require_memory(memory.of_stage2(job.config, job.model.config.planes, len(job.dataset)), job.conditions.here)
    require_picture_size(job.dataset, job.model)
    require_alpha([job.config.latent, job.config.image], job.model.autoencoder, job.dataset)
    if job.config.finetune_shared:
        check_something_shared_moves(job.config)
    else:
        SceneBank.check_place(job.out)


def _estimated(job: FitJob, scenes: list[int]) -> Estimate:
    with set_apart():
        model = job.model.to(job.conditions.here)
        chosen = job.dataset.subset(scenes)
        return of_stage2(model, few_scenes(chosen), Amount.of(chosen), job.config, job.conditions.seed)


def summary(bank: SceneBank, dataset: Dataset) -> str:
    """What ``fit`` has reached with these scenes, in a line: their mean on test views, blank scenes left out."""
    blank = [name for scene, name in enumerate(dataset.names) if dataset.is_blank(scene)]
    records = [bank.about(name).record for name in dataset.names if name not in blank]
    found = [record["test_psnr"] for record in records if record.get("test_psnr") is not None]
    quality = f"{mean(found):.2f} dB on the test views of {len(found)}" if found else "no test views to measure them on"
    without = f", without {len(blank)} blank one(s): {listed(blank)}" if blank else ""
    return f"{len(dataset)} scene(s) fitted: {quality}{without}; {len(bank)} in {bank.folder}"


def _fit_each(job: FitJob, bank: SceneBank) -> None:
    names, conditions = job.dataset.names, job.conditions
    missing = [scene for scene, name in enumerate(names) if name not in bank]
    if missing:
        write_config_of(job)
    conditions.progress.start("fit", len(names), done=len(names) - len(missing))
    settings, groups = settings_of(job, job.model.to(conditions.here)), _groups_to_fit(job, bank, missing)
    quality: list[float] = []
    told: set[str] = set()
    begun, done = time.perf_counter(), 0
    for group, result in conditions.workers.map(fit_group, settings, groups, conditions.device):
        fitted = _lost(group, result) if isinstance(result, Lost) else result
        store(job, bank, fitted)
        _tell_once(job, fitted, told)
        quality += [scene.shown_psnr for scene in fitted if scene.shown_psnr is not None]
        is_first, done = done == 0, done + len(group)
        per_scene = (time.perf_counter() - begun) / done
        if is_first:
            _say_after_first(job, quality, len(missing) - done, per_scene)
        metrics = {"test_psnr": mean(quality)} if quality else {}
        metrics |= {"seconds": fitted[0].seconds, "scenes/s": 1 / per_scene}
        conditions.progress.advance(len(group), **metrics)
        if conditions.watch.ends("fit", len(names) - len(missing) + done, len(names), metrics):
            break
    require_fitted(bank, job.dataset)


def _tell_once(job: FitJob, fitted: list[FittedScene], told: set[str]) -> None:
    for note in {note: None for scene in fitted for note in scene.notes if note not in told}:
        job.conditions.progress.note(note)
        told.add(note)


def _groups_to_fit(job: FitJob, bank: SceneBank, missing: list[int]) -> Iterator[Dataset]:
    """Scenes to fit side by side, without the groups that another process has added since this one began."""
    conditions = job.conditions
    # A GPU takes hardly less time for few scenes than for many.
    workers = conditions.workers.count(conditions.device) if conditions.device.type == "cpu" else 1
    for chosen in _groups(job.dataset, missing, scenes_at_once(job, missing), max(workers, 1)):
        group = job.dataset.subset(chosen)
        if all(name in bank for name in group.names):
            conditions.progress.advance(len(group))
        else:
            yield group


def _lost(group: Dataset, lost: Lost) -> list[FittedScene]:
    problem = f"its workers died, the last of this: {lost.reason}; run the same command again to try once more"
    return [FittedScene(name, None, problem, None, 0.0) for name in group.names]


def _say_after_first(job: FitJob, quality: list[float], rest: int, per_scene: float) -> None:
    """What the first scenes tell: whether they are as good as the model's own, and how long the rest takes."""
    conditions = job.conditions
    doubt = worse_than_own(job.model, mean(quality)) if quality else None
    if doubt is not None:
        conditions.progress.note(f"note: {doubt}")
    if rest:
        at_once = max(conditions.workers.count(conditions.device), 1)
        estimate = Estimate(rest * per_scene / at_once, peak_memory(conditions.here))
        conditions.progress.note(f"{estimate} for the other {rest} scene(s)")


def _groups(dataset: Dataset, scenes: list[int], most: int, workers: int) -> Iterator[list[int]]:
    """Scenes to fit side by side: with equally many training views, so that none waits for another's schedule. Where
    there are several workers, groups become smaller toward the end, so that none waits long for another."""

    def views(scene: int) -> int:
        return len(dataset.views(scene).train)

    left = len(scenes)
    for _, alike in groupby(sorted(scenes, key=views), key=views):
        group = list(alike)
        while group:
            size = most if workers == 1 else min(most, math.ceil(left / (_GROUPS_EACH * workers)))
            yield group[:size]
            left -= len(group[:size])
            group = group[size:]
