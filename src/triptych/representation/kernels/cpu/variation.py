"""Total variation of tri-planes: plain loops over neighboring texels, in one pass and without temporary planes."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor

from triptych.compiling import compile_cached
from triptych.representation.kernels.cpu.threads import in_parts
from triptych.representation.kernels.gradients import differentiate_variation


def total_variation(planes: Float[Tensor, "scene 3 row column feature"]) -> Float[Tensor, ""]:
    """Mean squared difference between neighboring texels, along rows plus along columns.

    See ``reference.total_variation``. Not differentiable twice.
    """
    return _total_variation(planes)


@torch.library.custom_op("triptych::total_variation", mutates_args=(), schema="(Tensor planes) -> Tensor")
def _total_variation(planes: Tensor) -> Tensor:
    squares = np.empty((len(planes), 2))
    _for_parts_of_scenes(_compile(_sum_squares), planes, squares)
    along_rows, along_columns = squares.sum(axis=0) / np.maximum(_counts(planes), 1)
    return planes.new_tensor(along_rows + along_columns)


@torch.library.custom_op(
    "triptych::total_variation_backward", mutates_args=(), schema="(Tensor planes, Tensor gradient) -> Tensor"
)
def _total_variation_backward(planes: Tensor, gradient: Tensor) -> Tensor:
    planes_gradient = torch.empty_like(planes, memory_format=torch.contiguous_format)
    factors = (2 * float(gradient) / np.maximum(_counts(planes), 1)).astype(np.float32)
    _for_parts_of_scenes(_compile(_differentiate_squares), planes, factors, planes_gradient.numpy())
    return planes_gradient


differentiate_variation(_total_variation, _total_variation_backward)


def _counts(planes: Tensor) -> np.ndarray:
    """Numbers of differences along rows and along columns."""
    scenes, three, rows, columns, features = planes.shape
    return np.array([(rows - 1) * columns, rows * (columns - 1)]) * (scenes * three * features)


def _for_parts_of_scenes(loops: Callable[..., None], planes: Tensor, *arrays: np.ndarray) -> None:
    """Run loops on the scenes, shared out among the threads."""
    in_parts(loops, len(planes), planes.detach().contiguous().numpy(), *arrays)


@lru_cache
def _compile(function: Callable[..., None]) -> Callable[..., None]:
    return compile_cached(njit, function, nogil=True, fastmath={"contract", "reassoc"})


def _sum_squares(planes, squares, first, end):
    """Sums of squared differences of each scene along rows (between two rows) and along columns."""
    _, three, rows, columns, features = planes.shape
    size = columns * features
    for scene in range(first, end):
        along_rows, along_columns = 0.0, 0.0
        for plane in range(three):
            for r in range(rows):
                texels = planes[scene, plane, r].reshape(size)
                total = np.float32(0.0)
                for i in range(size - features):
                    total += (texels[i + features] - texels[i]) ** 2
                along_columns += total
                if r < rows - 1:
                    below = planes[scene, plane, r + 1].reshape(size)
                    total = np.float32(0.0)
                    for i in range(size):
                        total += (below[i] - texels[i]) ** 2
                    along_rows += total
        squares[scene, 0], squares[scene, 1] = along_rows, along_columns


def _differentiate_squares(planes, factors, gradient, first, end):
    """Gradient of factor / 2 times the sums: differences of each texel from its neighbors."""
    _, three, rows, columns, features = planes.shape
    size = columns * features
    row_factor, column_factor = factors[0], factors[1]
    for scene in range(first, end):
        for plane in range(three):
            for r in range(rows):
                texels = planes[scene, plane, r].reshape(size)
                out = gradient[scene, plane, r].reshape(size)
                above = planes[scene, plane, max(r - 1, 0)].reshape(size)  # at the border: no difference
                below = planes[scene, plane, min(r + 1, rows - 1)].reshape(size)
                for i in range(size):
                    out[i] = row_factor * ((texels[i] - above[i]) + (texels[i] - below[i]))
                for i in range(features, size):
                    out[i] += column_factor * (texels[i] - texels[i - features])
                for i in range(size - features):
                    out[i] += column_factor * (texels[i] - texels[i + features])
