"""Opening datasets with progress shown; generated ones are made first where they are missing."""

from pathlib import Path

from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.data.generators.cars import CarsConfig, make_cars
from triptych.data.generators.meshes import RenderConfig, render_meshes
from triptych.data.notes import background_note, blank_note
from triptych.data.photos import PhotosConfig, import_photos
from triptych.data.photos.dataset import Watching
from triptych.progress import Progress

_SHOWN_NOTES = 10


def open_data(config: DatasetConfig, progress: Progress, default: str = "all") -> Dataset:
    """Open the chosen scenes of a dataset, showing how their pictures are read and what may be wrong with them.

    Args:
        config: which dataset, and which of its scenes.
        progress: where to show how it goes.
        default: the scenes where ``config.scenes`` is None.

    Raises:
        InputError: see ``open_dataset``.
    """
    progress.start("pictures", 0)
    dataset = open_dataset(config, progress.reach, default=default)
    blank = [blank_note(name) for scene, name in enumerate(dataset.names) if dataset.is_blank(scene)]
    background = background_note(len(dataset.opaque), len(dataset), dataset.shown_around, dataset.laid_over)
    notes = [*dataset.notes, *filter(None, [background]), *blank]
    for note in notes[:_SHOWN_NOTES]:
        progress.note(f"note: {note}")
    if len(notes) > _SHOWN_NOTES:
        progress.note(f"note: {len(notes) - _SHOWN_NOTES} more; `triptych data inspect` lists them")
    return dataset


def make_cars_shown(folder: Path, cars: CarsConfig, progress: Progress) -> None:
    """``make_cars``, with progress shown."""
    progress.start("cars", cars.count)
    make_cars(folder, cars, lambda name: progress.advance())


def render_meshes_shown(source: Path, folder: Path, options: RenderConfig, progress: Progress) -> list[str]:
    """``render_meshes``, with progress shown; returns what was noted, meshes that were skipped and why among it."""
    lines: list[str] = []

    def note(line: str) -> None:
        lines.append(line)
        progress.note(line)

    progress.start("render", 0)
    render_meshes(
        source,
        folder,
        options,
        lambda name, done, total: progress.reach(done, total),
        lambda path, reason: note(f"skipped {path}: {reason}"),
        note,
    )
    return lines


def draw_cars(folder: Path, cars: CarsConfig, progress: Progress, cache: Path | None = None) -> Dataset:
    """Procedural cars.

    Args:
        folder: of the dataset; what is there already is kept.
        cars: which.
        progress: where to show how it goes.
        cache: of its pictures; None takes the default one.

    Raises:
        InputError: the folder holds something else.
    """
    make_cars_shown(folder, cars, progress)
    return open_data(DatasetConfig(folder, cache=cache), progress)


def draw_meshes(
    source: Path, folder: Path, options: RenderConfig, progress: Progress, cache: Path | None = None
) -> Dataset:
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
    render_meshes_shown(source, folder, options, progress)
    return open_data(DatasetConfig(folder, cache=cache), progress)


def import_photos_shown(source: Path, folder: Path, options: PhotosConfig, progress: Progress) -> Dataset:
    """``import_photos``, with progress shown; objects that cannot be used are skipped, with a note."""
    progress.start("photos", 0)
    watching = Watching(progress.reach, lambda reason: progress.note(f"skipped {reason}"), progress.note)
    import_photos(source, folder, options, watching)
    return open_data(DatasetConfig(folder), progress)
