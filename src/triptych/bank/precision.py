"""What each precision makes of micro planes: the scene as it is stored, its bytes, and the way back."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.bank.coding import layout
from triptych.bank.coding.layout import Coding
from triptych.bank.config import COMPACT_DECIBELS, StoragePrecision
from triptych.bank.scene import Scene
from triptych.errors import InputError
from triptych.representation.config import PlaneConfig

_CODES = {"float16": "<f2", "float32": "<f4"}
Decoded = tuple[Float[Tensor, "3 k k micro"], Coding | None]


@runtime_checkable
class Codec(Protocol):
    """From micro planes to bytes and back."""

    def encode(self, micro: Float[Tensor, "3 k k micro"], coding: Coding | None) -> bytes:
        """Their bytes."""
        ...

    def decode(self, content: bytes) -> Decoded:
        """Micro planes of their bytes, and how they were rounded if they were.

        Raises:
            InputError: the bytes are something else; the message says what.
        """
        ...


@dataclass(frozen=True)
class NumbersCodec:
    """Numbers in a row.

    Attributes:
        code: numpy's of their format.
        shape: of the micro planes.
    """

    code: str
    shape: tuple[int, ...]

    def encode(self, micro: Float[Tensor, "3 k k micro"], coding: Coding | None) -> bytes:
        return micro.detach().cpu().numpy().astype(self.code).tobytes()

    def decode(self, content: bytes) -> Decoded:
        return numbers_of("micro", content, self.code, self.shape), None


@dataclass(frozen=True, eq=False)
class CompactCodec:
    """What a scene adds to the mean scene, see `triptych.bank.coding`.

    Attributes:
        start: micro planes of the mean scene.
    """

    start: Float[Tensor, "3 k k micro"]

    def encode(self, micro: Float[Tensor, "3 k k micro"], coding: Coding | None) -> bytes:
        _, side, _, features = self.start.shape
        return layout.encode(micro, self.start, coding or Coding.plain(features, side))

    def decode(self, content: bytes) -> Decoded:
        return layout.decode(content, self.start)


def codec_of(
    precision: StoragePrecision, planes: PlaneConfig, start: Float[Tensor, "3 k k micro"] | None = None
) -> Codec:
    """The codec of a precision; a compact one needs the mean scene."""
    if precision not in COMPACT_DECIBELS:
        return NumbersCodec(_CODES[precision], planes.micro_shape)
    assert start is not None
    return CompactCodec(start.detach().cpu().float())


def is_compact(precision: StoragePrecision) -> bool:
    """Whether scenes are stored as what they add to the mean scene."""
    return precision in COMPACT_DECIBELS


def as_stored(scene: Scene, precision: StoragePrecision) -> Scene:
    """A scene as it comes back from a bank of this precision."""
    if is_compact(precision):
        from triptych.bank.coding.sensitivity import rounded

        return rounded(scene, COMPACT_DECIBELS[precision])
    micro = scene.micro.to(getattr(torch, precision)).float()
    return replace(scene, micro=micro, coding=None)


def coded_micro(scene: Scene, precision: StoragePrecision = "compact") -> UInt8[Tensor, " byte"]:
    """The micro planes of a scene as a bank of a compact precision has them, as a tensor of bytes."""
    stored = as_stored(scene, precision)
    codec = codec_of(precision, scene.model.config.planes, scene.model.start_micro)
    return torch.frombuffer(bytearray(codec.encode(stored.micro, stored.coding)), dtype=torch.uint8)


def numbers_of(key: str, content: bytes, code: str, shape: tuple[int, ...]) -> Tensor:
    """Numbers of their bytes, in single precision.

    Raises:
        InputError: there are not as many, or some are not finite.
    """
    kind = np.dtype(code)
    if len(content) != kind.itemsize * int(np.prod(shape)):
        raise InputError(f"{key} has {len(content)} bytes, expected {list(shape)} numbers of {kind.itemsize}")
    array = np.frombuffer(content, kind).reshape(shape).astype(np.float32)
    if not np.isfinite(array).all():
        raise InputError(f"{key} holds numbers that are not finite")
    return torch.from_numpy(array)
