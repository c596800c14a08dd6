"""Arrays of numbers in .npy and .npz files, of a known shape: nothing is unpickled, no more is read than they need."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from triptych.errors import InputError
from triptych.files.reading import open_regular

_LARGEST = 1 << 16
"""Bytes of an array file that holds one matrix; more is something else."""
_LARGEST_ARCHIVE = 1 << 26
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

Shape = tuple[int, ...]


def read_npy(file: Path, shapes: Sequence[Shape]) -> Float[np.ndarray, "rows columns"]:
    """The matrix of a .npy file.

    Args:
        file: it.
        shapes: those that are expected.

    Raises:
        InputError: it is no such file, or holds something else than finite or infinite numbers of such a shape.
    """
    return _matrix(_content(file, _LARGEST), shapes, str(file))


class ArrayArchive:
    """The matrices of a .npz file, by name.

    Raises:
        InputError: it is no such file.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(_content(file, _LARGEST_ARCHIVE)))
            self.names = frozenset(name.removesuffix(".npy") for name in self._archive.namelist())
        except Exception as error:  # zipfile raises anything on damaged archives
            if isinstance(error, InputError):
                raise
            raise InputError(f"{file}: expected an archive of arrays (.npz); this file is damaged or not one") from None

    def read(self, name: str, shapes: Sequence[Shape]) -> Float[np.ndarray, "rows columns"]:
        """The matrix of this name; see ``read_npy``."""
        where = f"{self._file}, {name}"
        if name not in self.names:
            raise InputError(f"{where}: this array is missing")
        try:
            with self._archive.open(f"{name}.npy") as member:
                content = member.read(_LARGEST)
        except Exception:  # see above
            raise InputError(f"{where}: this array is damaged; restore the file") from None
        return _matrix(content, shapes, where)


def _content(file: Path, largest: int) -> bytes:
    with open_regular(file) as opened:
        content = opened.read(largest + 1)
    if len(content) > largest:
        raise InputError(f"{file}: expected an array file of at most {largest} bytes; this is larger")
    return content


def _matrix(content: bytes, shapes: Sequence[Shape], where: str) -> Float[np.ndarray, "rows columns"]:
    # The header is looked at first: np.load makes room for whatever shape it declares.
    opened = io.BytesIO(content)
    try:
        shape, is_transposed, kind = _header(opened)
    except Exception:  # numpy evaluates the header as Python's literals, which fails in many ways
        raise InputError(f"{where}: expected an array (.npy); this is damaged or not one") from None
    expected = " or ".join(str(list(shape)) for shape in shapes)
    if shape not in shapes or kind.kind not in "fiu":
        raise InputError(f"{where}: expected numbers of shape {expected}, found {kind} of shape {list(shape)}")
    count = int(np.prod(shape))
    body = content[opened.tell() :]
    if len(body) < count * kind.itemsize:
        raise InputError(f"{where}: this array is cut off; restore the file")
    numbers = np.frombuffer(body, kind, count).astype(np.float64)
    return numbers.reshape(shape, order="F" if is_transposed else "C")


def _header(opened: io.BytesIO) -> tuple[Shape, bool, np.dtype]:
    return _HEADERS[np.lib.format.read_magic(opened)](opened)
