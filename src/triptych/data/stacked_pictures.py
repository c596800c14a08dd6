"""Pictures in memory, an array for each scene."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8


@dataclass(frozen=True)
class StackedPictures:
    """The pictures of all scenes as rows, without a copy of them in one array.

    Attributes:
        parts: the pictures of each scene, [view, height, width, channel].
        starts: the first row of each scene, then the number of rows.
    """

    parts: Sequence[np.ndarray]
    starts: Int[np.ndarray, " scene_starts"]

    def __getitem__(self, rows: Int[np.ndarray, " chosen"]) -> UInt8[np.ndarray, "chosen height width channel"]:
        """Copies of some pictures."""
        chosen = np.empty((len(rows), *self.parts[0].shape[1:]), np.uint8)
        for number, row in enumerate(rows):
            scene = np.searchsorted(self.starts, row, side="right") - 1
            chosen[number] = self.parts[scene][row - self.starts[scene]]
        return chosen

    def sums(self, rows: Int[np.ndarray, " chosen"]) -> UInt8[np.ndarray, "chosen 32"]:
        """SHA-256 of some pictures."""
        sums = [hashlib.sha256(self[rows[place : place + 1]].tobytes()).digest() for place in range(len(rows))]
        return np.frombuffer(b"".join(sums), np.uint8).reshape(-1, hashlib.sha256().digest_size)
