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
    reach, features = math.ceil(_REACH * deviation), gradient.shape[-1]
    offsets = torch.arange(-reach, reach + 1, device=gradient.device)
    weights = torch.exp(-(offsets / deviation).square() / 2).to(gradient)
    weights = (weights / weights.sum()).expand(features, 1, -1)
    planes = gradient.flatten(0, 1).permute(0, 3, 1, 2)
    planes = F.conv2d(planes, weights[..., None], padding=(reach, 0), groups=features)
    planes = F.conv2d(planes, weights[:, :, None], padding=(0, reach), groups=features)
    return planes.permute(0, 2, 3, 1).reshape(gradient.shape)
