"""The command line: each command is a dataclass whose fields are its options, and holds no logic of its own."""

import errno
import sys
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import tyro
from rich.console import Console

from triptych.bank import SceneBank, StoragePrecision
from triptych.benchmark import BenchConfig, run_benchmark
from triptych.benchmark.quality import QualityConfig, run_quality
from triptych.benchmark.quality_report import as_table
from triptych.demo import DemoConfig, run_demo
from triptych.errors import InputError
from triptych.evaluation.evaluate import evaluate, write_evaluation
from triptych.export import orbit_frames, write_video
from triptych.model import CategoryModel, find_model
from triptych.runtime import DeviceName, choose_device
from triptych.scenes import (
    DatasetConfig,
    SceneCollection,
    inspect_dataset,
    open_collection,
    select_scenes,
    write_contact_sheet,
)
from triptych.scenes.cars import CarsConfig, make_cars
from triptych.scenes.meshes import RenderConfig, render_meshes
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.presets import STAGE1, STAGE2
from triptych.training.progress import Progress
from triptych.training.run import versions
from triptych.training.stage1 import train
from triptych.training.stage2 import fit

CONTACT_SHEET = "contact_sheet.png"
Preset = Literal["quick", "best", "paper"]
_preset: ContextVar[Preset] = ContextVar("preset", default="quick")


@dataclass(frozen=True)
class Machine:
    """Where to compute, and from which random numbers."""

    device: DeviceName = "auto"
    """Device to compute on."""
    seed: int = 0
    """All random numbers follow from it."""


@dataclass(frozen=True)
class Cars:
    """Draw a dataset of procedural cars."""

    out: tyro.conf.Positional[Path]
    """Folder of the new dataset; rerun to continue, or with a larger count to grow it."""
    cars: Annotated[CarsConfig, tyro.conf.arg(name="")] = field(default_factory=CarsConfig)

    def run(self) -> None:
        with Progress() as progress:
            progress.start("cars", self.cars.count)
            make_cars(self.out, self.cars, lambda name: progress.advance())
            write_contact_sheet(_open(DatasetConfig(self.out), progress), self.out / CONTACT_SHEET)
        _say(f"wrote {self.cars.count} cars to {self.out}; look at {self.out / CONTACT_SHEET}")


@dataclass(frozen=True)
class Render:
    """Render a folder of meshes (glb, gltf, obj) to a posed dataset."""

    source: tyro.conf.Positional[Path]
    """Folder of meshes, searched with its subfolders."""
    out: tyro.conf.Positional[Path]
    """Folder of the new dataset; rerun to continue."""
    options: Annotated[RenderConfig, tyro.conf.arg(name="")] = field(default_factory=RenderConfig)

    def run(self) -> None:
        with Progress() as progress:
            progress.start("render", 0)
            render_meshes(
                self.source,
                self.out,
                self.options,
                lambda name, done, total: progress.reach(done, total),
                lambda path, reason: progress.note(f"skipped {path}: {reason}"),
            )
            collection = _open(DatasetConfig(self.out), progress)
            write_contact_sheet(collection, self.out / CONTACT_SHEET)
        _say(f"rendered {len(collection)} meshes to {self.out}; look at {self.out / CONTACT_SHEET}")


@dataclass(frozen=True)
class Inspect:
    """Check a dataset file by file; plot its cameras and a contact sheet."""

    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder for report.json, cameras.png and contact_sheet.png."""

    def run(self) -> None:
        with Progress() as progress:
            progress.start("inspect", 0)
            report = inspect_dataset(self.data, self.out, progress.reach)
        numbers = report.cameras
        _say(f"{report.scenes} scenes, {report.views} views: {report.train_views} train, {report.test_views} test")
        if numbers is not None:
            _say(f"{numbers.width}x{numbers.height} pixels, focal {numbers.fx[0]:.2f} to {numbers.fx[1]:.2f} pixels")
        for note in report.notes:
            _say(f"note: {note}")
        _say(f"look at {self.out}")
        if report.problems:
            raise InputError("\n".join(report.problems))


@dataclass(frozen=True)
class Train:
    """Stage 1: train a category model on many scenes. Rerun the same command to go on after a stop."""

    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the run; the category model will be its subfolder "model"."""
    preset: Preset = "quick"
    """Where all settings below start from: quick for minutes on a laptop, best for an hour, paper for the published
    recipe."""
    config: Annotated[Stage1Config, tyro.conf.arg(name="")] = field(default_factory=lambda: STAGE1[_preset.get()])
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        device = choose_device(self.machine.device)
        with Progress() as progress:
            scenes = select_scenes(_open(self.data, progress), self.data.scenes, "train")
            train(scenes, self.out, self.config, seed=self.machine.seed, device=device, progress=progress)
        _say(f"category model in {self.out / 'model'}; look at {self.out / 'progress.png'}")


