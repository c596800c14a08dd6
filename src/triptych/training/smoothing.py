"""Smoothing the gradients of planes."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_TOO_LITTLE = 0.25
"""Deviation, in texels, below which a texel's neighbors have less than a thousandth of its own weight."""
_REACH = 4.0
"""Deviations after which the Gaussian ends."""


def smoothed(gradient: Float[Tensor, "scene 3 k k feature"], deviation: float) -> Float[Tensor, "scene 3 k k feature"]:
    """The gradient convolved with a Gaussian along both axes of each plane; nothing lies beyond their borders.

    A step along it is one of steepest descent where rough changes of a plane are longer than smooth ones (a Sobolev
    metric; Nicolet, Jacobson and Jakob 2021 do the same to meshes).

    Args:
        gradient: of planes.
        deviation: of the Gaussian, in texels; where it is too small to matter, the gradient itself is returned.
    """
    if deviation < _TOO_LITTLE:
        return gradient
    side, features = gradient.shape[2], gradient.shape[-1]
    across = _gaussian(side, deviation, gradient.device).to(gradient)
    down = across @ gradient.reshape(-1, side, side * features)
    return (across @ down.reshape(-1, side, features)).reshape(gradient.shape)


def _gaussian(side: int, deviation: float, device: torch.device) -> Float[Tensor, "k k"]:
    """What each texel of a line takes from each other one; made on the device, so that no step waits for a copy."""
    reach = math.ceil(_REACH * deviation)
    weights = torch.exp(-(torch.arange(-reach, reach + 1, device=device) / deviation).square() / 2)
    weights = F.pad(weights / weights.sum(), (max(side - 1 - reach, 0),) * 2)
    middle, texels = len(weights) // 2, torch.arange(side, device=device)
    return weights[middle + texels - texels[:, None]]
