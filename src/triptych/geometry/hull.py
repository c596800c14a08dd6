"""Visual hulls: what may be solid by the silhouettes of an object (Laurentini 1994).

A hull is a grid of cells, indexed z, y, x, over the cube of side 1 around the origin, as ``Similarity.onto_ball`` fills
it.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.cameras import Cameras
from triptych.geometry.similarity import Similarity

VIEWS_TO_OUTVOTE_ONE = 6
"""From so many views on, one may show background where the others show something: a highlight as bright as the
background, a stray pixel of a mask."""
_AT_ONCE = 1 << 18
"""Points projected at once; bounds memory."""


def cell_centers(side: int, cube: float = 1.0) -> Float[Tensor, "z y x 3"]:
    """Centers (x, y, z) of a grid's cells.

    Args:
        side: number of cells along each side.
        cube: side of the cube around the origin that they fill.
    """
    ticks = ((torch.arange(side, dtype=torch.float64) + 0.5) / side - 0.5) * cube
    z, y, x = torch.meshgrid(ticks, ticks, ticks, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


@dataclass(frozen=True)
class Silhouettes:
    """What some views say about where an object is.

    Attributes:
        shown: the pixels that show it.
        inside: the pixels that show anything: what a picture does not show says nothing.
        cameras: one per view.
    """

    shown: Bool[Tensor, "view height width"]
    inside: Bool[Tensor, "view height width"]
    cameras: Cameras

    def carried(self, similarity: Similarity) -> "Silhouettes":
        """The same in another world frame."""
        return Silhouettes(self.shown, self.inside, similarity.cameras(self.cameras))

    def allow(self, points: Float[Tensor, "point 3"], tolerated: float = 0.0) -> Bool[Tensor, " point"]:
        """Which points may be solid: no view shows something else there, and half of the views show the object.

        Args:
            points: in the cameras' world.
            tolerated: the share of the views that may say otherwise, for poses and masks that are not exact.
        """
        limit = math.floor(tolerated * len(self.cameras))
        return torch.cat([self._allow(part, limit) for part in points.split(_AT_ONCE)])

    def _allow(self, points: Float[Tensor, "point 3"], limit: int) -> Bool[Tensor, " point"]:
        against, supporting = torch.zeros(2, len(points), dtype=torch.int32)
        for view, (shown, inside) in enumerate(zip(self.shown, self.inside, strict=True)):
            seen = self.cameras[[view]].project(points)
            is_inside = (seen.on(inside[None]) | (seen.depth <= 0))[0]
            is_shown = seen.on((shown & inside)[None])[0]
            against += is_inside & ~is_shown
            supporting += is_shown
        return (against <= limit) & (2 * supporting >= len(self.cameras))


def in_pictures(points: Float[Tensor, "point 3"], silhouettes: Silhouettes) -> Bool[Tensor, "view point"]:
    """Which points each picture shows, before the camera and inside; nothing hides another."""
    parts = (silhouettes.cameras[[view]].project(points) for view in range(len(silhouettes.cameras)))
    return torch.cat([seen.on(inside[None]) for seen, inside in zip(parts, silhouettes.inside, strict=True)])


def carve(silhouettes: Silhouettes, side: int, tolerated: float = 0.0, *, cube: float = 1.0) -> Bool[Tensor, "z y x"]:
    """The hull as a grid; see ``Silhouettes.allow`` and ``cell_centers``."""
    return silhouettes.allow(cell_centers(side, cube).reshape(-1, 3), tolerated).reshape(side, side, side)


def main_pieces(hull: Bool[Tensor, "z y x"], least: float) -> Bool[Tensor, "z y x"]:
    """A hull without its small pieces: places that too few views show to rule them out.

    Args:
        hull: its cells belong together where they touch, be it at a corner.
        least: cells of a piece that stays, as a share of those of the largest.
    """
    piece = torch.arange(1, hull.numel() + 1, dtype=torch.float64).reshape(hull.shape) * hull
    before = torch.zeros_like(piece)
    while not torch.equal(piece, before):  # the largest number spreads through each piece
        before, piece = piece, torch.nn.functional.max_pool3d(piece[None], 3, stride=1, padding=1)[0] * hull
    cells = torch.bincount(piece[hull].long(), minlength=1)
    return hull & (cells[piece.long().clamp_max(len(cells) - 1)] >= least * cells.max())


def surface_cells(hull: Bool[Tensor, "z y x"]) -> Bool[Tensor, "z y x"]:
    """The cells of a hull that have a neighbor outside of it, across a face."""
    padded = torch.nn.functional.pad(hull, (1,) * 6)
    inner = hull.clone()
    for axis in range(3):
        for step in (-1, 1):
            inner &= padded.roll(step, axis)[1:-1, 1:-1, 1:-1]
    return hull & ~inner
