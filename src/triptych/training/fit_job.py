"""What a stage 2 is asked for, what is looked at before its work, and what of its result goes into the bank."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triptych.bank import (
    BANK_FILE,
    NameTakenError,
    SceneBank,
    StoragePrecision,
    note_failures,
    read_failures,
)
from triptych.bank.folder import held_folder
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.text import listed
from triptych.training.announcing import view_counts
from triptych.training.conditions import Conditions
from triptych.training.config import Stage2Config
from triptych.training.fit_group import FitSettings, FittedScene
from triptych.training.matching import compare_with_model
from triptych.training.provenance import Provenance
from triptych.training.rerun import write_config

_FILES = 4
"""Of a new bank: about as many processes add scenes to it without waiting for each other."""


@dataclass(frozen=True)
class FitJob:
    """What ``stage2.fit`` was asked for; see there."""

    model: CategoryModel
    dataset: Dataset
    out: Path
    config: Stage2Config
    conditions: Conditions
    precision: StoragePrecision
    force: bool


def bank_at(folder: Path, model: CategoryModel, precision: StoragePrecision) -> SceneBank:
    """The bank in a folder, made where there is none.

    Raises:
        InputError: the folder holds a bank of another model or precision, or something else.
    """
    with held_folder(folder):
        return SceneBank.create(folder, model, precision=precision, files=_FILES)


def new_scenes(job: FitJob) -> list[int]:
    """The scenes that are not in the bank yet.

    Raises:
        InputError: the bank has another scene of the same name.
    """
    if not (job.out / BANK_FILE).exists():
        return list(range(len(job.dataset)))
    bank, new, otherwise = SceneBank(job.out), [], []
    for scene, name in enumerate(job.dataset.names):
        if name not in bank:
            new.append(scene)
            continue
        stored = bank.scene(name)
        if stored.fingerprint != job.dataset.fingerprints[scene]:
            raise InputError(
                f"{job.out}: the bank has a scene {name!r} that was fitted to other pictures; rename the new one, "
                "leave it out with --scenes, or choose another bank"
            )
        known = Provenance.read(stored.record, f"{job.out}, {name}")
        if known is not None and known.fitted != Provenance.of(job.dataset, scene).fitted:
            otherwise.append(name)
    if otherwise:
        job.conditions.progress.note(
            f"note: {len(otherwise)} scene(s) in the bank were fitted to other views than these options choose, and "
            f"stay as they are: {listed(otherwise)}"
        )
    return new


def announce(job: FitJob, scenes: Sequence[int]) -> None:
    """Say how many views are fitted, and refuse or note what does not suit the model."""
    if scenes:
        notes = compare_with_model(job.model, job.dataset, scenes, force=job.force)
        for line in [*view_counts(job.dataset.subset(scenes)), *(f"note: {note}" for note in notes)]:
            job.conditions.progress.note(line)


def write_config_of(job: FitJob) -> None:
    """Write the file that runs it again; in a bank it is that of the latest fit."""
    settings = {"precision": job.precision, "force": job.force}
    write_config(job.out, job.dataset, job.config, job.conditions.seed, job.conditions.device, **settings)


def settings_of(job: FitJob, model: CategoryModel) -> FitSettings:
    """What every scene is fitted with, by this model: the job's, or what has become of it."""
    return FitSettings(model, job.config, job.conditions.seed, job.conditions.device, job.precision, job.force)


def store(job: FitJob, bank: SceneBank, fitted: list[FittedScene]) -> None:
    """Put the scenes that were fitted into the bank, and keep what is wrong with the others."""
    problems: dict[str, str | None] = {}
    for scene in fitted:
        problems[scene.name] = scene.problem if scene.row is None else None
        if scene.problem is not None:
            job.conditions.progress.note(f"{scene.name}: {scene.problem}")
        if scene.row is not None:
            try:
                bank.add_rows([scene.row])
            except NameTakenError:
                job.conditions.progress.note(
                    f"note: {scene.name}: another process has added it meanwhile; that one stays"
                )
    note_failures(bank.folder, problems)


def require_fitted(bank: SceneBank, dataset: Dataset) -> None:
    """Report the scenes that could not be fitted.

    Raises:
        InputError: there are some.
    """
    failed = {name: problem for name, problem in read_failures(bank.folder).items() if name in dataset.names}
    if failed:
        worst = "; ".join(f"{name}: {problem}" for name, problem in list(failed.items())[:3])
        raise InputError(
            f"{bank.folder}: {len(failed)} of {len(dataset)} scene(s) could not be fitted and are not in the bank, "
            f"the others are: {worst}{'; ...' if len(failed) > 3 else ''}; look at their pictures, poses and box, or "
            "run again with --force to store what is finite"
        )
