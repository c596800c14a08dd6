"""Taking scenes away."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

import triptych
from triptych.bank import StoragePrecision
from triptych.cli.options import Machine, say
from triptych.data import DatasetConfig
from triptych.errors import InputError
from triptych.export import MeshConfig
from triptych.export.config import Channel
from triptych.geometry.srn import SRN_RADIUS
from triptych.options import Range
from triptych.progress import Progress
from triptych.runtime import DeviceName

_GRID = 12
"""Scenes of a grid unless they are chosen."""


@dataclass(frozen=True)
class _OfBank:
    """A command that takes scenes out of a bank."""

    bank: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="BANK")]
    """The scene bank."""
    model: Path | None = field(default=None, kw_only=True)
    """Category model of the bank; not needed when the bank keeps its own copy or belongs to a shipped one."""

    def _open(self, device: DeviceName = "cpu") -> "triptych.Scenes":
        from triptych.runtime import choose_device

        return triptych.open_scenes(self.bank, self.model, choose_device(device))


@dataclass(frozen=True)
class OrbitOptions:
    """A circle around the origin."""

    frames: Annotated[int, Range(1, 100_000)] = 60
    """Views of the full circle."""
    radius: Annotated[float, Range(1e-3, 1_000_000)] = SRN_RADIUS
    """Distance of the camera from the origin, in world units."""
    elevation_degrees: Annotated[float, Range(-89, 89)] = 25.0
    """Height of the camera above the horizon."""
    size: tuple[Annotated[int, Range(8, 8192)], Annotated[int, Range(8, 8192)]] | None = None
    """Width and height of the pictures, by default those that the first scene was fitted to; any shape. The shorter
    side sees as much."""

    def cameras(self, first: "triptych.Scene | triptych.CategoryModel") -> "triptych.Cameras":
        """The cameras of the circle, for scenes of which this is the first, or for any of a model."""
        size = self.height_width()
        return first.along(self.orbit()) if size is None else self.orbit().cameras(*size)

    def height_width(self) -> tuple[int, int] | None:
        """The size, in the order of tensors."""
        return None if self.size is None else (self.size[1], self.size[0])

    def orbit(self) -> "triptych.Orbit":
        """The circle."""
        return triptych.Orbit(self.frames, self.radius, self.elevation_degrees)


@dataclass(frozen=True)
class Video(_OfBank):
    """Film scenes of a bank to an mp4: an orbit around many, or one beside what it is compared with."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """The file, ending in .mp4."""
    layout: Literal["grid", "compare"] = "grid"
    """Many scenes in a grid; or one, its columns: ours, another bank's, ground truth, and
    latents where there are any."""
    scenes: str | None = None
    """Grid: "all", a range such as "0:36", or names separated by commas; the first 12 by default."""
    scene: str | None = None
    """Compare: the scene, by default the first."""
    compare: Path | None = None
    """Compare: a bank of the same scenes fitted with another model, of RGB tri-planes for instance."""
    compare_model: Path | None = None
    """Compare: category model of that bank; not needed when it keeps its own copy or belongs to a shipped one."""
    data: Path | None = None
    """Compare: the dataset, for ground truth. The frames then follow its cameras, sorted by azimuth."""
    orbit: Annotated[OrbitOptions, tyro.conf.arg(name="")] = field(default_factory=OrbitOptions)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        from triptych.export import write_video

        if self.out.suffix != ".mp4":
            raise InputError(f"{self.out}: expected a file name that ends in .mp4")
        scenes = self._open(self.machine.device)
        if self.layout == "grid":
            self._film_grid(scenes)
        else:
            write_video(self.out, self._comparison(scenes))
        say(f"wrote {self.out}")

    def _film_grid(self, scenes: "triptych.Scenes") -> None:
        from triptych.export import write_orbit

        if self.compare or self.data or self.scene:
            raise InputError("video: --compare, --data and --scene belong to --layout compare")
        first = scenes.names()[:_GRID]
        chosen = scenes.select(self.scenes) if self.scenes else scenes.only(*first)
        write_orbit(self.out, chosen, self.orbit.orbit(), self.orbit.height_width())

    def _comparison(self, scenes: "triptych.Scenes") -> Iterator[Any]:
        from triptych.data.opening import open_data
        from triptych.export import comparison_frames, counterpart, true_path
        from triptych.runtime import choose_device

        (name,) = scenes.only(self.scene or scenes.names()[0])
        cameras, truth, other = self.orbit.cameras(scenes[name]), None, None
        if self.compare is not None:
            others = triptych.open_scenes(self.compare, self.compare_model, choose_device(self.machine.device))
            other = counterpart(scenes, name, others)
        if self.data is not None:
            with Progress() as progress:
                config = DatasetConfig(self.data, test_views=0, resolution=scenes[name].picture_size[1])
                cameras, truth = true_path(open_data(config, progress), scenes.bank.about(name).fingerprint)
        return comparison_frames(scenes[name], cameras, other=other, truth=truth)


@dataclass(frozen=True)
class Planes(_OfBank):
    """Write the tri-planes of scenes as arrays, ready to train a generative model on."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """The file, ending in .safetensors or .npz."""
    scenes: str | None = None
    """Which scenes: "all", a range such as "0:36", or names separated by commas; all by default."""
    normalize: bool = True
    """Give every feature mean 0 and deviation 1; the file holds both."""

    def run(self) -> None:
        from triptych.export import write_planes

        scenes = self._open().select(self.scenes)
        write_planes(self.out, scenes, normalize=self.normalize)
        say(f"wrote the planes of {len(scenes)} scenes to {self.out}")


@dataclass(frozen=True)
class Mesh(_OfBank):
    """Write scenes as triangle meshes, with a texture or with vertex colors."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """A folder, one file a scene; or for one scene the file, ending in .glb (y up), .ply or .obj (z up)."""
    scenes: str | None = None
    """Which scenes: "all", a range such as "0:36", or names separated by commas; all by default."""
    format: Literal["glb", "ply", "obj"] = "glb"
    """Kind of the files in a folder."""
    config: Annotated[MeshConfig, tyro.conf.arg(name="")] = field(default_factory=MeshConfig)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        from triptych.export import write_meshes

        scenes = self._open(self.machine.device).select(self.scenes)
        with Progress() as progress:
            progress.start("meshes", len(scenes))
            files = write_meshes(
                self.out,
                scenes,
                self.config,
                suffix=f".{self.format}",
                on_scene=lambda name: progress.advance(),
            )
        say(f"wrote {len(files)} mesh(es) to {self.out}")


@dataclass(frozen=True)
class Images(_OfBank):
    """Render scenes along a camera path into a folder that is a dataset."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Folder of the new dataset; rerun to continue."""
    scenes: str | None = None
    """Which scenes: "all", a range such as "0:36", or names separated by commas; all by default."""
    path: Literal["orbit"] = "orbit"
    """The camera path, where no cameras are given."""
    cameras: Path | None = None
    """Cameras of a transforms.json (Blender, nerfstudio, instant-ngp) in place of the path; pictures keep its shape."""
    channels: tuple[Channel, ...] = ()
    """What else to write, as channels.npz beside the pictures."""
    orbit: Annotated[OrbitOptions, tyro.conf.arg(name="")] = field(default_factory=OrbitOptions)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        from triptych.data.formats.transforms import read_cameras
        from triptych.export import write_images
        from triptych.export.left_out import LeftOut

        scenes = self._open(self.machine.device).select(self.scenes)
        along = self.orbit.cameras(next(LeftOut(scenes).readable(), scenes.model))
        cameras = along if self.cameras is None else read_cameras(self.cameras, along.height, along.width)
        with Progress() as progress:
            progress.start("images", len(scenes))
            write_images(
                self.out,
                scenes,
                cameras,
                channels=self.channels,
                on_scene=lambda name: progress.advance(),
            )
        say(f"wrote {len(cameras)} views of {len(scenes)} scene(s) to {self.out}")


