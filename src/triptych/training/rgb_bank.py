"""RGB tri-planes for a whole collection: every scene a bank of its own, with its own tiny MLP."""

import time
from dataclasses import asdict
from pathlib import Path

from triptych.bank import SceneBank, StoredScene
from triptych.files import atomic_directory, folder_name
from triptych.runtime import require_memory
from triptych.scenes import SceneCollection
from triptych.training import memory
from triptych.training.progress import Progress
from triptych.training.rgb import RGBConfig, fit_rgb
from triptych.training.run import lock


def fit_rgb_scenes(
    collection: SceneCollection, out: Path, config: RGBConfig, *, seed: int, progress: Progress
) -> dict[str, SceneBank]:
    """Fit every scene of a collection by itself, on the CPU; those that are there already are left alone.

    Args:
        collection: the scenes.
        out: each scene becomes a bank in a folder of its own in here, which keeps the scene's MLP as its model.
        config: all settings.
        seed: all random numbers follow from it.
        progress: where to show how it goes.

    Returns:
        the bank of each scene by name, with the fitting's seconds in the record of its one scene.
    """
    require_memory(memory.of_rgb(config))
    out.mkdir(parents=True, exist_ok=True)
    banks = {}
    with lock(out):
        progress.start("rgb", len(collection))
        for number, name in enumerate(collection.names):
            folder = out / folder_name(name)
            if not folder.is_dir():
                _fit_into(folder, collection.subset([number]), config, seed)
            banks[name] = SceneBank(folder)
            progress.advance()
    return banks


def _fit_into(folder: Path, scene: SceneCollection, config: RGBConfig, seed: int) -> None:
    started = time.perf_counter()
    model, fitted = fit_rgb(scene, config, seed)
    record = {"seconds": time.perf_counter() - started, "rgb": asdict(config)}
    with atomic_directory(folder) as temporary:
        bank = SceneBank.create(temporary, model, own_model=True)
        micro, coefficients = fitted.micro.values[0], fitted.coefficients.values[0]
        bank.add(scene.names[0], StoredScene(micro, coefficients, scene.fingerprints[0], record))
