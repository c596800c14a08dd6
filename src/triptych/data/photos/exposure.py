"""Exposure: by how much lighter each picture of an object is, by the points that several pictures show."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.data.evenly import evenly
from triptych.data.photos.placing import CUBE, HULL_SIDE, Placed
from triptych.data.photos.small_views import SmallViews
from triptych.geometry import Cameras, Projection
from triptych.geometry.hull import cell_centers, surface_cells

NOTABLE = 1.15
"""From this ratio of the largest to the smallest gain on, exposure is said to differ."""
_POINTS = 4000
_DEPTH_SIDE = 64
_BEHIND = 2.5
"""Cells behind the nearest one from which on a point is hidden."""
_DARKEST, _LIGHTEST = 16.0, 250.0
"""Values between which a channel tells how much light there was."""
_ROUNDS = 20
_FEWEST = 20
"""Points that a picture must share with others for its gain to be known."""


def gains(placed: Placed, views: SmallViews) -> Float[np.ndarray, " view"]:
    """The gain of each picture: its pixel values are those of the median picture times its gain.

    A point has one color from all sides, times the gain of each picture; both follow from alternating medians of
    logarithms, which highlights and errors of the hull hardly move. A picture that shares too little with others gets
    1.
    """
    cells = surface_cells(placed.hull).nonzero()
    points = cell_centers(HULL_SIDE, CUBE)[tuple(cells[list(evenly(range(len(cells)), _POINTS))].T)]
    light = _light(points, views, placed.similarity.cameras(views.cameras))
    shared = np.isfinite(light).sum(axis=0) >= 2
    light = light[:, shared]
    known = np.isfinite(light).sum(axis=1) >= _FEWEST
    light = light[known][:, np.isfinite(light[known]).any(axis=0)]
    found = np.zeros(len(light))
    for _ in range(_ROUNDS if known.any() else 0):
        colors = np.nanmedian(light - found[:, None], axis=0)
        found = np.nanmedian(light - colors, axis=1)
        found -= np.median(found)
    result = np.ones(len(known))
    result[known] = np.exp(found)
    return result


def _light(points: Float[Tensor, "point 3"], views: SmallViews, cameras: Cameras) -> Float[np.ndarray, "view point"]:
    """The logarithm of the light of each point in each picture; NaN where it is hidden, or too dark or too light."""
    rows = []
    for view, rgba in enumerate(views.rgba):
        camera = cameras[[view]]
        visible = _visible(camera.resized(_DEPTH_SIDE, _DEPTH_SIDE).project(points))
        values = rgba.reshape(-1, 4)[camera.project(points).pixels()[0]].astype(np.float64)
        told = visible.numpy() & (values[:, 3] == 255) & (values[:, :3].max(axis=1) < _LIGHTEST)
        told &= values[:, :3].min(axis=1) > _DARKEST
        rows.append(np.where(told, np.log(values[:, :3].sum(axis=1).clip(1)), np.nan))
    return np.stack(rows)


def _visible(seen: Projection) -> Bool[Tensor, " point"]:
    """Which points of a surface nothing hides, in a coarse picture of the nearest depths."""
    number, inside, depth = seen.pixels()[0], seen.inside[0], seen.depth[0]
    nearest = depth.new_full((seen.height * seen.width,), torch.inf)
    nearest = nearest.scatter_reduce(0, number, torch.where(inside, depth, torch.inf), "amin")
    return inside & (depth <= nearest[number] + _BEHIND * CUBE / HULL_SIDE)
