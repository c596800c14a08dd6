"""Points of a square that are spread evenly, however many are taken."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_PLASTIC = 1.324717957244746
"""The root of x^3 = x + 1."""
_STEP = (1 / _PLASTIC, 1 / _PLASTIC**2)
"""From a point to the next (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences")."""
_BETWEEN_SEQUENCES = (0.8191725133961645, 0.6710436067037893)
"""The same of the cube's sequence, which has nothing to do with the square's."""


def spread(numbers: Int[Tensor, " point"], sequences: Int[Tensor, " point"]) -> Float[Tensor, "point 2"]:
    """Points in [0, 1]^2 of additive sequences of low discrepancy: any stretch of one is spread evenly, and so is what
    follows it between what came before.

    Args:
        numbers: which point of its sequence each is.
        sequences: which sequence; they are shifted copies of each other.
    """
    along, across = (torch.tensor(each, dtype=torch.float64) for each in (_STEP, _BETWEEN_SEQUENCES))
    return ((numbers[:, None] * along + sequences[:, None] * across + 0.5) % 1).float()
