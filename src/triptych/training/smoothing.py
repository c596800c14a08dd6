"""Smoothing the gradients of planes."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.representation.planes import along_both_axes

_TOO_LITTLE = 0.25
"""Deviation, in texels, below which a texel's neighbors have less than a thousandth of its own weight."""
_REACH = 4.0
"""Deviations after which the Gaussian ends."""


def gaussian(side: int, deviation: float) -> Float[Tensor, " distance"]:
    """What a texel takes from those at each distance in a row of ``side``, from 0 up, on the CPU.

    Args:
        side: texels in a row.
        deviation: of the Gaussian, in texels; where it is too small to matter, there are no weights at all.
    """
    if deviation < _TOO_LITTLE:
        return torch.zeros(0)
    weights = [math.exp(-((distance / deviation) ** 2) / 2) for distance in range(math.ceil(_REACH * deviation) + 1)]
    whole = 2 * sum(weights) - weights[0]
    return torch.tensor([weight / whole for weight in weights] + side * [0.0])[:side]


def smoothed(
    gradient: Float[Tensor, "scene 3 k k feature"], weights: Float[Tensor, " distance"]
) -> Float[Tensor, "scene 3 k k feature"]:
    """The gradient convolved along both axes of each plane; nothing lies beyond their borders.

    A step along it is one of steepest descent where rough changes of a plane are longer than smooth ones (a Sobolev
    metric; Nicolet, Jacobson and Jakob 2021 do the same to meshes).

    Args:
        gradient: of planes.
        weights: see ``gaussian``, on the same device; without any, the gradient itself is returned.
    """
    if not len(weights):
        return gradient
    texels = torch.arange(gradient.shape[2], device=gradient.device)
    return along_both_axes(weights.to(gradient)[(texels - texels[:, None]).abs()], gradient)
