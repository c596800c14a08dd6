"""RGB tri-planes for a whole dataset: every scene a bank of its own, with its own tiny MLP.

<scene>/          the bank, with the log of its fitting
<scene>.run/      the run of a scene that is being fitted; removed when its bank is there
"""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from triptych.bank import SceneBank, StoredScene
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.files import KIND, LOG_FILE, atomic_directory, folder_name, lock
from triptych.progress import Progress
from triptych.runtime import require_memory
from triptych.training import memory
from triptych.training.announcing import view_counts
from triptych.training.conditions import Conditions
from triptych.training.loop import Loop
from triptych.training.outcome import require_finite
from triptych.training.provenance import Provenance, background_unless_white
from triptych.training.rerun import write_config
from triptych.training.run import differences, open_run
from triptych.training.single.config import SingleTriPlanes
from triptych.training.single.fields import TriPlanes
from triptych.training.single.fitting import PHASE, fit_field
from triptych.training.single.targets import image_space, ray_targets


def fit_rgb_scenes(
    dataset: Dataset,
    out: Path,
    config: SingleTriPlanes,
    conditions: Conditions,
) -> dict[str, SceneBank]:
    """Fit every scene of a dataset by itself, always on the CPU; those that are there already are left alone.

    Args:
        dataset: the scenes.
        out: each scene becomes a bank in a folder of its own in here, which keeps the scene's MLP as its model.
        config: all settings.
        conditions: seed, progress, and how often the scene that is being fitted is saved.

    Returns:
        the bank of each scene by name, with the fitting's seconds and views in the record of its one scene.

    Raises:
        InputError: a bank of that name holds a scene that was fitted to other pictures or views or with other
            options, or fitting has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    seed, progress = conditions.seed, conditions.progress
    require_memory(memory.of_single(config))
    scenes = [dataset.subset([number]) for number in range(len(dataset))]
    for scene in scenes:
        _check_same(_folder(out, scene), scene, config, seed)
    for line in view_counts(dataset):
        progress.note(line)
    out.mkdir(parents=True, exist_ok=True)
    with lock(out):
        write_config(out, dataset, config, seed, None)
        progress.start("rgb", len(dataset) * config.steps)
        steps, banks = _WithinAll(progress), {}
        for scene in scenes:
            folder = _folder(out, scene)
            place = folder.with_name(f"{folder.name}.run")  # no scene's: the names of their folders have no dot
            if folder.is_dir():
                steps.start(PHASE, config.steps, config.steps)
            else:
                options, seconds = _options(scene, config, seed), conditions.checkpoint_seconds
                with open_run(place, options, seconds, conditions.watch) as run:
                    _fit_into(folder, scene, config, seed, Loop.resumed(run, steps, (PHASE,)))
            shutil.rmtree(place, ignore_errors=True)
            banks[scene.names[0]] = SceneBank(folder)
    return banks


def _folder(out: Path, scene: Dataset) -> Path:
    return out / folder_name(scene.names[0])


def _options(scene: Dataset, config: SingleTriPlanes, seed: int) -> dict[str, Any]:
    """What must be the same for a scene to be left alone, or for its fitting to go on."""
    return {
        "rgb": _settings(config),
        "seed": seed,
        "fingerprint": scene.fingerprints[0],
        "fitted_views": Provenance.of(scene, 0).record()["fitted_views"],
        **background_unless_white(scene),
    }


def _settings(config: SingleTriPlanes) -> dict[str, Any]:
    return {name: value for name, value in asdict(config).items() if name != KIND}


def _check_same(folder: Path, scene: Dataset, config: SingleTriPlanes, seed: int) -> None:
    if not folder.is_dir():
        return
    stored = SceneBank(folder).scene(scene.names[0])
    if stored.fingerprint != scene.fingerprints[0]:
        raise InputError(
            f"{folder}: this scene was fitted to other pictures; rename the new one, or choose another --out"
        )
    asked = _options(scene, config, seed)
    known = stored.record.keys() & asked.keys()  # banks of earlier versions know less
    for name, before, now in differences(
        {key: stored.record[key] for key in known}, {key: asked[key] for key in known}
    ):
        if now is None:
            continue  # an option that there is no more
        raise InputError(
            f"{folder}: this scene was fitted with {name} = {before!r}, not {now!r}; repeat its options, or choose "
            "another --out"
        )


def _fit_into(folder: Path, scene: Dataset, config: SingleTriPlanes, seed: int, loop: Loop) -> None:
    space = image_space(scene)
    fitted = TriPlanes(scene, config, space, seed)
    fit_field(fitted, ray_targets(scene, space), config, seed, loop)
    require_finite(fitted, folder)
    fitted.finished()
    record = {"seconds": loop.run.elapsed(), "rgb": _settings(config), "seed": seed, **Provenance.of(scene, 0).record()}
    with atomic_directory(folder) as temporary:
        bank = SceneBank.create(temporary, fitted.model, own_model=True)
        micro, coefficients = fitted.scenes.micro.values[0], fitted.scenes.coefficients.values[0]
        bank.add(scene.names[0], StoredScene(micro, coefficients, scene.fingerprints[0], record))
        shutil.copyfile(loop.run.folder / LOG_FILE, temporary / LOG_FILE)


class _WithinAll(Progress):
    """The steps of one scene, on a bar of the steps of all scenes."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole

    def start(self, phase: str, steps: int, done: int = 0) -> None:
        self._whole.advance(done)

    def advance(self, steps: int = 1, **metrics: float) -> None:
        self._whole.advance(steps, **metrics)

    def note(self, message: str) -> None:
        self._whole.note(message)
