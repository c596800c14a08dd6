"""Sealed safetensors files whose tensors need not be in memory at the same time."""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from triptych.files.documents import SUM
from triptych.files.writing import write_atomically

_KINDS = {
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""What the format calls them, in the order of the library: the widest first, so that each begins at a multiple of its
size."""
_ALIGNED = 8
_BYTES_AT_ONCE = 1 << 26


@dataclass(frozen=True)
class Rows:
    """A tensor that comes in parts along its first axis.

    Attributes:
        shape: of the whole.
        dtype: of the whole.
        parts: one after the other, to be taken once.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    parts: Iterator[Tensor]


def in_file_order(tensors: Mapping[str, Tensor | Rows]) -> list[str]:
    """The names in the order in which they are written."""
    order = list(_KINDS)
    return sorted(tensors, key=lambda name: (order.index(tensors[name].dtype), name))


def write_sealed_tensors(path: Path, tensors: Mapping[str, Tensor | Rows], about: Mapping[str, str]) -> None:
    """Write tensors and texts about them to a safetensors file, whole or not at all, with a checksum.

    Neither the file nor a copy of all tensors is ever in memory.

    Args:
        path: of the file.
        tensors: those that come in parts are taken in the order of ``in_file_order``.
        about: texts about them.
    """
    blank = secrets.token_hex(hashlib.sha256().digest_size)
    header = _header(tensors, {SUM: blank, **about})

    def write(file: BinaryIO) -> None:
        digest = hashlib.sha256(header.replace(blank.encode(), b"", 1))
        file.write(header)
        for name in in_file_order(tensors):
            for content in _contents(tensors[name]):
                digest.update(content)
                file.write(content)
        file.seek(header.index(blank.encode()))
        file.write(digest.hexdigest().encode())

    write_atomically(path, write)


def take_parts(tensors: Mapping[str, Tensor | Rows]) -> None:
    """Take all that comes in parts, in the order of ``in_file_order``, where another process writes the file."""
    for name in in_file_order(tensors):
        tensor = tensors[name]
        if isinstance(tensor, Rows):
            for _ in tensor.parts:
                pass


def _header(tensors: Mapping[str, Tensor | Rows], about: Mapping[str, str]) -> bytes:
    entries, end = {}, 0
    for name in in_file_order(tensors):
        kind, shape = tensors[name].dtype, list(tensors[name].shape)
        begin, end = end, end + kind.itemsize * torch.Size(shape).numel()
        entries[name] = {"dtype": _KINDS[kind], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps({"__metadata__": dict(about), **entries}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    return len(text).to_bytes(8, "little") + text


def _contents(tensor: Tensor | Rows) -> Iterator[memoryview]:
    for part in tensor.parts if isinstance(tensor, Rows) else [tensor]:
        flat = part.detach().cpu().contiguous()
        # One or no element counts as contiguous whatever its stride, and bytes need a stride of one.
        for few in flat.as_strided((flat.numel(),), (1,)).view(torch.uint8).split(_BYTES_AT_ONCE):
            yield few.numpy().data
