"""What the views of a scene show of each cell of its hull."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Projection
from triptych.model.predictor.hull import Hull
from triptych.model.predictor.views import EncodedViews

GEOMETRY = 12
"""Numbers per cell beside those of its latents; see ``pool``."""
_COARSER = 2
"""Latent pixels along a pixel of the depth pictures: coarse enough that the cells of a surface leave no holes."""
_LEAST_FACING = 0.1


def pooled_features(channels: int) -> int:
    """Numbers that ``pool`` gives per cell."""
    return 3 * channels + GEOMETRY


@torch.no_grad()
def pool(hull: Hull, views: EncodedViews, background: Float[Tensor, " channel"]) -> Float[Tensor, "cell feature"]:
    """What the views show of each cell: mean and deviation of its latents, weighted by how well each view sees it, the
    latents of the view that sees it best, and 12 numbers about where it is and how it is seen.

    A view sees a cell the better the less of the hull lies before it and the more the hull faces the camera there.
    Latents count from that of the background. The order of the views does not matter.
    """
    seen = views.cameras.project(hull.centers)
    behind = _cells_before(hull, views, seen)
    weights = (-behind).exp() * (_LEAST_FACING + _facing(hull, views)) * seen.inside
    latents = _looked_up(views, seen) - background
    total = weights.sum(dim=0)
    shares = (weights / total.clamp_min(1e-6))[..., None]
    mean = (shares * latents).sum(dim=0)
    deviation = (shares * (latents - mean).square()).sum(dim=0).sqrt()
    best, by = weights.max(dim=0)
    of_best = latents[by, torch.arange(len(by), device=by.device)]
    aabb = hull.grid.aabb
    how = torch.stack(
        [
            total.log1p(),
            best,
            seen.inside.float().mean(dim=0),
            behind.amin(dim=0),
            hull.doubts,
            torch.full_like(best, math.log(len(views))),
        ],
        dim=1,
    )
    where = (hull.centers - aabb[0]) / (aabb[1] - aabb[0]) * 2 - 1
    return torch.cat([mean, deviation, of_best, how, where, hull.normals], dim=1)


def _looked_up(views: EncodedViews, seen: Projection) -> Float[Tensor, "view cell channel"]:
    places = torch.stack([seen.x / views.cameras.width, seen.y / views.cameras.height], dim=-1) * 2 - 1
    grid = places.nan_to_num(0, 0, 0)[:, :, None]
    values = F.grid_sample(views.latents, grid, padding_mode="border", align_corners=False)
    return values[..., 0].transpose(1, 2)


def _cells_before(hull: Hull, views: EncodedViews, seen: Projection) -> Float[Tensor, "view cell"]:
    """How far behind the nearest cell of the hull each cell lies in each view, in cells."""
    columns, rows = -(-seen.width // _COARSER), -(-seen.height // _COARSER)
    pixels = seen.pixels(_COARSER)
    depth = torch.where(seen.inside, seen.depth, torch.inf)
    nearest = torch.full((len(views), rows * columns), torch.inf, device=depth.device)
    nearest = nearest.scatter_reduce(1, pixels, depth, "amin")
    cells = (depth - nearest.gather(1, pixels)) / hull.grid.edges.norm()
    return cells.nan_to_num(0, 0, 0).clamp(0, 20)


def _facing(hull: Hull, views: EncodedViews) -> Float[Tensor, "view cell"]:
    """Cosine between the hull's normal and the direction to the camera, where it faces it."""
    eyes = views.cameras.c2w[:, :, 3]
    along = eyes @ hull.normals.T - (hull.centers * hull.normals).sum(dim=1)
    return (along / torch.cdist(eyes, hull.centers)).clamp_min(0)
