"""Points that are spread evenly, however many are taken: additive sequences of low discrepancy.

Any stretch of such a sequence is spread evenly, and what follows it lies between what came before (Roberts 2018, "The
unreasonable effectiveness of quasirandom sequences"). Fractions are counted in steps of 2^-32, which is exact.
"""

import numpy as np
from jaxtyping import Int
from torch import Tensor

from triptych.compiling import compile_inner

_ONE = 1 << 32
_FRACTION = _ONE - 1
"""The bits of a number that are not whole; several times as fast as a division."""


def _step(fraction: float) -> int:
    return round(_ONE * fraction)


_PLASTIC = 1.324717957244746
"""The root of x^3 = x + 1."""
_ON_A_LINE, _ACROSS, _DOWN = _step(1 / 1.618033988749895), _step(1 / _PLASTIC), _step(1 / _PLASTIC**2)
"""From a point to the next; on a line by the root of x^2 = x + 1."""
_ACROSS_BETWEEN, _DOWN_BETWEEN = _step(0.8191725133961645), _step(0.6710436067037893)
"""The same from a sequence to the next, by the cube's, which has nothing to do with the square's."""


def along_row(numbers: Int[Tensor, " point"], length: int) -> Int[Tensor, " point"]:
    """Places in a row of so many, by the points' numbers in their sequence; all of them below 2^31."""
    return (numbers * _ON_A_LINE & _FRACTION) * length >> 32


@compile_inner
def in_square(number, sequence):
    """A point in [0, 1]^2, for compiled loops.

    Args:
        number: which point of its sequence it is, below 2^31.
        sequence: which sequence, below 2^31; they are shifted copies of each other.
    """
    x = number * _ACROSS + sequence * _ACROSS_BETWEEN + _ONE // 2
    y = number * _DOWN + sequence * _DOWN_BETWEEN + _ONE // 2
    return np.float32(x & _FRACTION) / np.float32(_ONE), np.float32(y & _FRACTION) / np.float32(_ONE)
