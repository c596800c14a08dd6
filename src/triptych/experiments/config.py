"""What a user chooses of each experiment. Nothing here needs torch, so that the command line explains it at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from triptych.options import Options, Range

ScaleName = Literal["laptop", "paper"]
QualityPreset = Literal["quick", "colors", "best", "general", "latent"]
CARS, CACHE = "cars", "cache"
"""Names in the folder of a quality measurement that no set of real objects has."""
_NAME = re.compile(r"[\w-]+")
SLIDE_METHODS = ("rgb", "rgb_macro", "ours", "ours_micro", "ours_macro", "no_prior", "one_base", "plain")
"""The methods of the slides, in the order of their tables."""
LATENT_PIXEL = {"quick": 4, "colors": 1, "best": 1, "general": 2, "latent": 2, "laptop": 2, "paper": 8}
"""Side of a latent pixel in image pixels, by preset and scale."""
SHIPPED_RESOLUTION = 128
"""Side of the pictures of the category model that comes with triptych."""


def _check_resolution(resolution: int, settings: str) -> Iterator[tuple[str, str]]:
    side = LATENT_PIXEL[settings]
    if resolution % side:
        yield "resolution", f"is {resolution}, expected a multiple of {side}"


@dataclass(frozen=True)
class QualityConfig(Options):
    """Scenes of a category model against RGB tri-planes, side by side on one machine."""

    out: Path = Path("runs/quality")
    """Folder for datasets, runs and measurements; rerun to go on after a stop, or with further sets or budgets."""
    results: Path | None = None
    """JSON file for all results; a table and a plot are written beside it. By default results.json in the folder."""
    sets: tuple[str, ...] = ()
    """Sets of real objects, each NAME=FOLDER, or FOLDER alone, which gives its name: meshes, or a dataset whose
    dataset.json names train and test scenes. FOLDER/* measures all that a folder holds."""
    cars: bool = True
    """Measure the set of procedural cars, too."""
    preset: QualityPreset = "colors"
    """Settings of stage 1 and stage 2, the same for every set."""
    rehearsals: Annotated[int, Range(0, 10_000_000)] = 0
    """Rounds in which new scenes are rehearsed after stage 1, as `triptych rehearse` does, in image space."""
    scenes: Annotated[int, Range(1, 99_000)] = 200
    """Scenes of each set for stage 1, at most; so many cars."""
    new_scenes: Annotated[int, Range(1, 1000)] = 20
    """Never-seen scenes of each set, at most."""
    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the pictures in pixels; those of a dataset are made smaller, a whole number of times."""
    latent_budgets: tuple[Annotated[float, Range(0.001, 1000)], ...] = (0.25, 0.5, 1.0, 2.0)
    """Lengths of stage 2, as multiples of the preset's."""
    rgb_steps: tuple[Annotated[int, Range(1, 10_000_000)], ...] = (60, 125, 250, 500, 1000, 2000)
    """Steps of the RGB tri-planes."""
    rgb_most_steps: Annotated[int, Range(1, 10_000_000)] = 4000
    """The last of these is doubled up to so many steps, until doubling gains less than 0.1 dB: convergence."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        for name in ("latent_budgets", "rgb_steps"):
            if not getattr(self, name):
                yield name, "is empty, expected at least one"
        if not self.cars and not self.sets:
            yield "sets", "is empty, expected at least one without cars"
        names = [name for name, _ in map(_named, self.sets)]
        for name in names:
            if name in (CARS, CACHE) or names.count(name) > 1 or not _NAME.fullmatch(name):
                yield (
                    "sets",
                    f"calls one {name!r}, expected NAME=FOLDER with another name for each: letters, digits, _-",
                )
                break
        if self.rehearsals and self.preset not in ("colors", "best"):
            yield "rehearsals", f"is {self.rehearsals}, but those of {self.preset} models were not tried; expected 0"
        yield from _check_resolution(self.resolution, self.preset)

    def folders(self) -> Mapping[str, Path]:
        """The folder of each set of real objects by its name."""
        return dict(map(_named, self.sets))


def _named(text: str) -> tuple[str, Path]:
    """The name and the folder of a set."""
    name, sign, folder = text.partition("=")
    if sign and _NAME.fullmatch(name):
        return name, Path(folder)
    return Path(text).resolve().name, Path(text)


@dataclass(frozen=True)
class ReproduceConfig(Options):
    """Every result of the slides, reproduced."""

    out: Path
    """Folder for datasets, runs, measurements and the report; rerun to go on after a stop."""
    scale: ScaleName = "laptop"
    """Sizes: laptop for an hour or two on two cores, paper for the published ones on a GPU."""
    data: Path | None = None
    """A dataset of any category with train and test scenes; procedural cars if not given."""
    meshes: Path | None = None
    """Folder of real meshes for a second category."""
    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the pictures that are drawn, in pixels."""
    train_scenes: Annotated[int, Range(1, 50_000)] | None = None
    """Another number of stage-1 scenes than the scale's."""
    exploit_scenes: Annotated[int, Range(1, 50_000)] | None = None
    """Another number of never-seen scenes than the scale's."""
    only: tuple[str, ...] = ()
    """Names of methods to run, for a part of the report; all of them if not given."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if unknown := [name for name in self.only if name not in SLIDE_METHODS]:
            yield "only", f"is {unknown[0]!r}, expected methods among {', '.join(SLIDE_METHODS)}"
        if self.data is not None and self.category() in ("cache", "meshes"):
            yield "data", f"is {str(self.data)!r}, expected a folder of another name: results go into one of that name"
        yield from _check_resolution(self.resolution, self.scale)

    def category(self) -> str:
        """Name of the first category, which its folder in ``out`` has too."""
        return "cars" if self.data is None else self.data.resolve().name


@dataclass(frozen=True)
class DemoConfig(Options):
    """What the demonstration makes, and where."""

    out: Path = Path("runs/demo")
    """Folder for everything; rerun to go on after a stop."""
    from_scratch: bool = False
    """Run stage 1 too, on fewer cars than the category model that comes with triptych has seen; compare with the
    plain autoencoder's latent space."""
    scenes: Annotated[int, Range(1, 99_000)] = 48
    """Cars for stage 1, with from-scratch."""
    new_scenes: Annotated[int, Range(1, 1000)] = 4
    """Cars that stage 1 never sees, for stage 2."""
    views: Annotated[int, Range(9, 1000)] = 40
    """Pictures of each car; 8 of them are held out for testing."""
    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the pictures in pixels; another one needs from-scratch."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.from_scratch and self.resolution != SHIPPED_RESOLUTION:
            yield "resolution", f"is {self.resolution}, expected {SHIPPED_RESOLUTION} without --from-scratch"
        yield from _check_resolution(self.resolution, "quick")
