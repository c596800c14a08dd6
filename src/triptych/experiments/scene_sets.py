"""Sets of scenes to measure methods on, each split into the scenes of stage 1 and scenes that stage 1 never sees."""

from dataclasses import dataclass, replace
from pathlib import Path

from triptych.data import Dataset, DatasetConfig, require_disjoint
from triptych.data.formats.discovery import find_scenes
from triptych.data.generators.cars import CarsConfig
from triptych.data.generators.meshes import RenderConfig
from triptych.data.generators.meshes import folder as mesh_files
from triptych.data.opening import draw_cars, draw_meshes, open_data
from triptych.errors import InputError
from triptych.progress import Progress


@dataclass(frozen=True)
class MeshFolder:
    """Meshes of which views are drawn.

    Attributes:
        folder: the meshes.
        views: which views.
    """

    folder: Path
    views: RenderConfig


Source = CarsConfig | MeshFolder | DatasetConfig
"""Where scenes come from: procedural cars, a folder of meshes, or a dataset that is there already."""


@dataclass(frozen=True)
class SceneSet:
    """Scenes of one category.

    Attributes:
        trained: those of stage 1.
        new: those that stage 1 never sees.
    """

    trained: Dataset
    new: Dataset


def source_in(folder: Path, resolution: int) -> Source:
    """A folder that holds a dataset, or else meshes to be drawn.

    Args:
        folder: the folder.
        resolution: side of the pictures in pixels.

    Raises:
        InputError: it holds neither.
    """
    try:
        find_scenes(folder)
    except InputError as error:
        if not folder.is_dir():
            raise
        if not any(mesh_files.MeshFolder(folder).meshes()):
            raise InputError(f"{error}, or meshes ({', '.join(mesh_files.SUFFIXES)})") from error
        return MeshFolder(folder, RenderConfig(resolution=resolution))
    return DatasetConfig(folder, resolution=resolution)


def open_source(source: Source, drawn: Path, cache: Path, progress: Progress) -> Dataset:
    """All scenes of a source.

    Args:
        source: where they come from.
        drawn: folder of the dataset, where views are drawn; what is there already is kept.
        cache: of its pictures.
        progress: where to show how it goes.

    Raises:
        InputError: the folder holds something else, or the source cannot be used.
    """
    if isinstance(source, CarsConfig):
        return draw_cars(drawn, source, progress, cache)
    if isinstance(source, MeshFolder):
        return draw_meshes(source.folder, drawn, source.views, progress, cache)
    return open_data(replace(source, cache=cache), progress)


def split(dataset: Dataset, most_new: int, most_trained: int | None = None) -> SceneSet:
    """The scenes that a dataset declares for training and for testing, each at most so many.

    Raises:
        InputError: it declares none, or a new scene is one of stage 1's, under whatever name.
    """
    if not all(dataset.declared_splits.get(use) for use in ("train", "test")):
        place = f"{dataset.source.path}: " if dataset.source else ""
        raise InputError(
            f"{place}expected a dataset.json that names train and test scenes, as docs/formats.md describes and "
            "`triptych data render` writes it"
        )
    trained, new = (dataset.select(use) for use in ("train", "test"))
    trained, new = trained.subset(range(len(trained))[:most_trained]), new.subset(range(len(new))[:most_new])
    require_disjoint(dict(zip(trained.names, trained.fingerprints, strict=True)), new)
    return SceneSet(trained, new)
