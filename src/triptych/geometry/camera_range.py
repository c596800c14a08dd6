"""The range of distances and focal lengths of some cameras, to compare others with."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from triptych.geometry.cameras import Cameras

Range = tuple[float, float]
"""Smallest and largest value."""


@dataclass(frozen=True)
class CameraRange:
    """How far away cameras stand, and how large they see what is there.

    Attributes:
        distance: from the middle of the scene box, in world units.
        focal: focal length along x, in picture widths.
    """

    distance: Range
    focal: Range

    @classmethod
    def of(cls, cameras: Cameras, middle: Float[Tensor, "3"]) -> "CameraRange":
        """That of some cameras around the middle of a box."""
        distance = (cameras.c2w[:, :, 3] - middle.to(cameras.c2w)).norm(dim=-1)
        return cls(_range(distance), _range(cameras.intrinsics[:, 0] / cameras.width))

    @classmethod
    def from_json(cls, value: Any) -> "CameraRange":
        """From what ``dataclasses.asdict`` makes.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        ranges = ((float(low), float(high)) for low, high in (value["distance"], value["focal"]))
        return cls(*ranges)


def _range(values: Float[Tensor, " view"]) -> Range:
    return round(float(values.min()), 4), round(float(values.max()), 4)
