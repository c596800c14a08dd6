"""Where a scene may hold matter, so that rays skip the rest."""

from dataclasses import replace

import torch
from jaxtyping import Int32
from torch import Tensor

from triptych.geometry import Intervals, Rays, SceneRays, bit_grid
from triptych.representation import kernels
from triptych.representation.config import EMPTY_OPTICAL_DEPTH, EMPTY_SHARE
from triptych.representation.field import TriPlaneField

PLACES = 2
"""Places along each axis of a cell where its density is looked up: legs of chairs pass between the middles of cells."""


@torch.no_grad()
def find_occupancy(
    field: TriPlaneField, backend: kernels.Backend = "auto", empty_optical_depth: float = EMPTY_OPTICAL_DEPTH
) -> Int32[Tensor, "scene z y"]:
    """The cells of each scene that may hold matter, in the bits of `triptych.geometry.bit_grid`.

    The density is looked up in the middle of every eighth of a cell, whatever the field's present occupancy; a cell is
    kept if any of these, or of those of its 26 neighbors, is more than fog.

    Args:
        field: the scenes.
        backend: what computes the densities.
        empty_optical_depth: see ``EMPTY_OPTICAL_DEPTH``; less while a scene still grows out of fog.
    """
    lower, upper = field.aabb
    size = upper - lower
    scenes, side = len(field.planes), PLACES * bit_grid.SIDE
    middles = (torch.arange(side, device=size.device) + 0.5) / side
    z, y = torch.meshgrid(middles, middles, indexing="ij")
    # A row of places along x is a ray that is cut into intervals around them.
    rows = lower + size * torch.stack([torch.zeros_like(y), y, z], dim=-1).reshape(-1, 3)
    along_x = torch.eye(3, device=size.device)[0]
    rays = SceneRays(Rays(rows.repeat(scenes, 1), along_x.expand(scenes * side**2, 3)), [side**2] * scenes)
    edges = (size[0] * torch.arange(side + 1, device=size.device) / side).expand(scenes * side**2, side + 1)
    densities = kernels.densities(field, rays, Intervals.between(edges), backend)
    of_cells = densities.reshape(scenes, *[bit_grid.SIDE, PLACES] * 3).amax(dim=(2, 4, 6))
    depths = of_cells * size.norm()
    least = (EMPTY_SHARE * depths.amax(dim=(1, 2, 3), keepdim=True)).clamp_max(empty_optical_depth)
    # Not a number is not empty: a scene that diverges must not vanish.
    empty = depths <= least
    return bit_grid.pack(bit_grid.dilate(~empty))


def with_occupancy(field: TriPlaneField, backend: kernels.Backend = "auto") -> TriPlaneField:
    """The same scenes, rendered faster: samples in empty cells are left out."""
    return replace(field, occupancy=find_occupancy(field, backend))
