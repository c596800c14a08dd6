"""Where the viewer listens, and how it looks."""

from dataclasses import dataclass
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
