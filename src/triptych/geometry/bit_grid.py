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


def dilate(bits: Int32[Tensor, "*batch z y"]) -> Int32[Tensor, "*batch z y"]:
    """The cells, and the 26 neighbors of each."""
    # The highest bit is the sign, which a shift to the right repeats.
    bits = bits | bits << 1 | bits >> 1 & 0x7FFFFFFF
    for axis in (-1, -2):
        rest, none = SIDE - 1, torch.zeros_like(bits.narrow(axis, 0, 1))
        after = torch.cat([bits.narrow(axis, 1, rest), none], dim=axis)
        before = torch.cat([none, bits.narrow(axis, 0, rest)], dim=axis)
        bits = bits | after | before
    return bits
