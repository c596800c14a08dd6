"""The block discrete cosine transform of color images: the autoencoder's starting point."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

_GRAY = (1.0, 1.0, 1.0)
_OPPONENTS = ((1.0, 0.0, -1.0), (1.0, -2.0, 1.0))
_CHROMA_PENALTY = 8.0


def color_dct_patterns(size: int, count: int) -> Float[Tensor, "pattern 3 size size"]:
    """The first ``count`` of an orthonormal basis of ``size`` x ``size`` RGB blocks, smoothest first.

    A pattern is a color axis (gray, red-blue, green-magenta) times a 2-D cosine of the DCT-II,
    sqrt((2 - [k = 0]) / n) cos(pi (i + 1/2) k / n) along each side. The three constant patterns come first,
    so that every block keeps its mean color; the others follow by squared frequency, to which 8 is added for
    a chromatic one, since edges of shading carry more energy than edges of hue.
    """
    assert 0 < count <= 3 * size**2
    cosines = _cosines(size)
    axes = [torch.tensor(axis) / math.hypot(*axis) for axis in (_GRAY, *_OPPONENTS)]
    order = sorted(
        (
            (
                row**2 + column**2 + (_CHROMA_PENALTY if axis else 0.0) if row or column else -1.0,
                row,
                column,
                axis,
            )
            for row in range(size)
            for column in range(size)
            for axis in range(3)
        ),
    )
    return torch.stack(
        [
            torch.einsum("c,y,x->cyx", axes[axis], cosines[row], cosines[column])
            for _, row, column, axis in order[:count]
        ]
    )


def _cosines(size: int) -> Float[Tensor, "frequency sample"]:
    frequency, sample = torch.arange(size)[:, None], torch.arange(size)[None] + 0.5
    scale = torch.where(frequency == 0, 1.0, 2.0).div(size).sqrt()
    return scale * torch.cos(math.pi * frequency * sample / size)
