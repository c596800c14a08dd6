"""Which pixels a step takes: spread evenly over views, over the boxes around what they show and along their edges.

A step takes thousands of them, and a GPU waits until it has them: they are drawn in one compiled pass.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from triptych.compiling import compile_cached
from triptych.training.edges import Edges, along_edges
from triptych.training.phase import PixelCounts
from triptych.training.spread import in_square

_SOURCES = [Path(__file__).with_name(name) for name in ("drawing.py", "edges.py", "spread.py")]


class Views(NamedTuple):
    """What there is to know of views, on the CPU, to draw pixels of them.

    Attributes:
        width: of each.
        height: of each.
        numbers: which of its scene's views each is.
        boxes: the first column and row of what each view shows, and how many there are.
        edges: where they change; only needed for pixels along edges.
    """

    width: int
    height: int
    numbers: Int[Tensor, " view"]
    boxes: Int[Tensor, "view 4"]
    edges: Edges | None


def draw_places(
    views: Views, rows: Sequence[Int[Tensor, "_"]], counts: PixelCounts, passes: int
) -> Int[Tensor, "3 pixel"]:
    """View, column and row of pixels of each scene's views, one scene after the other: first those along edges, then
    others in the boxes, then those from everywhere.

    Args:
        views: all views.
        rows: the views of each scene.
        counts: pixels of each scene.
        passes: how often these views were drawn from before; the points lie between those of earlier passes.
    """
    found = views.edges if counts.along_edges else Edges.none()
    assert found is not None, "edges are found where pixels are to lie along them"
    known = views.numbers.numpy(), views.boxes.numpy(), found.cells.numpy(), found.above.numpy()
    ends = np.cumsum([len(of_scene) for of_scene in rows])
    places = np.empty((3, counts.all * len(rows)), np.int64)
    _compiled()(known, torch.cat(list(rows)).numpy(), ends, (views.width, views.height), tuple(counts), passes, places)
    return torch.from_numpy(places)


@lru_cache
def _compiled() -> Any:
    from numba import njit

    return compile_cached(njit, _draw, sources=_SOURCES, nogil=True, error_model="numpy")


def _draw(views, rows, ends, size, counts, passes, places):
    numbers, boxes, cells, above = views
    count, in_boxes, at_edges = counts
    pixel = start = 0
    for end in ends:
        of_scene = end - start
        for number in range(count):
            is_boxed = number < in_boxes
            turn, of_kind = (number, in_boxes) if is_boxed else (number - in_boxes, count - in_boxes)
            view, each = rows[start + turn % of_scene], -(-of_kind // of_scene)
            x, y = in_square(passes * each + turn // of_scene, numbers[view])
            if not is_boxed:  # mirrored: a box may be the whole view
                x, y = np.float32(1) - x, np.float32(1) - y
            left, top, width, height = 0, 0, size[0], size[1]
            if number < at_edges:
                x, y = along_edges(cells[view], above[view], x, y)
            elif is_boxed:
                left, top, width, height = boxes[view]
            # The products may round up to the far end.
            places[0, pixel] = view
            places[1, pixel] = left + min(int(x * np.float32(width)), width - 1)
            places[2, pixel] = top + min(int(y * np.float32(height)), height - 1)
            pixel += 1
        start = end
