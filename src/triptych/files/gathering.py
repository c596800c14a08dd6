"""Tensors too large for the memory: rows that come one part after the other, kept in a file where they are many."""

import math
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import Tensor

from triptych.errors import InputError

_SHARE = 0.25
"""Of the memory that is free."""


def is_too_large(size: int) -> bool:
    """Whether a tensor of so many bytes is better kept in a file."""
    return size > _SHARE * psutil.virtual_memory().available


def gather(parts: Iterable[Tensor], shape: tuple[int, ...], dtype: torch.dtype, folder: Path) -> Tensor:
    """Put rows together, on the CPU: in memory, or in a file that is mapped where they would take much of it.

    The file has no name and ends with the tensor, or with the process, however that ends. The system keeps as much of
    it in memory as there is room.

    Args:
        parts: the rows, some at a time.
        shape: of all together.
        dtype: of all.
        folder: where the file would be.

    Raises:
        InputError: it does not fit there.
    """
    size = math.prod(shape) * dtype.itemsize
    if not is_too_large(size):
        return _in_memory(parts, torch.empty(shape, dtype=dtype))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Plain writes: on a full disk a writable map kills the process instead of raising.
        with tempfile.TemporaryFile(dir=folder) as file:
            for part in parts:
                file.write(part.contiguous().numpy().tobytes())
            file.flush()
            mapped = np.memmap(file, mode="r+", shape=(size,), dtype=np.uint8)
    except OSError as error:
        raise InputError(
            f"{folder}: {size / 1e9:.1f} GB of latents cannot be kept there ({error.strerror}); choose another --cache"
        ) from None
    return torch.from_numpy(mapped).view(dtype).reshape(shape)


def _in_memory(parts: Iterable[Tensor], whole: Tensor) -> Tensor:
    """The parts in one tensor, without a second copy of all of them."""
    filled = 0
    for part in parts:
        whole[filled : filled + len(part)] = part
        filled += len(part)
    assert filled == len(whole)
    return whole
