"""Where a scene may hold matter, so that rays skip the rest."""

from dataclasses import replace

import torch
from jaxtyping import Float, Int32
from torch import Tensor

from triptych.geometry import bit_grid
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
    densities = kernels.grid_densities(field, PLACES * bit_grid.SIDE, backend)
    depths = _densest(densities) * (field.aabb[1] - field.aabb[0]).norm()
    least = (EMPTY_SHARE * depths.amax(dim=(1, 2, 3), keepdim=True)).clamp_max(empty_optical_depth)
    # Neither not a number nor nothing at all is empty: what diverges, or has no density anywhere, must not vanish.
    empty = depths < least
    return bit_grid.dilate(bit_grid.pack(~empty))


def _densest(densities: Float[Tensor, "scene z y x"]) -> Float[Tensor, "scene cell_z cell_y cell_x"]:
    """The highest density in each cell, one axis after the other: several times as fast as pooling in three."""
    for axis in (1, 2, 3):
        densities = densities.unflatten(axis, (-1, PLACES)).amax(dim=axis + 1)
    return densities


def with_occupancy(field: TriPlaneField, backend: kernels.Backend = "auto") -> TriPlaneField:
    """The same scenes, rendered faster: samples in empty cells are left out."""
    return replace(field, occupancy=find_occupancy(field, backend))
