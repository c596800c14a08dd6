"""Where the page's camera begins."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch

from triptych.geometry import Cameras, look_at
from triptych.geometry.srn import SRN_FOCAL
from triptych.model import CategoryModel

_DISTANCE = 1.2
"""Distance of the camera from the middle of the scene box, in its longest sides: the box about fills the picture."""


@dataclass(frozen=True)
class Orbit:
    """A camera that looks at a target from somewhere on a sphere around it, upright."""

    target: tuple[float, float, float]
    """What it looks at, in world units: the middle of the scene box."""
    radius: float
    """Its distance from there."""
    azimuth_degrees: float
    """Its turn around z, from +x towards +y."""
    elevation_degrees: float
    """Its height above the horizon."""
    intrinsics: tuple[float, float, float, float]
    """fx, fy, cx, cy in pixels of the model's pictures."""

    @classmethod
    def around(cls, model: CategoryModel) -> "Orbit":
        """In front of a model's scene box, to the left and above."""
        lower, upper = model.aabb.cpu()
        x, y, z = ((lower + upper) / 2).tolist()
        height, width = model.config.height, model.config.width
        focal = SRN_FOCAL * width
        radius = _DISTANCE * float((upper - lower).max())
        return cls((x, y, z), radius, 36.0, 25.0, (focal, focal, width / 2, height / 2))

    def camera(self, model: CategoryModel) -> Cameras:
        """The one camera, for pictures of the model's size."""
        azimuth, elevation = math.radians(self.azimuth_degrees), math.radians(self.elevation_degrees)
        across = math.cos(elevation)
        towards = torch.tensor([across * math.cos(azimuth), across * math.sin(azimuth), math.sin(elevation)])
        target = torch.tensor(self.target)
        c2w = look_at((target + self.radius * towards)[None], target)
        return Cameras(c2w, torch.tensor([self.intrinsics]), model.config.height, model.config.width)

    def as_json(self) -> dict[str, Any]:
        """Its fields as JSON values."""
        return asdict(self)
