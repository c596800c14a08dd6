"""An object's place: its visual hull, upright in a ball around the origin."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.data.photos.config import Up
from triptych.data.photos.small_views import SmallViews, ball_around
from triptych.data.photos.upright import upward
from triptych.errors import InputError
from triptych.geometry.hull import Silhouettes, carve, cell_centers, in_pictures, main_pieces
from triptych.geometry.similarity import Similarity, rotation_between

HULL_SIDE = 64
"""Cells along each side of the cube that a hull is compared in."""
FINE_SIDE = 128
"""Cells along each side of the same cube where the object's box is found."""
CUBE = 1.04
"""Side of that cube; the object fills the ball of diameter 1 in it."""
_FIRST_SIDE, _FIRST_CUBE = 40, 2.0
_COARSE_SIDE = 32
_SMALLEST_PIECE = 0.1
"""Of a hull, as a share of its largest piece: the two shoes of a pair stay."""
_CUT = 0.01
"""Share of the hull that a picture may leave out and still show the object whole."""


@dataclass(frozen=True)
class Placed:
    """An object in its own frame: upright, its hull in the ball of diameter 1 around the origin.

    Attributes:
        similarity: from the world of the photographs into this frame.
        fine: its hull over the cube of side ``CUBE``, ``FINE_SIDE`` cells along each side.
    """

    similarity: Similarity
    fine: Bool[Tensor, "z y x"]

    @property
    def hull(self) -> Bool[Tensor, "z y x"]:
        """The hull, ``HULL_SIDE`` cells along each side."""
        pooled = torch.nn.functional.avg_pool3d(self.fine[None].float(), FINE_SIDE // HULL_SIDE)[0]
        return pooled >= 0.5

    @property
    def points(self) -> Float[Tensor, "point 3"]:
        """Centers of the finer cells."""
        return cell_centers(FINE_SIDE, CUBE)[self.fine]


def place(views: SmallViews, up: Up, tolerated: float) -> Placed:
    """Find an object by its silhouettes.

    Args:
        views: its pictures.
        up: what tells which way is up.
        tolerated: share of the silhouettes that may contradict the others.

    Raises:
        InputError: the silhouettes have nothing in common.
    """
    center, radius = ball_around(views)
    turned = rotation_between(upward(views.cameras.c2w, center, up), torch.tensor([0.0, 0, 1], dtype=torch.float64))
    rough = Similarity.onto_ball(center, radius, turned)
    hull = _main(carve(views.silhouettes.carried(rough), _FIRST_SIDE, tolerated, cube=_FIRST_CUBE))
    similarity = _onto_its_ball(cell_centers(_FIRST_SIDE, _FIRST_CUBE)[hull], _FIRST_CUBE / _FIRST_SIDE).after(rough)
    # What is known of the cells now is coarse: once more, finer.
    finer = _carve_finely(views.silhouettes.carried(similarity), HULL_SIDE, tolerated)
    similarity = _onto_its_ball(cell_centers(HULL_SIDE, CUBE)[finer], CUBE / HULL_SIDE).after(similarity)
    return Placed(similarity, _carve_finely(views.silhouettes.carried(similarity), FINE_SIDE, tolerated))


def _carve_finely(silhouettes: Silhouettes, side: int, tolerated: float) -> Bool[Tensor, "z y x"]:
    """The hull over the cube, found near a coarser one."""
    coarse = _main(carve(silhouettes, _COARSE_SIDE, tolerated, cube=CUBE))
    near = torch.nn.functional.max_pool3d(coarse[None].float(), 3, stride=1, padding=1)[0] > 0
    for axis in range(3):
        near = near.repeat_interleave(side // _COARSE_SIDE, dim=axis)
    hull = torch.zeros_like(near)
    hull[near] = silhouettes.allow(cell_centers(side, CUBE)[near], tolerated)
    return hull


def _main(hull: Bool[Tensor, "z y x"]) -> Bool[Tensor, "z y x"]:
    return main_pieces(hull, _SMALLEST_PIECE)


def _onto_its_ball(points: Float[Tensor, "point 3"], cell: float) -> Similarity:
    if len(points) == 0:
        raise InputError(
            "the masks have nothing in common (an empty hull); do poses and masks belong to these pictures?"
        )
    center = points.mean(dim=0)
    return Similarity.onto_ball(center, float((points - center).norm(dim=1).max()) + cell / 2)


def shows_whole(placed: Placed, views: SmallViews) -> Bool[Tensor, " view"]:
    """Which pictures show the object whole, in front of the camera and not cut by an edge."""
    points = cell_centers(HULL_SIDE, CUBE)[placed.hull]
    shown = in_pictures(points, views.silhouettes.carried(placed.similarity))
    return shown.double().mean(dim=1) >= 1 - _CUT
