"""Where views change from pixel to pixel, and pixels that are drawn mostly there.

Most of a picture is plain, and soon right. What a fit still gets wrong lies along outlines and in details, which few of
the pixels meet that are spread evenly over the picture (importance sampling).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

from triptych.compiling import compile_cached, compile_inner

_NEARLY_ALL = np.float32(1 - 2**-24)
"""The largest number below 1: the cell where more than that is reached has edges."""
_CELLS = 64
"""Along each side of a view; fewer where it has fewer pixels. Twice as many are no better at 512x512."""
BYTES = _CELLS**2 + 4 * _CELLS
"""That the edges of a view take."""


@dataclass(frozen=True)
class Edges:
    """How the edges of each view are spread over it, counted in cells from the top left.

    Attributes:
        cells: how much each cell counts; a byte, since there may be hundreds of thousands of views.
        above: the share of a view's edges in each row of cells and in those above it.
    """

    cells: UInt8[Tensor, "view row column"]
    above: Float[Tensor, "view row"]

    @classmethod
    def of(
        cls, parts: Iterable[Float[Tensor, "view height width channel"] | UInt8[Tensor, "view height width channel"]]
    ) -> "Edges":
        """Those of views on the CPU, some at a time; without any in a view, all of its cells count alike."""
        cells = torch.cat([_as_bytes(edge_shares(part)) for part in parts])
        above = cells.sum(dim=2).cumsum(dim=1)
        return cls(cells, above / above[:, -1:])

    @classmethod
    def none(cls) -> "Edges":
        """Of no view."""
        return cls(torch.empty(0, 0, 0, dtype=torch.uint8), torch.empty(0, 0))


def edges_at_pixels(views: Float[Tensor, "view height width channel"]) -> Float[Tensor, "view height width"]:
    """How much each pixel of views on the CPU counts: as much as its cell."""
    rows, columns = _cells_of(views)
    return edge_shares(views)[:, rows][:, :, columns]


def edge_shares(
    views: Float[Tensor, "view height width channel"] | UInt8[Tensor, "view height width channel"],
) -> Float[Tensor, "view row column"]:
    """How much each cell counts: the root of how far its pixels are from their four neighbors, on average."""
    rows, columns = _cells_of(views)
    far = np.zeros((len(views), rows[-1] + 1, columns[-1] + 1), np.float32)
    _compiled(_add_contrast)(views.contiguous().numpy(), rows, columns, far)
    pixels = np.bincount(rows)[:, None] * np.bincount(columns)
    shares = torch.from_numpy(np.sqrt(far / pixels.astype(np.float32)))
    return torch.where(shares.sum(dim=(1, 2), keepdim=True) > 0, shares, 1.0)


def _cells_of(views: Shaped[Tensor, "view height width channel"]) -> tuple[np.ndarray, np.ndarray]:
    """In which row of cells each row of pixels lies, and so for columns."""
    rows, columns = (np.arange(side) * min(_CELLS, side) // side for side in views.shape[1:3])
    return rows, columns


def _as_bytes(shares: Float[Tensor, "view row column"]) -> UInt8[Tensor, "view row column"]:
    return (shares / shares.amax(dim=(1, 2), keepdim=True) * 255).round().byte()


@lru_cache
def _compiled(function: Any) -> Any:
    from numba import njit

    return compile_cached(njit, function, nogil=True, error_model="numpy")


def _add_contrast(views, rows, columns, far):
    """Add up how far the pixels of each cell are from their neighbors, over all channels."""
    count, height, width, channels = views.shape
    for view in range(count):
        for y in range(height):
            for x in range(width):
                right = below = np.float32(0)
                for channel in range(channels):
                    value = np.float32(views[view, y, x, channel])
                    if x + 1 < width:
                        right += abs(value - np.float32(views[view, y, x + 1, channel]))
                    if y + 1 < height:
                        below += abs(value - np.float32(views[view, y + 1, x, channel]))
                far[view, rows[y], columns[x]] += right + below
                if x + 1 < width:
                    far[view, rows[y], columns[x + 1]] += right
                if y + 1 < height:
                    far[view, rows[y + 1], columns[x]] += below


@compile_inner
def along_edges(cells, above, x, y):
    """A place in a view, column and row as shares of width and height, from one in the square.

    Points that lie close together stay so: what is spread evenly over the square is then spread evenly over the edges.
    First the row of cells is found in which the point's share of the edges is reached, then the cell in that row.
    """
    rows, columns = cells.shape
    share = min(y, _NEARLY_ALL)
    row = np.searchsorted(above, share, side="right")
    start = above[row - 1] if row else np.float32(0)
    down = (row + (share - start) / (above[row] - start)) / rows
    of_row = 0
    for cell in cells[row]:
        of_row += cell
    left = min(x, _NEARLY_ALL) * np.float32(of_row)
    column, before, whole = 0, 0, int(left)
    while before + cells[row, column] <= whole:
        before += cells[row, column]
        column += 1
    across = (column + (left - np.float32(before)) / cells[row, column]) / columns
    return np.float32(across), np.float32(down)
