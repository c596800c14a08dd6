"""Making and checking datasets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from triptych.cli.options import say
from triptych.data import DatasetConfig
from triptych.data.generators.cars import CarsConfig
from triptych.data.generators.meshes import RenderConfig
from triptych.data.notes import FEW_VIEWS
from triptych.data.photos import PhotosConfig, TurntableConfig
from triptych.errors import InputError
from triptych.progress import Progress
from triptych.text import span

CONTACT_SHEET = "contact_sheet.png"
_SHOWN = 50


@dataclass(frozen=True)
class Cars:
    """Draw a dataset of procedural cars."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Folder of the new dataset; rerun to continue, or with a larger count to grow it."""
    cars: Annotated[CarsConfig, tyro.conf.arg(name="")] = field(default_factory=CarsConfig)

    def run(self) -> None:
        from triptych.data import write_contact_sheet
        from triptych.data.opening import draw_cars

        with Progress() as progress:
            write_contact_sheet(draw_cars(self.out, self.cars, progress), self.out / CONTACT_SHEET)
        say(f"wrote {self.cars.count} cars to {self.out}; look at {self.out / CONTACT_SHEET}")


@dataclass(frozen=True)
class Render:
    """Render a folder of meshes (glb, gltf, obj) to a posed dataset."""

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MESHES")]
    """Folder of meshes, searched with its subfolders."""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Folder of the new dataset; rerun to continue."""
    options: Annotated[RenderConfig, tyro.conf.arg(name="")] = field(default_factory=RenderConfig)

    def run(self) -> None:
        from triptych.data import write_contact_sheet
        from triptych.data.opening import draw_meshes

        with Progress() as progress:
            dataset = draw_meshes(self.source, self.out, self.options, progress)
            write_contact_sheet(dataset, self.out / CONTACT_SHEET)
        say(f"rendered {len(dataset)} meshes to {self.out}; look at {self.out / CONTACT_SHEET}")


@dataclass(frozen=True)
class _OfPhotos:
    """Photographs of objects, a folder each, become a dataset; the options say where the cameras come from."""

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """A folder of pictures for each object."""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Folder of the new dataset; rerun to continue, to add objects or to turn them."""
    options: Annotated[PhotosConfig, tyro.conf.arg(name="")]

    def run(self) -> None:
        from triptych.data.opening import import_photos_shown
        from triptych.data.photos.dataset import SHEET

        with Progress() as progress:
            dataset = import_photos_shown(self.source, self.out, self.options, progress)
        say(f"imported {len(dataset)} objects to {self.out}; look at {self.out / SHEET}")


@dataclass(frozen=True)
class Photos(_OfPhotos):
    """Cut out, crop and align photographs of objects, whose folders have COLMAP's sparse/ or a transforms.json."""

    options: Annotated[PhotosConfig, tyro.conf.arg(name="")] = field(default_factory=PhotosConfig)


@dataclass(frozen=True)
class Turntable(_OfPhotos):
    """Cut out, crop and align pictures of objects on a turntable before a camera that stands still, in the order in
    which the table turns."""

    options: Annotated[TurntableConfig, tyro.conf.arg(name="")] = field(default_factory=TurntableConfig)


@dataclass(frozen=True)
class Inspect:
    """Check a dataset file by file; plot its cameras and a contact sheet."""

    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder for report.json, cameras.png and contact_sheet.png."""
    model: Path | None = None
    """Category model that the scenes are to be fitted with: says what `triptych fit` would say before its work."""

    def run(self) -> None:
        from triptych.data import inspect_dataset
        from triptych.training.matching import notes_on_disk

        with Progress() as progress:
            progress.start("inspect", 0)
            report = inspect_dataset(self.data, self.out, progress.reach)
            compared = [] if self.model is None or report.problems else notes_on_disk(self.data, self.model, progress)
        numbers = report.cameras
        say(f"layout: {', '.join(report.layouts)}")
        say(f"{report.scenes} scenes, {report.views} views: {report.train_views} train, {report.test_views} test")
        if numbers is not None:
            say(f"{numbers.width}x{numbers.height} pixels, focal {numbers.fx[0]:.2f} to {numbers.fx[1]:.2f} pixels")
        if report.fitted_per_scene is not None:
            fewest, most = report.fitted_per_scene
            few = f", which is few: a good scene takes {FEW_VIEWS} or more" if fewest < FEW_VIEWS else ""
            say(f"{span((fewest, most))} views to fit per scene{few}")
        for note in self._first([*report.notes, *compared]):
            say(f"note: {note}")
        say(f"look at {self.out}")
        if report.problems:
            raise InputError(*self._first(report.problems))

    def _first(self, lines: Sequence[str]) -> list[str]:
        more = [f"{len(lines) - _SHOWN} more in {self.out / 'report.json'}"] if len(lines) > _SHOWN else []
        return [*lines[:_SHOWN], *more]


Data = (
    Annotated[Cars, tyro.conf.subcommand("cars")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[Photos, tyro.conf.subcommand("photos")]
    | Annotated[Turntable, tyro.conf.subcommand("turntable")]
    | Annotated[Inspect, tyro.conf.subcommand("inspect")]
)


@dataclass(frozen=True)
class DataCommand:
    """Make and check datasets."""

    command: tyro.conf.OmitSubcommandPrefixes[Annotated[Data, tyro.conf.arg(name="")]]

    def run(self) -> None:
        self.command.run()
