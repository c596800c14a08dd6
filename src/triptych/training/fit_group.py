"""What a worker of stage 2 does: it fits a group of scenes, from their pictures to the bytes that a bank keeps."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from triptych.bank import StoragePrecision, StoredScene
from triptych.bank.precision import codec_of
from triptych.bank.scene import PICTURE_SIZE
from triptych.bank.stored_scene import Row, pack
from triptych.data import Dataset
from triptych.model import CategoryModel
from triptych.runtime import on_each, wait_for
from triptych.training.config import Stage2Config
from triptych.training.fitting import fit_scenes
from triptych.training.outcome import FitOutcome, judge, quality_bounds
from triptych.training.provenance import Provenance


@dataclass(frozen=True)
class FitSettings:
    """What is the same for every group.

    Attributes:
        model: the category model.
        config: all settings.
        seed: all random numbers follow from it and from the scenes.
        device: what is computed on.
        precision: how micro planes are stored.
        force: keep what fitting has not improved, where it is finite.
        steps: that were taken, where these are not all that ``config`` asks for.
    """

    model: CategoryModel
    config: Stage2Config
    seed: int
    device: torch.device
    precision: StoragePrecision
    force: bool
    steps: int | None = None


@dataclass(frozen=True)
class FittedScene:
    """What has become of a scene.

    Attributes:
        name: the scene's.
        row: the bytes that a bank keeps; None where it is not to be stored.
        problem: why it does not count as fitted; None where it does.
        shown_psnr: PSNR on its test views in dB; None where it has none, or is blank: blank scenes would lift every
            mean.
        seconds: of fitting, its share of the group's, and of rounding.
        notes: what a user should know of how its group was fitted.
    """

    name: str
    row: Row | None
    problem: str | None
    shown_psnr: float | None
    seconds: float
    notes: tuple[str, ...] = ()


def fit_group(settings: FitSettings, group: Dataset) -> list[FittedScene]:
    """Fit scenes of equally many training views side by side, with everything shared frozen."""
    model = settings.model.to(settings.device)
    bounds = quality_bounds(model, group)
    started, notes = time.perf_counter(), []
    scenes = fit_scenes(model, group, settings.config, settings.seed, notes.append)
    wait_for(settings.device)
    seconds = (time.perf_counter() - started) / len(group)
    outcomes = judge(model, scenes, group, bounds, settings.precision)
    return [replace(scene, notes=tuple(notes)) for scene in packed(settings, group, outcomes, seconds)]


def packed(settings: FitSettings, group: Dataset, outcomes: list[FitOutcome], seconds: float) -> list[FittedScene]:
    """Fitted scenes as the bytes that a bank keeps.

    Args:
        settings: what they were fitted with.
        group: the scenes.
        outcomes: of each.
        seconds: of fitting, for each of them; what rounding took is added.
    """
    codec = codec_of(settings.precision, settings.model.config.planes, settings.model.start_micro)

    def packed_one(number: int) -> FittedScene:
        name, outcome, row = group.names[number], outcomes[number], None
        taken = seconds + outcome.rounding_seconds
        if outcome.problem is None or (settings.force and outcome.finite):
            row = pack(name, _stored(settings, group, number, outcome, taken), codec)
        shown = None if group.is_blank(number) else outcome.test_psnr
        return FittedScene(name, row, outcome.problem, shown, taken)

    return on_each(packed_one, range(len(group)))


def _stored(settings: FitSettings, group: Dataset, number: int, outcome: FitOutcome, seconds: float) -> StoredScene:
    record: dict[str, Any] = {
        "stage": 2,
        "seconds": seconds,
        "rounding_seconds": outcome.rounding_seconds,
        "test_psnr": outcome.test_psnr,
        "fit": asdict(settings.config),
        **Provenance.of(group, number).record(),
    }
    model = settings.model.config
    if group.picture_size != (model.height, model.width):
        record[PICTURE_SIZE] = list(group.picture_size)
    if settings.steps is not None:
        record["steps"] = settings.steps
    if outcome.problem is not None:
        record["problem"] = outcome.problem
    scene = outcome.scene
    return StoredScene(scene.micro, scene.coefficients, group.fingerprints[number], record, scene.coding)
