"""What the numbers of the first version of the compact form stand for.

The wavelet of components is undone first, then they are mixed; all in double precision, and rounded to single at last.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float
from numba import njit

from triptych.bank.coding import wavelet
from triptych.bank.coding.symbols import Numbers
from triptych.compiling import compile_cached


def planes_of(
    numbers: Numbers,
    start: Float[np.ndarray, "3 k k micro"],
    basis: Float[np.ndarray, "feature component"],
    sizes: Float[np.ndarray, "level component"],
) -> Float[np.ndarray, "3 k k micro"]:
    """Micro planes, added to those of the mean scene.

    Args:
        numbers: coefficients, in whole steps.
        start: the mean scene's planes.
        basis: what each component is in features.
        sizes: the steps.
    """
    planes, side, _, features = start.shape
    found, bands = np.empty(start.shape, np.float32), wavelet.bands_of(side)
    begins = np.concatenate([[0], numbers.ends.ravel()[:-1]]).reshape(numbers.ends.shape)
    some = (numbers.ends > begins).any(axis=0).reshape(planes, features)
    for plane in range(planes):
        shown = np.flatnonzero(some[plane])  # without the others the sums are the same to the bit
        components, of_plane = np.zeros((side, side, len(shown))), plane * features + shown
        ends = np.ascontiguousarray(numbers.ends[:, of_plane])
        own = Numbers(numbers.places, numbers.values, ends)
        _compiled(_take_steps)(*own, begins[:, of_plane].copy(), bands, sizes[:, shown].copy(), components)
        wavelet.invert(components)
        _compiled(_add)(components, basis.T[shown].copy(), np.ascontiguousarray(start[plane]), found[plane])
    return found


@cache
def _compiled(function: Callable[..., None]) -> Any:
    return compile_cached(njit, function, nogil=True)


def _take_steps(places, values, ends, begins, bands, sizes, components):
    """Wavelet coefficients of whole steps."""
    texels = components.reshape(-1, components.shape[2])
    for band in range(len(bands)):
        for component in range(ends.shape[1]):
            for number in range(begins[band, component], ends[band, component]):
                texels[places[number], component] = values[number] * sizes[bands[band, 4], component]


def _add(components, columns, start, out):
    """Features of components, added to the mean scene."""
    side, count, features = components.shape[0], components.shape[2], columns.shape[1]
    line, by_four = np.empty(features), count - count % 4
    for row in range(side):
        for column in range(side):
            line[:] = 0.0
            texel = components[row, column]
            # Four at a time load and store the line less often, and add in the same order.
            for first in range(0, by_four, 4):
                a, b, c, d = texel[first], texel[first + 1], texel[first + 2], texel[first + 3]
                of_a, of_b, of_c, of_d = columns[first], columns[first + 1], columns[first + 2], columns[first + 3]
                for x in range(features):
                    line[x] = (((line[x] + a * of_a[x]) + b * of_b[x]) + c * of_c[x]) + d * of_d[x]
            for component in range(by_four, count):
                for x in range(features):
                    line[x] += texel[component] * columns[component, x]
            for x in range(features):
                out[row, column, x] = start[row, column, x] + line[x]
