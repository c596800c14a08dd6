"""Total variation of tri-planes: one pass over the texels each way, and no temporary planes.

TV = mean (T[r + 1, c] - T[r, c])^2 + mean (T[r, c + 1] - T[r, c])^2
"""

import torch
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

from triptych.representation.kernels.gradients import differentiate_variation
from triptych.representation.kernels.triton.language import compiled, power_of_two

_BLOCK = 1024


def total_variation(planes: Float[Tensor, "scene 3 row column feature"]) -> Float[Tensor, ""]:
    """Mean squared difference between neighboring texels, along rows plus along columns.

    See ``reference.total_variation``. Not differentiable twice.
    """
    return _total_variation(planes)


@compiled
def _sum_squares(planes, squares, rows, size, features, BLOCK: tl.constexpr):
    """Sums of squared differences of each row of ``size`` floats, with the row below it and along itself."""
    line = tl.program_id(0).to(tl.int64)
    texels = planes + line * size
    to_below = tl.where(line % rows < rows - 1, size, 0)  # at the border: no difference
    along_rows, along_columns = tl.zeros([BLOCK], tl.float32), tl.zeros([BLOCK], tl.float32)
    for first in range(0, size, BLOCK):
        i = first + tl.arange(0, BLOCK)
        value = tl.load(texels + i, i < size, other=0.0)
        difference = tl.load(texels + to_below + i, i < size, other=0.0) - value
        along_rows += difference * difference
        to_right = tl.where(i < size - features, features, 0)
        difference = tl.load(texels + to_right + i, i < size, other=0.0) - value
        along_columns += difference * difference
    tl.store(squares + 2 * line, tl.sum(along_rows, axis=0))
    tl.store(squares + 2 * line + 1, tl.sum(along_columns, axis=0))


@compiled
def _differentiate_squares(planes, factors, gradient, rows, size, features, BLOCK: tl.constexpr):
    """Gradient of a part of a row: its differences with its four neighbors times the factor of their direction."""
    line = tl.program_id(0).to(tl.int64)
    row = line % rows
    i = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    texels, inside = planes + line * size, i < size
    value = tl.load(texels + i, inside, other=0.0)
    above = tl.load(texels + tl.where(row > 0, i - size, i), inside, other=0.0)
    below = tl.load(texels + tl.where(row < rows - 1, i + size, i), inside, other=0.0)
    left = tl.load(texels + tl.where(i >= features, i - features, i), inside, other=0.0)
    right = tl.load(texels + tl.where(i < size - features, i + features, i), inside, other=0.0)
    total = tl.load(factors) * ((value - above) + (value - below))
    total += tl.load(factors + 1) * ((value - left) + (value - right))
    tl.store(gradient + line * size + i, total, inside)


@torch.library.custom_op("triptych::triton_total_variation", mutates_args=(), schema="(Tensor planes) -> Tensor")
def _total_variation(planes: Tensor) -> Tensor:
    planes = planes.contiguous()
    lines, rows, size = _lines(planes)
    squares = planes.new_empty((lines, 2))
    if size:
        with torch.cuda.device_of(planes):
            _sum_squares[(lines,)](planes, squares, rows, size, planes.shape[-1], BLOCK=min(_BLOCK, power_of_two(size)))
    return (squares.double().sum(dim=0) / _counts(planes)).sum().to(planes.dtype)


@torch.library.custom_op(
    "triptych::triton_total_variation_backward", mutates_args=(), schema="(Tensor planes, Tensor gradient) -> Tensor"
)
def _total_variation_backward(planes: Tensor, gradient: Tensor) -> Tensor:
    planes = planes.contiguous()
    lines, rows, size = _lines(planes)
    planes_gradient, factors = torch.empty_like(planes), 2 * gradient / _counts(planes).to(planes.dtype)
    block = min(_BLOCK, power_of_two(size))
    with torch.cuda.device_of(planes):
        _differentiate_squares[(lines, -(-size // block))](
            planes, factors, planes_gradient, rows, size, planes.shape[-1], BLOCK=block
        )
    return planes_gradient


differentiate_variation(_total_variation, _total_variation_backward)


def _lines(planes: Tensor) -> tuple[int, int, int]:
    """Rows of all planes together, rows of a plane, floats of a row."""
    scenes, three, rows, columns, features = planes.shape
    return scenes * three * rows, rows, columns * features


def _counts(planes: Tensor) -> Tensor:
    """Numbers of differences along rows and along columns, at least 1."""
    scenes, three, rows, columns, features = planes.shape
    count = scenes * three * features
    along_rows = torch.full((1,), max(count * (rows - 1) * columns, 1), dtype=torch.float64, device=planes.device)
    return torch.cat([along_rows, along_rows.new_full((1,), max(count * rows * (columns - 1), 1))])
