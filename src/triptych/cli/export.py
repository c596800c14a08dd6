"""Taking scenes away."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from triptych.bank import SceneBank
from triptych.cli.options import Machine, say
from triptych.errors import InputError
from triptych.export import orbit_frames, write_planes, write_video
from triptych.runtime import choose_device
from triptych.scene import open_scenes


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
        model = bank.load_model(self.model)
        model = model.to(choose_device(self.machine.device))
        names = bank.names()[: self.scenes]
        frames = orbit_frames(
            model, bank, names, self.frames, radius=self.radius, elevation_degrees=self.elevation_degrees
        )
        write_video(self.out, frames)
        say(f"wrote {self.out}")


@dataclass(frozen=True)
class Planes:
    """Write the tri-planes of scenes as arrays, ready to train a generative model on."""

    bank: tyro.conf.Positional[Path]
    """The scene bank."""
    out: tyro.conf.Positional[Path]
    """The file, ending in .safetensors or .npz."""
    model: Path | None = None
    """Category model of the bank; not needed when the bank keeps its own copy or belongs to a shipped one."""
    normalize: bool = True
    """Give every feature mean 0 and deviation 1; the file holds both."""

    def run(self) -> None:
        scenes = open_scenes(self.bank, self.model)
        write_planes(self.out, scenes, list(scenes), normalize=self.normalize)
        say(f"wrote the planes of {len(scenes)} scenes to {self.out}")


Export = Annotated[Video, tyro.conf.subcommand("video")] | Annotated[Planes, tyro.conf.subcommand("planes")]


@dataclass(frozen=True)
class ExportCommand:
    """Take scenes of a bank away: videos, planes."""

    command: tyro.conf.OmitSubcommandPrefixes[Annotated[Export, tyro.conf.arg(name="")]]

    def run(self) -> None:
        self.command.run()
