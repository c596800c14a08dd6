"""One way to learn, fit and measure. What is measured is kept in files: a rerun goes on, and measures nothing twice."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triptych.data import Dataset
from triptych.errors import InputError
from triptych.experiments.curves import Curve, Point
from triptych.experiments.measured import Measured, mean_of, measure_scenes
from triptych.experiments.methods import Method
from triptych.files import read_or_make
from triptych.options import Options
from triptych.runtime import commit, versions
from triptych.training.conditions import Conditions

SETTINGS_FILE, SCENES_FILE, TRAINED_FILE = "settings.json", "scenes.json", "trained_scenes.json"


@dataclass(frozen=True)
class Budget:
    """A method with an amount of time for each new scene: one point of quality against time.

    Attributes:
        place: the folder of its scenes, in the method's folder.
        settings: what sets it apart from the others, for the results.
        method: the method with these settings.
    """

    place: str
    settings: Mapping[str, int | float]
    method: Method


def learn_and_measure(method: Method, scenes: Dataset, folder: Path, conditions: Conditions) -> Measured:
    """Learn the scenes of stage 1 in a method's folder.

    Returns:
        the means over the scenes.

    Raises:
        InputError: the folder holds something else, or the data cannot be used.
    """
    learned = method.learn(scenes, folder, conditions)
    return _kept(folder / TRAINED_FILE, lambda: measure_scenes(learned, scenes, conditions.progress))


def fit_and_measure(method: Method, scenes: Dataset, place: Path, conditions: Conditions) -> Measured:
    """Fit new scenes in a place of a method's folder, in which stage 1 is done.

    Returns:
        the means over the scenes.

    Raises:
        InputError: other scenes, or with other settings, were fitted there; or the data cannot be used.
    """
    _claim(place, method, scenes, conditions)

    def measure() -> list[Measured]:
        method.fit(scenes, place, conditions)
        return measure_scenes(method.fitted(scenes.names, place, conditions.device), scenes, conditions.progress)

    return _kept(place / SCENES_FILE, measure)


def measure_curve(budgets: Sequence[Budget], scenes: Dataset, folder: Path, conditions: Conditions) -> Curve:
    """Quality against time: fit the same scenes once for each budget of a method, each fit on its own from the start.

    Args:
        budgets: at least one, the smallest first.
        scenes: the new scenes.
        folder: the method's folder, in which stage 1 is done.
        conditions: seed, device, progress.

    Raises:
        InputError: see ``fit_and_measure``.
    """
    points = []
    for budget in budgets:
        measured = fit_and_measure(budget.method, scenes, folder / budget.place, conditions)
        points.append(Point(budget.settings, measured))
    return Curve(budgets[0].method.title, tuple(points))


def how_it_was_made(config: Options, conditions: Conditions) -> dict[str, Any]:
    """What results depend on, for their record: options, seed, device, code and libraries."""
    return {
        "config": asdict(config),  # pyright: ignore[reportArgumentType] (options are dataclasses)
        "seed": conditions.seed,
        "device": conditions.device.type,
        **({} if conditions.workers.are_here else {"new scenes": "fitted by Ray workers of one thread"}),
        "commit": commit(),
        "versions": versions(),
    }


def _claim(place: Path, method: Method, scenes: Dataset, conditions: Conditions) -> None:
    """Let a place belong to one method, seed and choice of scenes, from before the first scene is fitted."""
    settings = {
        "method": method.settings(),
        "seed": conditions.seed,
        "choice of scenes": dict(zip(scenes.names, scenes.fingerprints, strict=True)),
    }
    target, found = json.loads(json.dumps(settings)), read_or_make(place / SETTINGS_FILE, lambda: settings)
    if found != target:
        parts = [part for part in target if not isinstance(found, dict) or found.get(part) != target[part]]
        raise InputError(
            f"{place / SETTINGS_FILE}: scenes were fitted here with another {parts[0]}; repeat the options of that run "
            "to go on, or choose another --out"
        )


def _kept(file: Path, measure: Callable[[], list[Measured]]) -> Measured:
    """The mean over the scenes that an earlier run has left in a file, else over those that are measured now."""
    rows = read_or_make(file, lambda: [scene.as_json() for scene in measure()])
    if not isinstance(rows, list):
        raise InputError(f"{file}: expected a list of measured scenes; delete it to measure them again")
    if not rows:
        raise InputError(f"{file}: no scene to measure, the test views of each show a single color")
    return mean_of([Measured.from_json(row, file) for row in rows])
