"""What is written of scenes, and how finely."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from triptych.geometry.srn import SRN_RADIUS
from triptych.options import Options, Range

Channel = Literal["latents", "depth", "opacity"]
"""What a rendered view has beside its picture."""


@dataclass(frozen=True)
class MeshConfig(Options):
    """How a scene becomes a mesh."""

    resolution: Annotated[int, Range(8, 512)] = 128
    """Voxels along the longest side of the scene box; voxels are cubes."""
    threshold: Annotated[float, Range(1e-9, 1e9)] | None = None
    """Density of the surface, per world unit. By default the one that stops half of the light within a fiftieth of
    the box's longest side."""
    smallest_part: Annotated[float, Range(0, 1)] = 0.01
    """Parts that are not connected to others and have fewer than this share of the faces are dropped."""
    azimuths: Annotated[int, Range(1, 1000)] = 16
    """Views on each circle that the colors come from."""
    elevations: tuple[Annotated[float, Range(-89, 89)], ...] = (5.0, 30.0, 60.0)
    """Heights of the circles above the horizon, in degrees."""
    radius: Annotated[float, Range(1e-3, 1_000_000)] = SRN_RADIUS
    """Distance of the views from the origin, in world units; as far as the cameras that the model was trained with."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.elevations:
            yield "elevations", "is empty, expected at least one height"
