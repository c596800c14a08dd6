"""Reading safetensors files that keep a checksum of themselves in their metadata, as ``tensor_stream`` writes them."""

import hashlib
import json
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from triptych.errors import InputError
from triptych.files.documents import SUM
from triptych.files.reading import open_regular

_LENGTH = 8
"""Bytes at the beginning that tell the length of the header, little-endian."""
_LONGEST_HEADER = 100_000_000
_BLOCK = 1 << 20


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file, on the CPU, and its metadata.

    Raises:
        InputError: the file is missing, is not safetensors, or has a checksum (``SUM`` in its metadata) that is wrong.
    """
    about = _read_about(path)
    try:
        return load_file(path), about
    except Exception as error:  # whatever the library meets in a damaged file
        raise _unreadable(path, str(error)) from None


def _read_about(path: Path) -> dict[str, str]:
    with open_regular(path) as file:
        length = file.read(_LENGTH)
        size = int.from_bytes(length, "little")
        if size > _LONGEST_HEADER:
            raise _unreadable(path, "its header has no end")
        header = file.read(size)
        try:
            about = json.loads(header).get("__metadata__", {})
            digest = about.get(SUM)
        except (ValueError, AttributeError, RecursionError):
            raise _unreadable(path, "its header is no JSON object") from None
        if digest is None:
            return about
        if not isinstance(digest, str) or len(digest) != 2 * hashlib.sha256().digest_size:
            raise _unreadable(path, "its checksum is none")
        computed = hashlib.sha256(length + header.replace(digest.encode(), b"", 1))
        while block := file.read(_BLOCK):
            computed.update(block)
    if computed.hexdigest() != digest:
        raise InputError(f"{path}: damaged: its bytes are not those that were written (SHA-256 differs)")
    return about


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: expected a safetensors file, found an unreadable one ({' '.join(reason.split())})")
