"""Smoothing the gradients of planes."""

import torch
from jaxtyping import Float
from torch import Tensor

_TOO_LITTLE = 0.25
"""Deviation, in texels, below which a texel's neighbors have less than a thousandth of its own weight."""


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
    texels = torch.arange(gradient.shape[2], device=gradient.device)
    weights = torch.exp(-((texels[:, None] - texels) / deviation).square() / 2).to(gradient)
    weights /= weights.sum(dim=1).max()  # not row by row: the map stays its own transpose
    along_columns = weights @ gradient
    return (weights @ along_columns.flatten(3)).view_as(gradient)
