"""What the demonstration makes, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from triptych.options import Options, Range
from triptych.training.presets import STAGE1

SHIPPED_RESOLUTION = 128


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
    new_scenes: Annotated[int, Range(1, 1000)] = 12
    """Cars that stage 1 never sees, for stage 2."""
    views: Annotated[int, Range(9, 1000)] = 40
    """Pictures of each car; 8 of them are held out for testing."""
    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the pictures in pixels; another one needs from-scratch."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        block = STAGE1["quick"].autoencoder.downscale or 1
        if not self.from_scratch and self.resolution != SHIPPED_RESOLUTION:
            yield "resolution", f"is {self.resolution}, expected {SHIPPED_RESOLUTION} without --from-scratch"
        if self.resolution % block:
            yield "resolution", f"is {self.resolution}, expected a multiple of {block}"
