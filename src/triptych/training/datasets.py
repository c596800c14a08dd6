"""Datasets that are drawn where they are missing, then opened, with progress shown."""

from pathlib import Path

from triptych.scenes import DatasetConfig, SceneCollection, open_collection
from triptych.scenes.cars import CarsConfig, make_cars
from triptych.scenes.meshes import RenderConfig, render_meshes
from triptych.training.progress import Progress


def open_data(config: DatasetConfig, progress: Progress) -> SceneCollection:
    """Open a dataset, showing how its pictures are read.

    Raises:
        InputError: see ``open_collection``.
    """
    progress.start("pictures", 0)
    return open_collection(config, progress.reach)


def draw_cars(folder: Path, cars: CarsConfig, progress: Progress, cache: Path | None = None) -> SceneCollection:
    """Procedural cars.

    Args:
        folder: of the dataset; what is there already is kept.
        cars: which.
        progress: where to show how it goes.
        cache: of its pictures; None takes the default one.

    Raises:
        InputError: the folder holds something else.
    """
    progress.start("cars", cars.count)
    make_cars(folder, cars, lambda name: progress.advance())
    return _open_drawn(folder, cars.views, cache, progress)


def draw_meshes(
    source: Path, folder: Path, options: RenderConfig, progress: Progress, cache: Path | None = None
) -> SceneCollection:
    """Views of a folder of meshes; those that cannot be read are skipped, with a note.

    Args:
        source: the meshes.
        folder: of the dataset; what is there already is kept.
        options: which views.
        progress: where to show how it goes.
        cache: of its pictures; None takes the default one.

    Raises:
        InputError: the folder holds something else, or no mesh can be used.
    """
    progress.start("render", 0)
    render_meshes(
        source,
        folder,
        options,
        lambda name, done, total: progress.reach(done, total),
        lambda path, reason: progress.note(f"skipped {path}: {reason}"),
        progress.note,
    )
    return _open_drawn(folder, options.views, cache, progress)


def _open_drawn(folder: Path, views: int, cache: Path | None, progress: Progress) -> SceneCollection:
    """Where there are few views, fewer of them are for testing than usual, so that some are left for training."""
    test_views = min(DatasetConfig.test_views, views // 5)
    return open_data(DatasetConfig(folder, test_views=test_views, cache=cache), progress)
