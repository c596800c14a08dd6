"""The middles of a grid's cells as the samples of rays, for kernels that look densities up along these."""

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Intervals, Rays, SceneRays


def rows_of_grid(aabb: Float[Tensor, "2 3"], side: int, scenes: int) -> tuple[SceneRays, Intervals]:
    """A ray along x for each row of the ``side``³ cells of a box, cut into intervals around their middles.

    Args:
        aabb: the box.
        side: cells along each axis.
        scenes: how many scenes have such rays, [scene, z, y].
    """
    size = aabb[1] - aabb[0]
    middles = (torch.arange(side, device=size.device) + 0.5) / side
    z, y = torch.meshgrid(middles, middles, indexing="ij")
    rows = aabb[0] + size * torch.stack([torch.zeros_like(y), y, z], dim=-1).reshape(-1, 3)
    along_x = torch.eye(3, device=size.device)[0]
    rays = SceneRays(Rays(rows.repeat(scenes, 1), along_x.expand(scenes * side**2, 3)), [side**2] * scenes)
    edges = (size[0] * torch.arange(side + 1, device=size.device) / side).expand(scenes * side**2, side + 1)
    return rays, Intervals.between(edges)
