"""Which pixels of pictures show something, from their bytes."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor


def shown_by(
    pictures: UInt8[np.ndarray, "view height width channel"], tell_nothing: Sequence[tuple[int, int]]
) -> Bool[Tensor, "view height width"]:
    """The pixels of which any channel tells that something is there.

    Args:
        pictures: as bytes.
        tell_nothing: the lowest and the highest byte of each channel that does not; further channels tell nothing at
            all.
    """
    views, height, width, channels = pictures.shape
    all_bytes = (channels - len(tell_nothing)) * [(0, 255)]
    low, high = (np.array(bounds, np.uint8) for bounds in zip(*tell_nothing, *all_bytes, strict=True))
    # One long row for all channels, in which a byte below the lowest wraps around to beyond the highest.
    rows = np.ascontiguousarray(pictures).reshape(views * height, width * channels)
    told = ((rows - np.tile(low, width)) > np.tile(high - low, width)).reshape(-1, channels)
    of_pixels = told.view(np.uint32)[:, 0] != 0 if channels == 4 else told.any(axis=1)
    return torch.from_numpy(of_pixels.reshape(views, height, width))


def any_along(shown: Bool[Tensor, "*size"], dim: int) -> Bool[Tensor, "*shorter"]:
    """``shown.any(dim)``, in a fraction of its time on a CPU."""
    return shown.view(torch.uint8).amax(dim).bool()
