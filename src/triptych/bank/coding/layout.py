"""The bytes of a scene's micro planes in compact form.

    version                 1 byte: 1
    basis                   [F_mic, F_mic] int8, in units of 1/128: a column per component
    steps                   [level, F_mic] bytes, coarse levels first: e stands for (8 + e mod 8) * 2^(e div 8 - 23)
    numbers                 see `triptych.bank.coding.symbols`: [plane, component, row, column]

Read, a number times its step is a wavelet coefficient (`triptych.bank.coding.wavelet`), components times the basis are
features, and these are added to the mean scene. All of that is in double precision and in one order, then rounded to
single: every machine reads the same bits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Int8, UInt8
from numba import njit
from torch import Tensor

from triptych.bank.coding import symbols, wavelet
from triptych.compiling import compile_cached
from triptych.errors import InputError

VERSION = 1
UNIT = 128
"""What 1 is in a basis."""
_PLAIN_STEP = 96
"""The step of scenes of which nothing else is known: 2^-8."""


@dataclass(frozen=True, eq=False)
class Coding:
    """How a scene's micro planes are transformed and rounded.

    Attributes:
        basis: what each component is in features, in units of 1/128.
        steps: codes of the steps to which each component is rounded, from the coarsest level to the finest.
    """

    basis: Int8[np.ndarray, "feature component"]
    steps: UInt8[np.ndarray, "level component"]

    @classmethod
    def plain(cls, features: int, side: int) -> "Coding":
        """Each feature by itself, all to the same step: for scenes of which nothing is known but their numbers."""
        basis = np.eye(features, dtype=np.int8) * np.int8(UNIT - 1)
        return cls(basis, np.full((wavelet.levels_of(side) + 1, features), _PLAIN_STEP, np.uint8))

    def matrix(self) -> Float[np.ndarray, "feature component"]:
        """The basis as it is."""
        return self.basis.astype(np.float64) / UNIT

    def step_map(self, side: int) -> Float[np.ndarray, "component row column"]:
        """The step of each coefficient."""
        return np.ascontiguousarray(step_sizes()[self.steps][wavelet.level_map(side)].transpose(2, 0, 1))


@cache
def step_sizes() -> Float[np.ndarray, " code"]:
    """What each code of a step stands for; exact."""
    codes = np.arange(256)
    return np.ldexp(8.0 + codes % 8, codes // 8 - 23)


def nearest_steps(sizes: Float[np.ndarray, "level component"]) -> UInt8[np.ndarray, "level component"]:
    """Codes of the largest steps that are at most so large."""
    return np.clip(np.searchsorted(step_sizes(), sizes, side="right") - 1, 0, 255).astype(np.uint8)


def coefficients_of(
    residual: Float[np.ndarray, "*scene 3 k k micro"], basis: Float[np.ndarray, "feature component"]
) -> Float[np.ndarray, "*scene 3 component k k"]:
    """Wavelet coefficients of what a scene adds to the mean scene, as precise as that is given."""
    components = residual @ np.linalg.inv(basis).T.astype(residual.dtype)
    return wavelet.forward(np.moveaxis(components, -1, -3))


def encode(micro: Float[Tensor, "3 k k micro"], start: Float[Tensor, "3 k k micro"], coding: Coding) -> bytes:
    """Bytes of micro planes, each coefficient rounded to the nearest step.

    Args:
        micro: the micro planes.
        start: those of the mean scene.
        coding: how they are rounded.

    Raises:
        InputError: they hold numbers that are not finite, or too large for these steps.
    """
    if not micro.numel():
        return bytes([VERSION])
    residual = micro.detach().cpu().double().numpy() - start.double().numpy()
    side = micro.shape[1]
    with np.errstate(invalid="ignore"):
        numbers = np.rint(coefficients_of(residual, coding.matrix()) / coding.step_map(side))
    if not (np.abs(numbers) <= symbols.MOST).all():
        raise InputError("its micro planes hold numbers that are not finite or too large; choose precision float32")
    return pack(numbers.astype(np.int32), coding)


def pack(numbers: Int[np.ndarray, "3 component k k"], coding: Coding) -> bytes:
    """Bytes of coefficients that are whole steps."""
    side = numbers.shape[-1]
    coded = symbols.encode(numbers.reshape(-1, side, side), wavelet.bands_of(side))
    return bytes([VERSION]) + coding.basis.tobytes() + coding.steps.tobytes() + coded


def decode(content: bytes, start: Float[Tensor, "3 k k micro"]) -> tuple[Float[Tensor, "3 k k micro"], Coding | None]:
    """Micro planes of their bytes, and how they were rounded; None where there are no planes.

    Raises:
        InputError: the bytes are of another version, or too few.
    """
    _, side, _, features = start.shape
    if not content or content[0] != VERSION:
        raise InputError(f"its micro planes begin with {content[:1].hex() or 'nothing'}, expected {VERSION:02x}")
    if not features:
        return torch.zeros(start.shape), None
    levels = wavelet.levels_of(side) + 1
    ends = np.cumsum([1, features * features, levels * features])
    if len(content) < ends[-1]:
        raise InputError(f"its micro planes have {len(content)} bytes, expected at least {ends[-1]}")
    basis = np.frombuffer(content[ends[0] : ends[1]], np.int8).reshape(features, features)
    coding = Coding(basis, np.frombuffer(content[ends[1] : ends[2]], np.uint8).reshape(levels, features))
    numbers = symbols.decode(content[ends[2] :], wavelet.bands_of(side), (3 * features, side, side))
    return planes_of(numbers.reshape(3, features, side, side), start, coding), coding


def planes_of(
    numbers: Int[np.ndarray, "3 component k k"], start: Float[Tensor, "3 k k micro"], coding: Coding
) -> Float[Tensor, "3 k k micro"]:
    """Micro planes of coefficients that are whole steps."""
    side, sizes, basis = numbers.shape[-1], step_sizes()[coding.steps], coding.matrix()
    components = np.empty((len(basis), side, side))  # of one plane at a time: these stay in the processor's cache
    found = np.empty(start.shape, np.float32)
    for plane, of_start, out in zip(numbers, np.ascontiguousarray(start.numpy()), found, strict=True):
        _compiled(_take_steps)(np.ascontiguousarray(plane), sizes, wavelet.bands_of(side), components)
        wavelet.invert(components)
        _compiled(_add)(components, basis, of_start, out)
    return torch.from_numpy(found)


@cache
def _compiled(function: Callable[..., None]) -> Any:
    return compile_cached(njit, function, nogil=True)


def _take_steps(numbers, sizes, bands, components):
    """Wavelet coefficients of whole steps."""
    for band in range(len(bands)):
        top, left, rows, columns, level = bands[band]
        for component in range(len(numbers)):
            size = sizes[level, component]
            for row in range(top, top + rows):
                for column in range(left, left + columns):
                    components[component, row, column] = numbers[component, row, column] * size


def _add(components, basis, start, out):
    """Features of components, added to the mean scene."""
    count, rows, columns = components.shape
    line, by_four = np.empty(columns), count - count % 4
    for row in range(rows):
        for feature in range(count):
            line[:] = 0.0
            # Four at a time load and store the line less often, and add in the same order.
            for first in range(0, by_four, 4):
                a, b = basis[feature, first], basis[feature, first + 1]
                c, d = basis[feature, first + 2], basis[feature, first + 3]
                of_a, of_b = components[first, row], components[first + 1, row]
                of_c, of_d = components[first + 2, row], components[first + 3, row]
                for x in range(columns):
                    line[x] = (((line[x] + a * of_a[x]) + b * of_b[x]) + c * of_c[x]) + d * of_d[x]
            for component in range(by_four, count):
                for x in range(columns):
                    line[x] += basis[feature, component] * components[component, row, x]
            for x in range(columns):
                out[row, x, feature] = start[row, x, feature] + line[x]
