"""RGB tri-planes for a whole dataset: every scene a bank of its own, with its own tiny MLP."""

import time
from dataclasses import asdict
from pathlib import Path

from triptych.bank import SceneBank, StoredScene
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.files import atomic_directory, folder_name, lock
from triptych.progress import Progress
from triptych.runtime import require_memory
from triptych.training import memory
from triptych.training.announcing import view_counts
from triptych.training.outcome import require_finite
from triptych.training.provenance import Provenance
from triptych.training.rgb import fit_rgb
from triptych.training.rgb_config import RGBConfig


def fit_rgb_scenes(
    dataset: Dataset, out: Path, config: RGBConfig, *, seed: int, progress: Progress
) -> dict[str, SceneBank]:
    """Fit every scene of a dataset by itself, on the CPU; those that are there already are left alone.

    Args:
        dataset: the scenes.
        out: each scene becomes a bank in a folder of its own in here, which keeps the scene's MLP as its model.
        config: all settings.
        seed: all random numbers follow from it.
        progress: where to show how it goes.

    Returns:
        the bank of each scene by name, with the fitting's seconds and views in the record of its one scene.

    Raises:
        InputError: a bank of that name holds a scene that was fitted to other pictures, or fitting has diverged.
    """
    require_memory(memory.of_rgb(config))
    for number, name in enumerate(dataset.names):
        _check_same(out / folder_name(name), dataset.subset([number]))
    for line in view_counts(dataset):
        progress.note(line)
    out.mkdir(parents=True, exist_ok=True)
    banks = {}
    with lock(out):
        progress.start("rgb", len(dataset))
        for number, name in enumerate(dataset.names):
            folder = out / folder_name(name)
            if not folder.is_dir():
                _fit_into(folder, dataset.subset([number]), config, seed)
            banks[name] = SceneBank(folder)
            progress.advance()
    return banks


def _check_same(folder: Path, scene: Dataset) -> None:
    if folder.is_dir() and SceneBank(folder).scene(scene.names[0]).fingerprint != scene.fingerprints[0]:
        raise InputError(
            f"{folder}: this scene was fitted to other pictures; rename the new one, or choose another --out"
        )


def _fit_into(folder: Path, scene: Dataset, config: RGBConfig, seed: int) -> None:
    started = time.perf_counter()
    model, fitted = fit_rgb(scene, config, seed)
    seconds = time.perf_counter() - started
    require_finite(model, folder)
    record = {"seconds": seconds, "rgb": asdict(config), **Provenance.of(scene, 0).record()}
    with atomic_directory(folder) as temporary:
        bank = SceneBank.create(temporary, model, own_model=True)
        micro, coefficients = fitted.micro.values[0], fitted.coefficients.values[0]
        bank.add(scene.names[0], StoredScene(micro, coefficients, scene.fingerprints[0], record))