@dataclass(frozen=True)
class SceneFile(_OfBank):
    """Write one scene as one small file, for `triptych.open_scene`."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Name of the scene."""
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """The file, ending in .triptych-scene."""
    precision: StoragePrecision | None = None
    """How the micro planes are stored; by default as a compact bank has them where it is one, else as float16."""

    def run(self) -> None:
        scenes = self._open()
        triptych.save_scene(self.out, scenes.only(self.name)[self.name], self.precision)
        say(f"wrote {self.out}, {self.out.stat().st_size / 1024:.0f} KiB; it belongs to model {scenes.bank.model_id}")


@dataclass(frozen=True)
class Web(_OfBank):
    """Write a web page that shows scenes live in any browser: a folder of static files, with no code on the server."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """A new folder, or one to replace that this command wrote."""
    scenes: str | None = None
    """Which scenes: "all", a range such as "0:36", or names separated by commas; all by default."""
    title: str | None = None
    """Heading of the page, by default the name of the bank's folder."""
    runtime: Path | None = None
    """Where onnxruntime-web is: its folder `dist`, or the file of `npm pack`. By default it is fetched once from npm's
    registry into the cache folder. Only decoders that are not triptych's own, or very wide, need it."""

    def run(self) -> None:
        from triptych.export import write_web

        scenes = self._open().select(self.scenes)
        title = self.title or self.bank.resolve().name
        with Progress() as progress:
            progress.start("scenes", len(scenes))
            write_web(
                self.out,
                scenes,
                title=title,
                runtime=self.runtime,
                on_scene=lambda name: progress.advance(),
            )
        megabytes = sum(file.stat().st_size for file in self.out.rglob("*") if file.is_file()) / 1e6
        say(f"wrote {len(scenes)} scene(s) to {self.out}, {megabytes:.1f} MB; see them with")
        say(f"python -m http.server --bind 127.0.0.1 --directory {self.out}   and http://localhost:8000")


Export = (
    Annotated[Video, tyro.conf.subcommand("video")]
    | Annotated[Planes, tyro.conf.subcommand("planes")]
    | Annotated[Mesh, tyro.conf.subcommand("mesh")]
    | Annotated[Images, tyro.conf.subcommand("images")]
    | Annotated[SceneFile, tyro.conf.subcommand("scene")]
    | Annotated[Web, tyro.conf.subcommand("web")]
)


@dataclass(frozen=True)
class ExportCommand:
    """Take scenes of a bank away: videos, planes, meshes, pictures, single scenes, web pages."""

    command: tyro.conf.OmitSubcommandPrefixes[Annotated[Export, tyro.conf.arg(name="")]]

    def run(self) -> None:
        self.command.run()
