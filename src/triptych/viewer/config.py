"""Where the viewer listens, and how it looks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from triptych.options import Options, Range


@dataclass(frozen=True)
class ViewerConfig(Options):
    """Where the viewer listens, and how it looks."""

    host: str = "127.0.0.1"
    """Address to listen at; by default only browsers on this machine can connect. There is no password."""
    port: Annotated[int, Range(0, 65_535)] = 8080
    """Port to listen at; 0 takes any free one."""
    dark: bool = False
    """Dark controls, for dark rooms; scenes stay before their own background."""


@dataclass(frozen=True)
class NewScenes:
    """What becomes of scenes that are fitted in the viewer.

    Attributes:
        out: bank that keeps them; None takes the one that is shown.
        resolution: width in pixels to which pictures that a browser sends are downscaled, or None.
        seed: all random numbers follow from it and from the scenes.
    """

    out: Path | None = None
    resolution: int | None = None
    seed: int = 0
