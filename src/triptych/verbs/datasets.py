"""Datasets: open, check and draw them. Options are keywords."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from triptych.data import Dataset, DatasetConfig, InspectionReport
from triptych.data import inspect_dataset as inspect_on_disk
from triptych.data.generators.cars import CarsConfig
from triptych.data.generators.meshes import RenderConfig
from triptych.data.opening import make_cars_shown, open_data, render_meshes_shown
from triptych.training.matching import notes_on_disk
from triptych.verbs.arguments import Anywhere, options_of, shown_if


def open_dataset(path: Anywhere, *, progress: bool | None = None, **options: Any) -> Dataset:
    """Open the posed pictures of a folder; a notebook shows them.

    Args:
        path: folder of the dataset: one scene, or one subfolder per scene, in any layout of docs/formats.md.
        progress: whether to show how it goes; None does so in a terminal and in a notebook.
        options: fields of ``DatasetConfig``: ``scenes`` ("train", "test", "0:36", names separated by commas; all by
            default), ``test_views``, ``test_rule``, ``above_ground``, ``half_extent``, ``resolution``,
            ``field_of_view``, ``background``, ``follow_links``, ``cache``, ``cache_size``.

    Raises:
        InputError: the dataset cannot be used, or there is no such option.
    """
    with shown_if(progress) as shown:
        return open_data(options_of(DatasetConfig, options, path=Path(path)), shown)


def inspect_dataset(
    path: Anywhere, out: Anywhere, *, model: Anywhere | None = None, progress: bool | None = None, **options: Any
) -> InspectionReport:
    """List every problem of a dataset, file by file; plot its cameras and a contact sheet.

    Args:
        path: folder of the dataset.
        out: folder for report.json, cameras.png and contact_sheet.png.
        model: category model that the scenes are to be fitted with; what `fit` would note is then noted, too.
        progress: as in `open_dataset`.
        options: as in `open_dataset`.

    Raises:
        InputError: there is no dataset, or no such option. Problems of the dataset are not raised, but reported.
    """
    with shown_if(progress) as shown:
        shown.start("inspect", 0)
        config = options_of(DatasetConfig, options, path=Path(path))
        report = inspect_on_disk(config, Path(out), shown.reach)
        if model is None or report.problems:
            return report
        return replace(report, notes=(*report.notes, *notes_on_disk(config, Path(model), shown)))


def make_cars(out: Anywhere, *, progress: bool | None = None, **options: Any) -> None:
    """Draw a dataset of procedural cars; run again with a larger count, it grows.

    Args:
        out: folder of the dataset.
        progress: as in `open_dataset`.
        options: fields of ``CarsConfig``: ``count``, ``train``, ``views``, ``resolution``, ``seed``,
            ``samples_per_axis``.

    Raises:
        InputError: the folder holds another dataset, or there is no such option.
    """
    cars = options_of(CarsConfig, options)
    with shown_if(progress) as shown:
        make_cars_shown(Path(out), cars, shown)


def render_meshes(source: Anywhere, out: Anywhere, *, progress: bool | None = None, **options: Any) -> list[str]:
    """Draw every mesh (glb, gltf, obj) of a folder as a dataset; run again, it continues.

    Args:
        source: folder of meshes, searched with its subfolders.
        out: folder of the dataset.
        progress: as in `open_dataset`.
        options: fields of ``RenderConfig``: ``resolution``, ``views``, ``up``, ``seed``, ...

    Returns:
        The meshes that were skipped and why, and what else there is to say, one line each.

    Raises:
        InputError: no mesh can be used, the folder holds another dataset, or there is no such option.
    """
    with shown_if(progress) as shown:
        return render_meshes_shown(Path(source), Path(out), options_of(RenderConfig, options), shown)
