"""The wavelet of JPEG 2000 (Cohen, Daubechies, Feauveau 9/7), by lifting, on square planes.

Along each axis, a line of even length becomes its coarse half, then its fine half; the next level takes the coarse
quarter of what the last one has made. What is read is computed in one order of operations, each rounded to the
precision of the planes, so that any machine gets the same bits.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from triptych.compiling import compile_cached, compile_inner

MOST_LEVELS = 4
_FINE, _COARSE, _FINE_AGAIN, _COARSE_AGAIN = (
    -1.586134342059924,
    -0.052980118572961,
    0.882911075530934,
    0.443506852043971,
)
"""What is added of both neighbors, step by step."""
_SCALE = 1.149604398860241
"""Of the coarse half, and its inverse of the fine one: nearly keeps lengths."""

_TOGETHER = 128
"""Numbers beside each other in memory while lines are computed, of which processors do several at a time: so many that
all that is needed at once stays near."""


def levels_of(side: int) -> int:
    """How often the side of a plane can be halved, up to ``MOST_LEVELS`` times."""
    return next(level for level in range(MOST_LEVELS + 1) if side >> level & 1 or level == MOST_LEVELS)


@cache
def bands_of(side: int) -> Int[np.ndarray, "band 5"]:
    """Where the bands lie, from coarse to fine: first row and column, rows, columns, and the level, from 0 on."""
    levels = levels_of(side)
    coarsest = side >> levels
    bands = [(0, 0, coarsest, coarsest, 0)]
    for level in range(1, levels + 1):
        half = side >> (levels - level + 1)
        bands += [(half, 0, half, half, level), (0, half, half, half, level), (half, half, half, half, level)]
    return np.array(bands, np.int64)


def level_map(side: int) -> Int[np.ndarray, "row column"]:
    """The level of each coefficient."""
    levels = np.zeros((side, side), np.int64)
    for top, left, rows, columns, level in bands_of(side):
        levels[top : top + rows, left : left + columns] = level
    return levels


def forward(planes: Float[np.ndarray, "*scene row column plane"]) -> Float[np.ndarray, "*scene row column plane"]:
    """Coefficients of planes, each in its band's place, as precise as these are."""
    found = np.array(planes, order="C")
    weights = np.array([_FINE, _COARSE, _FINE_AGAIN, _COARSE_AGAIN, _SCALE], found.dtype)
    for beside in found.reshape(-1, *found.shape[-3:]):
        _compiled(_forward)(beside, levels_of(len(beside)), weights)
    return found


def invert(coefficients: Float[np.ndarray, "row column plane"]) -> None:
    """Make planes of their coefficients, in place and in their precision, single or double."""
    side = len(coefficients)
    weights = np.array([_COARSE_AGAIN, _FINE_AGAIN, _COARSE, _FINE, _SCALE], coefficients.dtype)
    _compiled(_invert)(coefficients, levels_of(side), weights)


@cache
def _compiled(function: Callable[..., None]) -> Any:
    return compile_cached(njit, function, nogil=True, error_model="numpy")


@compile_inner
def _take(to, of, weight, width):
    """Take away what the coarse half has got from the fine one: each place from its own and the one before."""
    for place in range(width):
        to[place] -= weight * (of[place] + of[place])
    later, own = to[width:], of[width:]
    for place in range(len(later)):
        later[place] -= weight * (own[place] + of[place])


@compile_inner
def _take_back(to, of, weight, width):
    """The same the other way: each place from its own and the one after."""
    last, after = len(to) - width, of[width:]
    for place in range(last):
        to[place] -= weight * (of[place] + after[place])
    for place in range(last, len(to)):
        to[place] -= weight * (of[place] + of[place])


@compile_inner
def _joined(lines, start, width, size, coarse, fine, weights):
    """Make lines, those of some columns in place, of their halves."""
    half, scale = size >> 1, weights[4]
    low, high = coarse[: half * width], fine[: half * width]
    for place in range(half):
        of_low, of_high = lines[place, start : start + width], lines[half + place, start : start + width]
        to_low, to_high = low[place * width : (place + 1) * width], high[place * width : (place + 1) * width]
        for line in range(width):
            to_low[line] = of_low[line] / scale
            to_high[line] = of_high[line] * scale
    _take(low, high, weights[0], width)
    _take_back(high, low, weights[1], width)
    _take(low, high, weights[2], width)
    _take_back(high, low, weights[3], width)
    for place in range(half):
        to_low, to_high = lines[2 * place, start : start + width], lines[2 * place + 1, start : start + width]
        of_low, of_high = low[place * width : (place + 1) * width], high[place * width : (place + 1) * width]
        for line in range(width):
            to_low[line] = of_low[line]
            to_high[line] = of_high[line]


@compile_inner
def _parted(lines, start, width, size, coarse, fine, weights):
    """Make halves of lines, those of some columns, in place."""
    half, scale = size >> 1, weights[4]
    low, high = coarse[: half * width], fine[: half * width]
    for place in range(half):
        of_low, of_high = lines[2 * place, start : start + width], lines[2 * place + 1, start : start + width]
        to_low, to_high = low[place * width : (place + 1) * width], high[place * width : (place + 1) * width]
        for line in range(width):
            to_low[line] = of_low[line]
            to_high[line] = of_high[line]
    _take_back(high, low, -weights[0], width)
    _take(low, high, -weights[1], width)
    _take_back(high, low, -weights[2], width)
    _take(low, high, -weights[3], width)
    for place in range(half):
        to_low, to_high = lines[place, start : start + width], lines[half + place, start : start + width]
        of_low, of_high = low[place * width : (place + 1) * width], high[place * width : (place + 1) * width]
        for line in range(width):
            to_low[line] = of_low[line] * scale
            to_high[line] = of_high[line] / scale


def _forward(planes, levels, weights):
    side, count = planes.shape[0], planes.shape[2]
    rows = planes.reshape(side, side * count)
    coarse = np.empty((side + 1) // 2 * max(_TOGETHER, count), planes.dtype)
    fine = np.empty_like(coarse)
    for level in range(levels):
        size = side >> level
        for start in range(0, size * count, _TOGETHER):
            _parted(rows, start, min(_TOGETHER, size * count - start), size, coarse, fine, weights)
        for row in range(size):
            _parted(planes[row], 0, count, size, coarse, fine, weights)


def _invert(planes, levels, weights):
    side, count = planes.shape[0], planes.shape[2]
    rows = planes.reshape(side, side * count)
    coarse = np.empty((side + 1) // 2 * max(_TOGETHER, count), planes.dtype)
    fine = np.empty_like(coarse)
    for level in range(levels - 1, -1, -1):
        size = side >> level
        for start in range(0, size * count, _TOGETHER):
            _joined(rows, start, min(_TOGETHER, size * count - start), size, coarse, fine, weights)
        for row in range(size):
            _joined(planes[row], 0, count, size, coarse, fine, weights)
