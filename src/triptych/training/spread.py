"""Points that are spread evenly, however many are taken: additive sequences of low discrepancy.

Any stretch of such a sequence is spread evenly, and what follows it lies between what came before (Roberts 2018, "The
unreasonable effectiveness of quasirandom sequences"). Fractions are counted in steps of 2^-32, which is exact.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_ONE = 1 << 32
_FRACTION = _ONE - 1
"""The bits of a number that are not whole; several times as fast as a division."""


def _steps(*fractions: float) -> Int[Tensor, " axis"]:
    return torch.tensor([round(_ONE * fraction) for fraction in fractions])


_PLASTIC = 1.324717957244746
"""The root of x^3 = x + 1."""
_ON_A_LINE, _IN_A_SQUARE = _steps(1 / 1.618033988749895), _steps(1 / _PLASTIC, 1 / _PLASTIC**2)
"""From a point to the next; on a line by the root of x^2 = x + 1."""
_BETWEEN_SEQUENCES = _steps(0.8191725133961645, 0.6710436067037893)
"""The same of the cube's sequence, which has nothing to do with the square's."""


def along_row(numbers: Int[Tensor, " point"], length: int) -> Int[Tensor, " point"]:
    """Places in a row of so many, by the points' numbers in their sequence; all of them below 2^31."""
    return (numbers * _ON_A_LINE & _FRACTION) * length >> 32


def in_square(numbers: Int[Tensor, " point"], sequences: Int[Tensor, " point"]) -> Float[Tensor, "point 2"]:
    """Points in [0, 1]^2.

    Args:
        numbers: which point of its sequence each is, below 2^31.
        sequences: which sequence, below 2^31; they are shifted copies of each other.
    """
    start = (sequences[:, None] * _BETWEEN_SEQUENCES & _FRACTION) + _ONE // 2
    return ((numbers[:, None] * _IN_A_SQUARE + start) & _FRACTION).float() / _ONE
