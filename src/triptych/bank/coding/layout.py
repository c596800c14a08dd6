"""The bytes of a scene's micro planes in compact form.

    version                 1 byte: 2
    basis                   [F_mic, F_mic] int8, in units of 1/128: a column per component
    steps                   [level, F_mic] bytes, coarse levels first: e stands for (8 + e mod 8) * 2^(e div 8 - 23)
    numbers                 see `triptych.bank.coding.symbols`: [plane, component, row, column]

Read, a number times its step is a coefficient of a component, and that times the component's column of the basis is
added to the coefficients of the features. Their wavelet (`triptych.bank.coding.wavelet`) is undone, and what comes out
added to the mean scene. All of that is in single precision and in one order: every machine reads the same bits. Bytes
of the first version, which nothing writes any more, are read by `triptych.bank.coding.first_version`.
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

from triptych.bank.coding import first_version, symbols, wavelet
from triptych.bank.coding.symbols import Numbers
from triptych.compiling import compile_cached
from triptych.errors import InputError

VERSION, _FIRST_VERSION = 2, 1
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

    def step_map(self, side: int) -> Float[np.ndarray, "row column component"]:
        """The step of each coefficient."""
        return step_sizes()[self.steps][wavelet.level_map(side)]


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
) -> Float[np.ndarray, "*scene 3 k k component"]:
    """Wavelet coefficients of what a scene adds to the mean scene, as precise as that is given."""
    return wavelet.forward(residual @ np.linalg.inv(basis).T.astype(residual.dtype))


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


def pack(numbers: Int[np.ndarray, "3 k k component"], coding: Coding) -> bytes:
    """Bytes of coefficients that are whole steps."""
    side = numbers.shape[1]
    coded = symbols.encode(_listed(numbers), wavelet.bands_of(side), side)
    return bytes([VERSION]) + coding.basis.tobytes() + coding.steps.tobytes() + coded


def decode(content: bytes, start: Float[Tensor, "3 k k micro"]) -> tuple[Float[Tensor, "3 k k micro"], Coding | None]:
    """Micro planes of their bytes, and how they were rounded; None where there are no planes.

    Raises:
        InputError: the bytes are of another version, or too few.
    """
    planes, side, _, features = start.shape
    if not content or content[0] not in (VERSION, _FIRST_VERSION):
        raise InputError(f"its micro planes begin with {content[:1].hex() or 'nothing'}, expected {VERSION:02x}")
    if not features:
        return torch.zeros(start.shape), None
    levels = wavelet.levels_of(side) + 1
    ends = np.cumsum([1, features * features, levels * features])
    if len(content) < ends[-1]:
        raise InputError(f"its micro planes have {len(content)} bytes, expected at least {ends[-1]}")
    basis = np.frombuffer(content[ends[0] : ends[1]], np.int8).reshape(features, features)
    coding = Coding(basis, np.frombuffer(content[ends[1] : ends[2]], np.uint8).reshape(levels, features))
    numbers = symbols.decode(content[ends[2] :], wavelet.bands_of(side), planes * features, side)
    if content[0] == _FIRST_VERSION:
        sizes = step_sizes()[coding.steps]
        return torch.from_numpy(first_version.planes_of(numbers, start.numpy(), coding.matrix(), sizes)), coding
    return _planes_of(numbers, start, coding), coding


def planes_of(
    numbers: Int[np.ndarray, "3 k k component"], start: Float[Tensor, "3 k k micro"], coding: Coding
) -> Float[Tensor, "3 k k micro"]:
    """Micro planes of coefficients that are whole steps."""
    return _planes_of(_listed(numbers), start, coding)


def _listed(numbers: Int[np.ndarray, "3 k k component"]) -> Numbers:
    side = numbers.shape[1]
    return Numbers.of(np.moveaxis(numbers, -1, 1).reshape(-1, side, side), wavelet.bands_of(side))


def _planes_of(numbers: Numbers, start: Float[Tensor, "3 k k micro"], coding: Coding) -> Float[Tensor, "3 k k micro"]:
    planes, side, _, features = start.shape
    found, bands = np.zeros(start.shape, np.float32), wavelet.bands_of(side)
    sizes = step_sizes()[coding.steps].astype(np.float32)
    columns = np.ascontiguousarray(coding.matrix().T.astype(np.float32))
    _compiled(_mix)(*numbers, bands, sizes, columns, found.reshape(planes, side * side, features))
    for plane in found:
        wavelet.invert(plane)
    return torch.from_numpy(found).add_(start)


@cache
def _compiled(function: Callable[..., None]) -> Any:
    return compile_cached(njit, function, nogil=True)


def _mix(places, values, ends, bands, sizes, columns, found):
    """Coefficients of features, of components that are whole steps; added in the order of the components."""
    count, components = 0, len(columns)
    for band in range(len(bands)):
        for plane in range(ends.shape[1]):
            component = plane % components
            step, column, texels = sizes[bands[band, 4], component], columns[component], found[plane // components]
            for number in range(count, ends[band, plane]):
                amount, texel = np.float32(values[number]) * step, texels[np.uint64(places[number])]
                for feature in range(len(texel)):
                    texel[feature] += amount * column[feature]
            count = ends[band, plane]
