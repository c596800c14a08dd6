"""Rays and where they meet the scene box."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from triptych.runtime import sent


@dataclass(frozen=True)
class Rays:
    """Half-lines origin + t · direction, with unit directions, so that t is a distance in world units."""

    origins: Float[Tensor, "*batch 3"]
    directions: Float[Tensor, "*batch 3"]

    def __getitem__(self, index: Any) -> "Rays":
        """Index the batch axes, as a tensor's."""
        return Rays(self.origins[index], self.directions[index])

    def flatten(self) -> "Rays":
        """The same rays with all batch axes merged into one."""
        return Rays(self.origins.reshape(-1, 3), self.directions.reshape(-1, 3))

    def to(self, device: torch.device | str) -> "Rays":
        """The same rays on another device."""
        return Rays(sent(self.origins, device), sent(self.directions, device))


@dataclass(frozen=True)
class SceneRays:
    """Rays of one or several scenes, grouped by scene.

    Attributes:
        flat: all rays, scene after scene.
        per_scene: how many of them belong to each scene; sums to the number of rays.
    """

    flat: Rays
    per_scene: Sequence[int]

    @classmethod
    def of_one(cls, rays: Rays) -> "SceneRays":
        """Rays of any shape, all of one scene."""
        flat = rays.flatten()
        return cls(flat, [len(flat.origins)])

    @classmethod
    def of_views(cls, rays: Rays, views_per_scene: Sequence[int]) -> "SceneRays":
        """The rays [view, ray] of views that are grouped by scene."""
        per_view = rays.origins.shape[1]
        return cls(rays.flatten(), [views * per_view for views in views_per_scene])

    @classmethod
    def together(cls, parts: Sequence["SceneRays"]) -> "SceneRays":
        """All scenes of several groups."""
        origins, directions = (
            torch.cat(values) for values in zip(*((p.flat.origins, p.flat.directions) for p in parts), strict=True)
        )
        return cls(Rays(origins, directions), [count for part in parts for count in part.per_scene])

    def split(self, values: Shaped[Tensor, "ray *value"]) -> tuple[Tensor, ...]:
        """What belongs to each scene of something that has a row per ray."""
        return values.split(list(self.per_scene))


def intersect_aabb(rays: Rays, aabb: Float[Tensor, "2 3"]) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
    """Distances at which rays enter and leave an axis-aligned box (the slab method).

    A ray that starts inside the box enters at 0. A ray that misses it gets near = far = 0, an interval of no length.

    Args:
        rays: rays with unit directions.
        aabb: lower corner, then upper corner of the box.

    Returns:
        near and far, with 0 <= near <= far.
    """
    # A component of exactly zero would give 0 * inf = nan on a face of the box.
    tiny = torch.finfo(rays.directions.dtype).tiny ** 0.5
    safe = torch.where(rays.directions.abs() < tiny, torch.full_like(rays.directions, tiny), rays.directions)
    t_lower = (aabb[0] - rays.origins) / safe
    t_upper = (aabb[1] - rays.origins) / safe
    near = torch.minimum(t_lower, t_upper).amax(dim=-1).clamp_min(0.0)
    far = torch.maximum(t_lower, t_upper).amin(dim=-1)
    hit = far > near
    zero = torch.zeros_like(near)
    return torch.where(hit, near, zero), torch.where(hit, far, zero)
