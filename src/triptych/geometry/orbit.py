"""A circle of cameras around an object, for pictures of any size and proportions."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.cameras import Cameras, look_at
from triptych.geometry.srn import SRN_FOCAL, SRN_RADIUS
from triptych.options import Options, Range

_AROUND_BOX = 1.2
"""Distance of a camera that sees a scene box whole, in the box's longest sides."""
_FIRST_AZIMUTH = 36.0


@dataclass(frozen=True)
class Orbit(Options):
    """Cameras on one full circle, evenly spread, that look at its middle; their picture is upright, and its shorter
    side sees as much whatever the proportions."""

    count: Annotated[int, Range(1, 100_000)] = 60
    """Cameras of the full circle."""
    radius: Annotated[float, Range(1e-6, 1e9)] = SRN_RADIUS
    """Distance of the cameras from the middle, in world units."""
    elevation_degrees: Annotated[float, Range(-90, 90)] = 25.0
    """Height of the cameras above the horizon."""
    azimuth_degrees: float = 0.0
    """Where the first camera stands, from +x towards +y; so are the next ones turned."""
    focal: Annotated[float, Range(1e-6, 1e6)] = SRN_FOCAL
    """Focal length, in lengths of the picture's shorter side."""
    center: tuple[float, ...] = (0.0, 0.0, 0.0)
    """What the cameras look at, x, y and z in world units."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if len(self.center) != 3:
            yield "center", f"is {self.center}, expected x, y and z"

    @classmethod
    def around(cls, aabb: Float[Tensor, "2 3"], count: int = 1, *, azimuth_degrees: float = _FIRST_AZIMUTH) -> "Orbit":
        """Around a scene box, which about fills the pictures; the first camera stands in front, to the left and
        above.

        Args:
            aabb: lower and upper corner of the box.
            count: cameras of the full circle.
            azimuth_degrees: where the first camera stands.
        """
        radius = _AROUND_BOX * float((aabb[1] - aabb[0]).max())
        center = tuple(aabb.mean(dim=0).tolist())
        return cls(count, radius, azimuth_degrees=azimuth_degrees, center=center)

    def cameras(self, height: int, width: int) -> Cameras:
        """Its cameras for pictures of ``height`` x ``width`` pixels, which are square."""
        steps = torch.arange(self.count, dtype=torch.float64) * (2 * math.pi / self.count)
        azimuth, elevation = steps + math.radians(self.azimuth_degrees), math.radians(self.elevation_degrees)
        across, above = math.cos(elevation), torch.full_like(azimuth, math.sin(elevation))
        towards = torch.stack([across * azimuth.cos(), across * azimuth.sin(), above], dim=-1)
        c2w = look_at((self.radius * towards).float())
        c2w[:, :, 3] += torch.tensor(self.center)
        pixels = self.focal * min(height, width)
        intrinsics = torch.tensor([pixels, pixels, width / 2, height / 2])
        return Cameras(c2w, intrinsics.expand(self.count, 4).clone(), height, width)


def orbit_cameras(
    count: int,
    resolution: int,
    *,
    radius: float = SRN_RADIUS,
    focal: float = SRN_FOCAL,
    elevation_degrees: float = 25.0,
) -> Cameras:
    """The cameras of an ``Orbit`` around the origin for square pictures, of ``resolution`` pixels along each side."""
    return Orbit(count, radius, elevation_degrees, focal=focal).cameras(resolution, resolution)
