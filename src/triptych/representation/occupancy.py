"""Where a scene may hold matter, so that rays skip the rest."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Int32
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
    kept if any of these, or of the eighths of other cells that touch it, is more than fog.

    Args:
        field: the scenes.
        backend: what computes the densities.
        empty_optical_depth: see ``EMPTY_OPTICAL_DEPTH``; less while a scene still grows out of fog.
    """
    densities = kernels.grid_densities(field, PLACES * bit_grid.SIDE, backend)
    depths = densities * (field.aabb[1] - field.aabb[0]).norm()
    least = (EMPTY_SHARE * depths.amax(dim=(1, 2, 3), keepdim=True)).clamp_max(empty_optical_depth)
    # Neither not a number nor nothing at all is empty: what diverges, or has no density anywhere, must not vanish.
    return bit_grid.pack(_touched(~(depths < least)))


def _touched(eighths: Bool[Tensor, "scene z y x"]) -> Bool[Tensor, "scene cell_z cell_y cell_x"]:
    """The cells of which any eighth is given, or any that touches them."""
    for axis in (1, 2, 3):
        first, second = eighths.unflatten(axis, (-1, PLACES)).unbind(dim=axis + 1)
        cells = first | second
        rest = cells.shape[axis] - 1
        cells.narrow(axis, 1, rest).logical_or_(second.narrow(axis, 0, rest))
        cells.narrow(axis, 0, rest).logical_or_(first.narrow(axis, 1, rest))
        eighths = cells
    return eighths


def with_occupancy(field: TriPlaneField, backend: kernels.Backend = "auto") -> TriPlaneField:
    """The same scenes, rendered faster: samples in empty cells are left out."""
    return replace(field, occupancy=find_occupancy(field, backend))
