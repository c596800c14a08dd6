"""The visual hull in the cells of a scene box, in milliseconds: no cell of which any part may be solid is left out."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int32
from torch import Tensor

from triptych.compiling import compile_cached
from triptych.geometry import bit_grid
from triptych.geometry.cameras import Cameras
from triptych.geometry.hull import VIEWS_TO_OUTVOTE_ONE


def box_hull(
    shown: Bool[Tensor, "view height width"], cameras: Cameras, aabb: Float[Tensor, "2 3"]
) -> Int32[Tensor, "z y"]:
    """The cells of a box that silhouettes leave, in the bits of `triptych.geometry.bit_grid`.

    A view is against a cell if nothing is shown in the square of its picture that holds the cell. It says nothing of
    cells that do not lie in its picture as a whole. One view is outvoted by five others.

    Args:
        shown: the pixels that show the object.
        cameras: one per view.
        aabb: the box.
    """
    counts = F.pad(shown.cpu().cumsum(dim=1, dtype=torch.int32).cumsum(dim=2, dtype=torch.int32), (1, 0, 1, 0))
    tensors = counts, *(tensor.detach().cpu().double() for tensor in (cameras.c2w, cameras.intrinsics, aabb))
    left = np.zeros((bit_grid.SIDE,) * 3, dtype=np.bool_)
    arrays = (tensor.contiguous().numpy() for tensor in tensors)
    _compiled()(*arrays, int(len(shown) >= VIEWS_TO_OUTVOTE_ONE), left)
    return bit_grid.pack(torch.from_numpy(left)).to(aabb.device)


@lru_cache
def _compiled() -> Any:
    from numba import njit

    return compile_cached(njit, _carve, nogil=True, error_model="numpy")


def _carve(counts, c2w, intrinsics, aabb, tolerated, left):
    """Which cells at most so many views are against.

    Counts are of the shown pixels above and to the left of each corner of a pixel. All in one function: as a function
    of its own, what a view says takes four times as long.
    """
    views, height, width = counts.shape[0], counts.shape[1] - 1, counts.shape[2] - 1
    side, size = left.shape[0], aabb[1] - aabb[0]
    half = np.sqrt((size**2).sum()) / side / 2
    for cell in range(side**3):
        px = aabb[0, 0] + (cell % side + 0.5) / side * size[0]
        py = aabb[0, 1] + (cell // side % side + 0.5) / side * size[1]
        pz = aabb[0, 2] + (cell // side**2 + 0.5) / side * size[2]
        against = 0
        for view in range(views):
            x, y, z = px - c2w[view, 0, 3], py - c2w[view, 1, 3], pz - c2w[view, 2, 3]
            depth = x * c2w[view, 0, 2] + y * c2w[view, 1, 2] + z * c2w[view, 2, 2]
            if not depth > 2 * half:
                continue
            right = x * c2w[view, 0, 0] + y * c2w[view, 1, 0] + z * c2w[view, 2, 0]
            down = x * c2w[view, 0, 1] + y * c2w[view, 1, 1] + z * c2w[view, 2, 1]
            u = intrinsics[view, 2] + intrinsics[view, 0] * right / depth
            v = intrinsics[view, 3] + intrinsics[view, 1] * down / depth
            across, along = intrinsics[view, 0] * half / (depth - half), intrinsics[view, 1] * half / (depth - half)
            first, last = int(np.floor(u - across)), int(np.ceil(u + across))
            top, bottom = int(np.floor(v - along)), int(np.ceil(v + along))
            if first < 0 or top < 0 or last > width or bottom > height:
                continue
            above = counts[view, top, last] - counts[view, top, first]
            if counts[view, bottom, last] - counts[view, bottom, first] == above:
                against += 1
                if against > tolerated:
                    break
        left[cell // side**2, cell // side % side, cell % side] = against <= tolerated
