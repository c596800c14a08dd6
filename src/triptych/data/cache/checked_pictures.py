"""Decoded pictures on the disk, compared with their checksums when they are read."""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from triptych.data.cache.room import hold
from triptych.errors import InputError

SUM_BYTES = hashlib.sha256().digest_size


class CheckedPictures:
    """Memory-mapped pictures, each compared with its checksum when it is first read.

    Args:
        file: the pictures one after the other, as bytes.
        sums: SHA-256 of each.
        shape: height, width and channels of each.

    Raises:
        InputError: the file is missing or has another size.
        FileNotFoundError: it is removed meanwhile.
    """

    def __init__(self, file: Path, sums: UInt8[np.ndarray, "row 32"], shape: tuple[int, int, int]) -> None:
        height, width, _ = shape
        expected = len(sums) * math.prod(shape)
        if not file.is_file() or file.stat().st_size != expected:
            raise InputError(f"{file}: expected {len(sums)} pictures of {width}x{height} pixels, {expected} bytes")
        self._file = file
        self._sums = sums
        with file.open("rb") as opened:
            hold(opened)
            self._pictures = np.memmap(opened, dtype=np.uint8, mode="r", shape=(len(sums), *shape))
        self._checked = np.zeros(len(sums), dtype=bool)

    def __getitem__(
        self, rows: int | np.integer | Int[np.ndarray, " chosen"]
    ) -> UInt8[np.ndarray, "*chosen h w channel"]:
        """Copies of some pictures, or of one.

        Raises:
            InputError: one is damaged.
        """
        pictures = np.array(self._pictures[rows])
        several = pictures.reshape(-1, *self._pictures.shape[1:])
        for row, picture in zip(np.atleast_1d(rows).tolist(), several, strict=True):
            if not self._checked[row]:
                if not self._holds(row, picture):
                    raise InputError(f"{self._file}: picture {row} is damaged; delete {self._file.parent}, run again")
                self._checked[row] = True
        return pictures

    def sums(self, rows: Int[np.ndarray, " chosen"]) -> UInt8[np.ndarray, "chosen 32"]:
        """SHA-256 of some pictures, as they are known."""
        return self._sums[rows]

    def damaged(self) -> Iterator[int]:
        """The rows of all damaged pictures."""
        return (row for row, picture in enumerate(self._pictures) if not self._holds(row, picture))

    def _holds(self, row: int, picture: UInt8[np.ndarray, "height width channel"]) -> bool:
        return hashlib.sha256(picture.tobytes()).digest() == self._sums[row].tobytes()
