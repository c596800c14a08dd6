"""Points that are spread evenly, however many are taken: additive sequences of low discrepancy.

Any stretch of such a sequence is spread evenly, and what follows it lies between what came before (Roberts 2018, "The
unreasonable effectiveness of quasirandom sequences").
"""

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

_GOLDEN = 1.618033988749895
"""The root of x^2 = x + 1."""
_PLASTIC = 1.324717957244746
"""The root of x^3 = x + 1."""
_BETWEEN_SEQUENCES = (0.8191725133961645, 0.6710436067037893)
"""From a point of the cube's sequence to the next, which has nothing to do with the square's."""


def along_line(numbers: Int[Tensor, " point"]) -> Float64[Tensor, " point"]:
    """Points in [0, 1), by their numbers in the sequence."""
    return numbers.double() / _GOLDEN % 1


def in_square(numbers: Int[Tensor, " point"], sequences: Int[Tensor, " point"]) -> Float[Tensor, "point 2"]:
    """Points in [0, 1]^2.

    Args:
        numbers: which point of its sequence each is.
        sequences: which sequence; they are shifted copies of each other.
    """
    step = torch.tensor([1 / _PLASTIC, 1 / _PLASTIC**2], dtype=torch.float64)
    shift = torch.tensor(_BETWEEN_SEQUENCES, dtype=torch.float64)
    return ((numbers[:, None] * step + sequences[:, None] * shift + 0.5) % 1).float()