@dataclass(frozen=True)
class Fit:
    """Stage 2: fit new scenes into a bank. Scenes that are in it already are left alone."""

    model: tyro.conf.Positional[Path]
    """Category model, the folder of the run that trained it, or "cars" for the one that comes with triptych."""
    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the bank."""
    preset: Preset = "quick"
    """Where the settings below start from."""
    precision: StoragePrecision = "float16"
    """Number format of the micro planes on the disk."""
    config: Annotated[Stage2Config, tyro.conf.arg(name="")] = field(default_factory=lambda: STAGE2[_preset.get()])
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        device = choose_device(self.machine.device)
        model = CategoryModel.load(find_model(self.model))
        with Progress() as progress:
            scenes = select_scenes(_open(self.data, progress), self.data.scenes, "test")
            bank = fit(
                model,
                scenes,
                self.out,
                self.config,
                seed=self.machine.seed,
                device=device,
                progress=progress,
                precision=self.precision,
            )
        _say(f"{len(bank)} scenes in {bank.folder}; measure them with `triptych eval`")


@dataclass(frozen=True)
class Evaluate:
    """Measure the scenes of a bank on views that were never seen."""

    bank: tyro.conf.Positional[Path]
    """The scene bank."""
    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder for metrics.json, metrics.md and comparison.png."""
    model: Path | None = None
    """Category model of the bank; not needed when the bank keeps its own copy."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        bank = SceneBank(self.bank)
        model = bank.load_model(find_model(self.model) if self.model else None)
        model = model.to(choose_device(self.machine.device))
        with Progress() as progress:
            scenes = select_scenes(_open(self.data, progress), self.data.scenes, "all")
            progress.start("evaluate", len(bank))
            evaluation, comparisons = evaluate(model, bank, scenes, on_scene=lambda name: progress.advance())
        about = {
            "bank": str(self.bank),
            "data": str(self.data.path),
            "model": bank.model_id,
            "versions": versions(),
        }
        write_evaluation(evaluation, comparisons, self.out, about)
        _say(evaluation.markdown())
        _say(f"look at {self.out / 'comparison.png'}")


@dataclass(frozen=True)
class Video:
    """Render an orbit around scenes of a bank to an mp4."""

    bank: tyro.conf.Positional[Path]
    """The scene bank."""
    out: tyro.conf.Positional[Path]
    """The file, ending in .mp4."""
    model: Path | None = None
    """Category model of the bank; not needed when the bank keeps its own copy."""
    scenes: int = 12
    """The first so many scenes, side by side."""
    frames: int = 60
    """Frames of the full circle."""
    radius: float = 1.3
    """Distance of the camera from the origin, in world units."""
    elevation_degrees: float = 25.0
    """Height of the camera above the horizon."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        if self.out.suffix != ".mp4":
            raise InputError(f"{self.out}: expected a file name that ends in .mp4")
        bank = SceneBank(self.bank)
        model = bank.load_model(find_model(self.model) if self.model else None)
        model = model.to(choose_device(self.machine.device))
        names = bank.names()[: self.scenes]
        frames = orbit_frames(
            model, bank, names, self.frames, radius=self.radius, elevation_degrees=self.elevation_degrees
        )
        write_video(self.out, frames)
        _say(f"wrote {self.out}")


@dataclass(frozen=True)
class Demo:
    """Fit never-seen procedural cars with the category model that comes with triptych; a report to look at."""

    config: Annotated[DemoConfig, tyro.conf.arg(name="")] = field(default_factory=DemoConfig)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        with Progress() as progress:
            report = run_demo(
                self.config,
                seed=self.machine.seed,
                device=choose_device(self.machine.device),
                progress=progress,
            )
        _say(f"open {report}")


@dataclass(frozen=True)
class Bench:
    """Measure what rendering and training steps cost on this machine, the fused kernel against the reference."""

    config: Annotated[BenchConfig, tyro.conf.arg(name="")] = field(default_factory=BenchConfig)

    def run(self) -> None:
        with Progress() as progress:
            _, table = run_benchmark(self.config, progress)
        _say(table)


@dataclass(frozen=True)
class Quality:
    """Measure latent scenes against RGB tri-planes: quality of never-seen scenes against time. Takes hours."""

    config: Annotated[QualityConfig, tyro.conf.arg(name="")] = field(default_factory=QualityConfig)
    seed: int = 0
    """All random numbers follow from it."""

    def run(self) -> None:
        with Progress() as progress:
            results = run_quality(self.config, self.seed, progress)
        _say(as_table(results))


Data = (
    Annotated[Cars, tyro.conf.subcommand("cars")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[Inspect, tyro.conf.subcommand("inspect")]
)


@dataclass(frozen=True)
class DataCommand:
    """Make and check datasets."""

    command: tyro.conf.OmitSubcommandPrefixes[Annotated[Data, tyro.conf.arg(name="")]]

    def run(self) -> None:
        self.command.run()


Command = (
    Annotated[DataCommand, tyro.conf.subcommand("data")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Fit, tyro.conf.subcommand("fit")]
    | Annotated[Evaluate, tyro.conf.subcommand("eval")]
    | Annotated[Video, tyro.conf.subcommand("video")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Quality, tyro.conf.subcommand("quality")]
)


def _preset_named(arguments: list[str]) -> Preset:
    """The preset decides the defaults of other options, so it is looked up before they are parsed."""
    for place, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--preset":
            chosen = value or "".join(arguments[place + 1 : place + 2])
            return next((preset for preset in get_args(Preset) if preset == chosen), "quick")
    return "quick"


def main(arguments: list[str] | None = None) -> None:
    """Run a command; bad input ends it with one line on standard error and exit code 2, Ctrl-C with 130."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _preset.set(_preset_named(arguments))
    command: Any = tyro.cli(
        Command,  # pyright: ignore[reportArgumentType] (tyro takes unions, its stub does not say so)
        args=arguments,
        prog="triptych",
        description="Learn thousands of similar 3D scenes fast and small.",
        config=(tyro.conf.OmitSubcommandPrefixes,),
    )
    try:
        command.run()
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM):
            raise
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror}; free some space or choose another folder, then run the same command again")
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; what was done is saved, run the same command again to go on")
        sys.exit(130)


def _fail(message: str) -> None:
    sys.stderr.write(f"triptych: {message}\n")
    sys.exit(2)


def _say(message: str) -> None:
    sys.stdout.write(message + "\n")


def _open(config: DatasetConfig, progress: Progress) -> SceneCollection:
    progress.start("pictures", 0)
    return open_collection(config, progress.reach)
