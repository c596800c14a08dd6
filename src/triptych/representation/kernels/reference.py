"""The reference kernel: plain PyTorch on any device. Every faster backend must agree with it.

Given planes [scene, 3, row, column, feature], rays and the intervals they are cut into, for each interval: read the
three planes bilinearly at its midpoint, sum the features, run the tiny MLP, then composite along the ray.

Planes are XY, XZ and YZ in this order. With u = (x - lower) / (upper - lower) in [0, 1]^3 the place of a point in the
scene box, the centre of texel (row, column) of a K x K plane lies at

    plane 0, XY: u_y = (row + 1/2) / K, u_x = (column + 1/2) / K
    plane 1, XZ: u_z = (row + 1/2) / K, u_x = (column + 1/2) / K
    plane 2, YZ: u_z = (row + 1/2) / K, u_y = (column + 1/2) / K

and a point beyond the outermost centres takes the value at the border.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Rays
from triptych.geometry.compositing import accumulate, rendering_weights
from triptych.representation.mlp import TinyMLP

PLANE_AXES = ((0, 1), (0, 2), (1, 2))
"""World axes of the (column, row) of each plane."""


@dataclass(frozen=True)
class Integral:
    """What a ray gathers inside the scene box, before any background.

    Attributes:
        channels: sum of weight times channels.
        opacity: sum of weights, in [0, 1].
        depth: sum of weight times distance of the interval's midpoint from the origin, in world units.
    """

    channels: Float[Tensor, "ray channel"]
    opacity: Float[Tensor, " ray"]
    depth: Float[Tensor, " ray"]


def triplane_features(
    planes: Float[Tensor, "3 row column feature"],
    points: Float[Tensor, "point 3"],
    aabb: Float[Tensor, "2 3"],
) -> Float[Tensor, "point feature"]:
    """Sum of the three planes' bilinear values at world points."""
    place = (points - aabb[0]) / (aabb[1] - aabb[0]) * 2 - 1
    grid = torch.stack([place[:, axes] for axes in PLANE_AXES])[:, :, None]
    values = F.grid_sample(
        planes.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return values[..., 0].sum(dim=0).T


def query(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    points: Float[Tensor, "ray sample 3"],
    rays_per_scene: Sequence[int],
) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample channel"]]:
    """Density and channels at points that are grouped by scene, in the order of the planes."""
    count, samples, _ = points.shape
    features = [
        triplane_features(scene_planes, scene_points.reshape(-1, 3), aabb)
        for scene_planes, scene_points in zip(planes, points.split(list(rays_per_scene)), strict=True)
    ]
    density, channels = mlp(torch.cat(features))
    return density.reshape(count, samples), channels.reshape(count, samples, -1)


def interval_weights(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    rays: Rays,
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
    rays_per_scene: Sequence[int],
) -> Float[Tensor, "ray sample"]:
    """Rendering weights of the intervals, for importance sampling."""
    density, _ = query(planes, mlp, aabb, _midpoints(rays, t_starts, t_ends), rays_per_scene)
    return rendering_weights(density, t_ends - t_starts)


def integrate(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    rays: Rays,
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
    rays_per_scene: Sequence[int],
) -> Integral:
    """Volume rendering of rays through tri-plane scenes; differentiable in planes and MLP.

    Args:
        planes: tri-planes, channels last.
        mlp: the tiny MLP.
        aabb: lower and upper corner of the scene box, which the planes span.
        rays: rays grouped by scene, in the order of the planes.
        t_starts: where each interval begins, in world units along the ray.
        t_ends: where each interval ends; an interval of length 0 contributes nothing.
        rays_per_scene: how many rays belong to each scene.
    """
    density, channels = query(planes, mlp, aabb, _midpoints(rays, t_starts, t_ends), rays_per_scene)
    weights = rendering_weights(density, t_ends - t_starts)
    depth = (weights * (t_starts + t_ends) / 2).sum(dim=-1)
    return Integral(accumulate(weights, channels), weights.sum(dim=-1), depth)


def _midpoints(
    rays: Rays, t_starts: Float[Tensor, "ray sample"], t_ends: Float[Tensor, "ray sample"]
) -> Float[Tensor, "ray sample 3"]:
    middle = (t_starts + t_ends) / 2
    return rays.origins[:, None] + middle[..., None] * rays.directions[:, None]
