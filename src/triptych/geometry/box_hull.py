"""The visual hull in the cells of a scene box, in milliseconds: no cell of which any part may be solid is left out."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int32
from torch import Tensor

from triptych.compiling import compile_cached, compile_inner
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
    counts = np.pad(shown.cpu().numpy().cumsum(axis=1, dtype=np.int32).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    arrays = (tensor.detach().cpu().double().numpy() for tensor in (cameras.c2w, cameras.intrinsics, aabb))
    left = np.zeros((bit_grid.SIDE,) * 3, dtype=np.bool_)
    _compiled()(counts, *arrays, int(len(shown) >= VIEWS_TO_OUTVOTE_ONE), left)
    return bit_grid.pack(torch.from_numpy(left)).to(aabb.device)


@lru_cache
def _compiled() -> Any:
    from numba import njit

    shows_nothing = compile_inner(_shows_nothing)

    def carve(counts, c2w, intrinsics, aabb, tolerated, left):
        """Which cells at most so many views are against."""
        side, cell = left.shape[0], (aabb[1] - aabb[0]) / left.shape[0]
        half = np.sqrt((cell**2).sum()) / 2
        for z in range(side):
            for y in range(side):
                for x in range(side):
                    point = (
                        aabb[0, 0] + (x + 0.5) * cell[0],
                        aabb[0, 1] + (y + 0.5) * cell[1],
                        aabb[0, 2] + (z + 0.5) * cell[2],
                    )
                    against = 0
                    for view in range(len(counts)):
                        against += shows_nothing(counts[view], c2w[view], intrinsics[view], point, half)
                        if against > tolerated:
                            break
                    left[z, y, x] = against <= tolerated

    return compile_cached(njit, carve, sources=Path(__file__).parent, nogil=True)


def _shows_nothing(counts, pose, intrinsics, point, half):
    """Whether a view shows nothing in a square that holds a ball; not if it does not lie in the picture as a whole.

    Counts are of the shown pixels above and to the left of each corner of a pixel.
    """
    height, width = counts.shape[0] - 1, counts.shape[1] - 1
    dx, dy, dz = point[0] - pose[0, 3], point[1] - pose[1, 3], point[2] - pose[2, 3]
    depth = dx * pose[0, 2] + dy * pose[1, 2] + dz * pose[2, 2]
    if not depth > 2 * half:
        return False
    fx, fy, cx, cy = intrinsics
    u = cx + fx * (dx * pose[0, 0] + dy * pose[1, 0] + dz * pose[2, 0]) / depth
    v = cy + fy * (dx * pose[0, 1] + dy * pose[1, 1] + dz * pose[2, 1]) / depth
    reach = half / (depth - half)
    left, right = int(np.floor(u - fx * reach)), int(np.ceil(u + fx * reach))
    top, bottom = int(np.floor(v - fy * reach)), int(np.ceil(v + fy * reach))
    if left < 0 or top < 0 or right > width or bottom > height:
        return False
    return counts[bottom, right] - counts[top, right] - counts[bottom, left] + counts[top, left] == 0
