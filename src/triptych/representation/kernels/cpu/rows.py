"""Adam on micro planes, in one pass over their texels: the gradient smoothed, the step taken, the full planes set.

As `triptych.training.row_adam` and `triptych.training.smoothing` have it, whose tensors for each part of this take
several times as long to write and to read as the arithmetic does.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from numba import njit
from torch import Tensor

from triptych.compiling import compile_cached
from triptych.representation.kernels.cpu.layout import SOURCES
from triptych.representation.kernels.cpu.memory import advance, floats_at, load8, load32, read, store, write
from triptych.representation.kernels.cpu.threads import in_parts
from triptych.representation.kernels.cpu.vectors import absolute, compiled, fma, inlined, root, spread32, sum_of_lanes

_LANES = 8
_COLUMN = 32
"""Numbers side by side in a plane's rows that are smoothed down the plane together."""


class Rows(NamedTuple):
    """Micro planes of scenes and their Adam state, contiguous, in float32."""

    values: Float[Tensor, "scene 3 k k micro"]
    first_moment: Float[Tensor, "scene 3 k k micro"]
    second_moment: Float[Tensor, "scene 3 k k micro"]


class Adam(NamedTuple):
    """Adam's constants in a step, those that follow from how many steps a scene has taken one by one.

    Attributes:
        gradient_scale: what gradients are multiplied by.
        momentum: beta1.
        squares: beta2.
        epsilon: added to the root of the second moment.
        rates: step sizes, corrected for the first moment's start at zero.
        roots: what roots of the second moment are multiplied by, which corrects for that of its own.
    """

    gradient_scale: float
    momentum: float
    squares: float
    epsilon: float
    rates: Float[np.ndarray, " scene"]
    roots: Float[np.ndarray, " scene"]


def supports(planes: Float[Tensor, "scene 3 k k feature"]) -> bool:
    """Whether planes have as many numbers as the loops take at a time."""
    features, row = planes.shape[-1], planes[0, 0, 0].numel()
    return features % _LANES == 0 and row % _COLUMN == 0 and planes.shape[3] % _LANES == 0


def step_rows(
    rows: Rows,
    planes: Float[Tensor, "scene 3 k k feature"],
    gradient: Float[Tensor, "scene 3 k k feature"],
    weights: Float[Tensor, " distance"],
    adam: Adam,
) -> None:
    """One Adam step on the micro planes of all scenes, which are then the first features of full planes.

    Args:
        rows: changed in place.
        planes: see ``supports``; changed in place.
        gradient: of the full planes; what belongs to other features is left out.
        weights: what a texel takes from those at each distance along both axes of its plane, from 0 up; none for the
            gradient as it is.
        adam: the constants.
    """
    used = np.trim_zeros(weights.numpy(), "b")
    tensors = [tensor.numpy() for tensor in (*rows, planes, gradient)]
    scalars = [np.float32(value) for value in (adam.gradient_scale, adam.momentum, adam.squares, adam.epsilon)]
    of_scenes = adam.rates.astype(np.float32), adam.roots.astype(np.float32)
    in_parts(_compiled(), 3 * len(planes), *tensors, used, *scalars, *of_scenes)


@lru_cache
def _compiled() -> Any:
    return compile_cached(njit, _step_planes, sources=SOURCES, nogil=True)


def _step_planes(
    values, means, squares, planes, gradient, weights, scale, momentum, decay, epsilon, rates, roots, first, end
):
    """The step of planes from ``first`` on, before ``end``, counted through all scenes."""
    side, micro, features = values.shape[2], values.shape[4], planes.shape[4]
    full, own, taps = side * features, side * micro, len(weights)
    smooth, line = np.empty((side, full), np.float32), np.empty(full + _LANES, np.float32)
    told, reached = np.empty(side, np.bool_), np.empty(side, np.bool_)
    weight, out, room = floats_at(weights.ctypes.data), floats_at(line.ctypes.data), floats_at(smooth.ctypes.data)
    for plane in range(first, end):
        scene, start = plane // 3, plane * side
        slopes = advance(floats_at(gradient.ctypes.data), start * full)
        if taps:
            _smooth_down(slopes, weight, taps, side, full, told, reached, room)
        for row in range(side):
            if taps and reached[row]:
                _smooth_along(advance(room, row * full), weight, taps, side, features, micro, out)
            elif not taps:
                _gather_micro(advance(slopes, row * full), side, features, micro, out)
            else:
                line[:] = 0.0
            place = (start + row) * own
            value = advance(floats_at(values.ctypes.data), place)
            mean = advance(floats_at(means.ctypes.data), place)
            square = advance(floats_at(squares.ctypes.data), place)
            for i in range(0, own, _LANES):
                slope = load8(out, i) * scale
                average, variance = load8(mean, i), load8(square, i)
                average = fma(slope - average, np.float32(1.0) - momentum, average)
                variance = fma(fma(slope, slope, -variance), np.float32(1.0) - decay, variance)
                store(mean, i, average)
                store(square, i, variance)
                store(value, i, load8(value, i) - average * rates[scene] / (root(variance) * roots[scene] + epsilon))
            _scatter_micro(value, side, features, micro, advance(floats_at(planes.ctypes.data), (start + row) * full))


@compiled
def _smooth_down(slopes, weights, taps, side, full, told, reached, out):
    """Each row of a plane as the weighted sum of rows beside it. Rows without any number but 0 are not ``told`` of, and
    what none of the others reaches is not written."""
    for row in range(side):
        told[row] = _tells(advance(slopes, row * full), full)
    for row in range(side):
        reached[row] = told[max(row - taps + 1, 0) : row + taps].any()
    for i in range(0, full, _COLUMN):
        column, to = advance(slopes, i), advance(out, i)
        for row in range(side):
            if not reached[row]:
                continue
            total = spread32(0.0)
            for other in range(max(row - taps + 1, 0), min(row + taps, side)):
                if told[other]:
                    total = fma(load32(column, other * full), read(weights, abs(other - row)), total)
            store(to, row * full, total)


@inlined
def _tells(numbers, count):
    total = spread32(0.0)
    for i in range(0, count, _COLUMN):
        total = total + absolute(load32(numbers, i))
    return sum_of_lanes(total) != 0.0


@compiled
def _smooth_along(row, weights, taps, side, features, micro, out):
    """The micro features of each texel of a row as the weighted sum of those beside it."""
    for column in range(side):
        first, end = max(column - taps + 1, 0), min(column + taps, side)
        for f in range(0, micro, _LANES):
            total = load8(row, first * features + f) * read(weights, column - first)
            for other in range(first + 1, end):
                total = fma(load8(row, other * features + f), read(weights, abs(other - column)), total)
            store(out, column * micro + f, total)  # what is too much of the last ones, the next texel overwrites


@inlined
def _gather_micro(row, side, features, micro, out):
    """The micro features of a row's texels, one texel after the other."""
    for column in range(side):
        for f in range(0, micro, _LANES):
            store(out, column * micro + f, load8(row, column * features + f))


@inlined
def _scatter_micro(values, side, features, micro, row):
    """The transpose: into a row's texels, whose other features stay."""
    whole = micro - micro % _LANES
    for column in range(side):
        for f in range(0, whole, _LANES):
            store(row, column * features + f, load8(values, column * micro + f))
        for f in range(whole, micro):
            write(row, column * features + f, read(values, column * micro + f))
