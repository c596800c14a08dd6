"""The visual hull: the cells of a box that no picture shows to be empty (Laurentini 1994)."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry import bit_grid
from triptych.geometry.cameras import Cameras


def visual_hull(
    cameras: Cameras,
    silhouettes: Bool[Tensor, "view height width"],
    aabb: Float[Tensor, "2 3"],
    tolerated: int = 1,
) -> Bool[Tensor, "z y x"]:
    """The cells of a box, in the grid of ``bit_grid``, that may hold a part of the object.

    A view speaks against a cell where no pixel that the cell may cover shows the object. What lies outside a picture
    or behind its camera it does not speak against.

    Args:
        cameras: of the views.
        silhouettes: where each view shows the object.
        aabb: lower and upper corner of the box.
        tolerated: how many views may speak against a cell that is kept: a highlight as bright as the background makes
            a hole in a silhouette.
    """
    side, size = bit_grid.SIDE, aabb[1] - aabb[0]
    middles = (torch.arange(side, device=aabb.device) + 0.5) / side
    z, y, x = torch.meshgrid(middles, middles, middles, indexing="ij")
    points = aabb[0] + size * torch.stack([x, y, z], dim=-1).reshape(-1, 3)
    radius = float(size.norm()) / side / 2
    against = torch.zeros(len(points), dtype=torch.int32, device=aabb.device)
    for view, silhouette in enumerate(silhouettes):
        against += _shown_empty(cameras[view : view + 1], silhouette, points, radius)
    return (against <= tolerated).reshape(side, side, side)


def _shown_empty(
    camera: Cameras, silhouette: Bool[Tensor, "height width"], points: Float[Tensor, "point 3"], radius: float
) -> Bool[Tensor, " point"]:
    """Whether a view shows nothing of the object where balls around the points may appear."""
    places, depth = camera.project(points)
    place, in_front = places[0], depth[0] > 2 * radius
    if not in_front.any():
        return torch.zeros_like(in_front)
    # No ball appears larger than the nearest one would in the middle, times what a slanted view adds to it.
    slant = float((place[in_front] - camera.intrinsics[0, 2:]).div(camera.intrinsics[0, :2]).square().sum(-1).max())
    focal = float(camera.intrinsics[0, :2].abs().max())
    pixels = int(focal * radius / float(depth[0][in_front].min() - radius) * (1 + slant) ** 0.5) + 2
    wide = F.max_pool2d(silhouette[None, None].float(), 2 * pixels + 1, stride=1, padding=pixels)[0, 0] > 0
    column, row = place.floor().long().unbind(dim=-1)
    height, width = silhouette.shape
    # Within the margin, a part of the ball lies outside the picture.
    inside = (column >= pixels) & (column < width - pixels) & (row >= pixels) & (row < height - pixels) & in_front
    return inside & ~wide[row.clamp(0, height - 1), column.clamp(0, width - 1)]
