"""A box divided into 32 x 32 x 32 cells that hold one bit each.

The bits of a row of cells along x are one 32-bit integer: ``bits[z, y] >> x & 1``. A grid takes 4 KiB.
"""

import torch
from jaxtyping import Bool, Float, Int32
from torch import Tensor

SIDE = 32
"""Cells along each side of the box."""


def everywhere() -> Int32[Tensor, "z y"]:
    """A grid with all bits set."""
    return torch.full((SIDE, SIDE), -1, dtype=torch.int32)


def pack(cells: Bool[Tensor, "*batch z y x"]) -> Int32[Tensor, "*batch z y"]:
    """One bit for each cell."""
    # The highest bit of a 32-bit integer is its sign: sum in 64 bits, and let the conversion wrap.
    powers = 1 << torch.arange(SIDE, device=cells.device)
    return (cells * powers).sum(dim=-1).to(torch.int32)


def unpack(bits: Int32[Tensor, "*batch z y"]) -> Bool[Tensor, "*batch z y x"]:
    """The cells, one by one."""
    return (bits[..., None] >> torch.arange(SIDE, dtype=torch.int32, device=bits.device) & 1).bool()


def at_points(
    bits: Int32[Tensor, "z y"], points: Float[Tensor, "*point 3"], aabb: Float[Tensor, "2 3"]
) -> Bool[Tensor, "*point"]:
    """The bits of the cells in which world points lie; a point outside the box is moved to its surface."""
    place = (points - aabb[0]) / (aabb[1] - aabb[0]) * SIDE
    x, y, z = place.clamp(0, SIDE - 1).to(torch.int32).unbind(dim=-1)
    return (bits[z, y] >> x & 1).bool()


def dilate(cells: Bool[Tensor, "grid z y x"]) -> Bool[Tensor, "grid z y x"]:
    """The cells, and the 26 neighbors of each."""
    spread = torch.nn.functional.max_pool3d(cells[:, None].float(), kernel_size=3, stride=1, padding=1)
    return spread[:, 0] > 0
