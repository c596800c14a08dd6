"""Scenes by themselves: RGB tri-planes for a whole dataset, and one scene as any kind of field."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from triptych.cli.options import Machine, Seed, say
from triptych.data import DatasetConfig
from triptych.data.opening import open_data
from triptych.errors import InputError
from triptych.export import check_mesh_file, extract_mesh, write_mesh
from triptych.model import CategoryModel, find_model
from triptych.progress import Progress
from triptych.runtime import choose_device
from triptych.training.single.banks import fit_rgb_scenes
from triptych.training.single.config import FIELDS, SingleConfig, SingleNeRF, SingleSDF, SingleTriPlanes
from triptych.training.single.run import fit_single
from triptych.training.single.targets import image_space


@dataclass(frozen=True)
class Rgb:
    """Fit RGB tri-planes, each scene by itself: a bank of its own that keeps its tiny MLP."""

    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the banks, one per scene; rerun to go on after a stop, or to add scenes."""
    config: Annotated[SingleTriPlanes, tyro.conf.arg(name="")] = field(default_factory=SingleTriPlanes)
    seed: Seed = 0
    """All random numbers follow from it."""

    def run(self) -> None:
        with Progress() as progress:
            scenes = open_data(self.data, progress, "test")
            banks = fit_rgb_scenes(scenes, self.out, self.config, seed=self.seed, progress=progress)
        say(f"{len(banks)} banks in {self.out}; measure each with `triptych eval`")


@dataclass(frozen=True)
class _OneScene:
    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the run; rerun to go on after a stop."""
    model: Path | None = None
    """Fit in the latent space of this category model; in image space if not given."""
    mesh: Path | None = None
    """Write the scene's surface too, to a file that ends in .glb (y up), .ply or .obj (z up)."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def fit(self, config: SingleConfig) -> None:
        if self.mesh is not None:
            check_mesh_file(self.mesh)
        device, seed = choose_device(self.machine.device), self.machine.seed
        space = None if self.model is None else CategoryModel.load(find_model(self.model))
        with Progress() as progress:
            chosen = open_data(self.data, progress, "test").subset([0])
            space = (space or image_space(chosen)).to(device)
            scene = fit_single(chosen, self.out, config, space=space, seed=seed, progress=progress)
        say(f"scene {scene.name}: {scene.quality()}")
        say(f"look at {self.out / 'progress.png'}")
        if self.mesh is not None:
            write_mesh(self.mesh, extract_mesh(scene))
            say(f"wrote {self.mesh}")


@dataclass(frozen=True)
class _TriPlanes(_OneScene):
    """Fit one scene as tri-planes."""

    config: Annotated[SingleTriPlanes, tyro.conf.arg(name="")] = field(default_factory=SingleTriPlanes)

    def run(self) -> None:
        self.fit(self.config)


@dataclass(frozen=True)
class _NeRF(_OneScene):
    """Fit one scene as a NeRF: a coarse and a fine network."""

    config: Annotated[SingleNeRF, tyro.conf.arg(name="")] = field(default_factory=SingleNeRF)

    def run(self) -> None:
        self.fit(self.config)


@dataclass(frozen=True)
class _SDF(_OneScene):
    """Fit one scene as signed distances on tri-planes."""

    config: Annotated[SingleSDF, tyro.conf.arg(name="")] = field(default_factory=SingleSDF)

    def run(self) -> None:
        self.fit(self.config)


Single = (
    Annotated[_TriPlanes, tyro.conf.subcommand("triplanes")]
    | Annotated[_NeRF, tyro.conf.subcommand("nerf")]
    | Annotated[_SDF, tyro.conf.subcommand("sdf")]
)


def check_spelling(arguments: Sequence[str]) -> None:
    """Refuse how earlier versions spelled the command: ``single DATA --kind nerf``.

    Raises:
        InputError: no kind of field follows the command.
    """
    kinds = [*FIELDS.values()]
    if arguments[:1] == ["single"] and not {*arguments[1:2]} <= {*kinds, "-h", "--help"}:
        raise InputError(
            f"single: expected what the scene is made of, one of {', '.join(kinds)}, before everything else: triptych "
            "single nerf DATA --out OUT (--kind is no more)"
        )


@dataclass(frozen=True)
class SingleCommand:
    """Fit one scene by itself: as tri-planes, a NeRF or signed distances, in image or latent space."""

    command: tyro.conf.OmitSubcommandPrefixes[Annotated[Single, tyro.conf.arg(name="")]]

    def run(self) -> None:
        self.command.run()
