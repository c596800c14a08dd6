"""Which way is up, by how people hold cameras, or where they stand."""

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.photos.config import Up

_CLEARLY = 0.25
"""By this factor the sides of pictures must be more level than their rows for pictures to stand on their side."""


def upward(c2w: Float[Tensor, "view 3 4"], center: Float[Tensor, "3"], up: Up) -> Float[Tensor, "3"]:
    """The direction that is up in the cameras' world, of length 1.

    Args:
        c2w: camera to world, OpenCV axes.
        center: of the object.
        up: what tells it.
    """
    if up == "keep":
        return torch.tensor([0.0, 0.0, 1.0], dtype=c2w.dtype)
    above = -c2w[:, :, 1].mean(dim=0)
    if up == "mean":
        return torch.nn.functional.normalize(above, dim=0)
    if up == "plane":
        eyes = c2w[:, :, 3] - c2w[:, :, 3].mean(dim=0)
        return _toward(_flattest(eyes)[0], above)
    return _level(c2w, center, above)


def _level(c2w: Float[Tensor, "view 3 4"], center: Float[Tensor, "3"], above: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    """The direction across the rows of all pictures; across their columns, if these are clearly more level: pixels of
    pictures in portrait are stored on their side."""
    by_rows, by_columns = _flattest(c2w[:, :, 0]), _flattest(c2w[:, :, 1])
    if by_columns[1] < _CLEARLY * by_rows[1]:
        # Nothing in the pictures says which side is up: people look down at things.
        return _toward(by_columns[0], (c2w[:, :, 3] - center).mean(dim=0))
    return _toward(by_rows[0], above)


def _flattest(vectors: Float[Tensor, "vector 3"]) -> tuple[Float[Tensor, "3"], float]:
    """The direction across all vectors, and how clear it is: 0 where they lie in a plane, 1 where it is no better than
    another direction."""
    values, directions = torch.linalg.eigh(vectors.T @ vectors)
    return directions[:, 0], float(values[0].clamp_min(1e-12) / values[1].clamp_min(1e-12))


def _toward(direction: Float[Tensor, "3"], side: Float[Tensor, "3"]) -> Float[Tensor, "3"]:
    return direction if float(direction @ side) >= 0 else -direction
