"""The reference kernel: plain PyTorch on any device. Every faster backend must agree with it.

Rays are cut into intervals; for each interval: read the three planes [3, row, column, feature] bilinearly at its
midpoint, sum the features, run the tiny MLP, then composite along the ray. Intervals of no length are left out.

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

from triptych.geometry import Rays, bit_grid, intersect_aabb
from triptych.geometry.compositing import accumulate, rendering_weights
from triptych.geometry.sampling import importance_edges, jittered_edges
from triptych.representation.field import SamplingConfig, TriPlaneField

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


@torch.no_grad()
def place_samples(
    field: TriPlaneField,
    rays: Rays,
    rays_per_scene: Sequence[int],
    sampling: SamplingConfig,
    jitter: Float[Tensor, "ray 2"],
) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample"]]:
    """Starts and ends of each ray's intervals inside the scene box; not differentiable.

    First ``sampling.coarse`` intervals of like length. With ``sampling.importance``, so many further edges cut them
    where their weights are. An interval whose middle lies in an unoccupied cell gets no length; so do all intervals
    of a ray that misses the box.

    Args:
        field: the scenes.
        rays: rays grouped by scene, in the order of the planes.
        rays_per_scene: how many rays belong to each scene.
        sampling: how many intervals.
        jitter: uniform random numbers in [0, 1) that move the coarse and the further edges; 0.5 spaces them evenly.
    """
    near, far = intersect_aabb(rays, field.aabb)
    edges = jittered_edges(near, far, sampling.coarse, jitter[:, 0])
    if sampling.importance:
        t_starts, t_ends = _leave_out_empty(field, rays, rays_per_scene, edges)
        density = densities(field, rays, rays_per_scene, t_starts, t_ends)
        weights = rendering_weights(density, t_ends - t_starts)
        further = importance_edges(edges, weights, sampling.importance, jitter[:, 1])
        edges = torch.cat([edges, further], dim=-1).sort(dim=-1).values
    return _leave_out_empty(field, rays, rays_per_scene, edges)


def integrate(
    field: TriPlaneField,
    rays: Rays,
    rays_per_scene: Sequence[int],
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
) -> Integral:
    """Volume rendering of rays through tri-plane scenes; differentiable in planes and MLP.

    Args:
        field: the scenes; its occupancy plays no part here.
        rays: rays grouped by scene, in the order of the planes.
        rays_per_scene: how many rays belong to each scene.
        t_starts: where each interval begins, in world units along the ray.
        t_ends: where each interval ends; an interval of length 0 contributes nothing.
    """
    density, channels = query(field, rays, rays_per_scene, t_starts, t_ends)
    weights = rendering_weights(density, t_ends - t_starts)
    depth = (weights * (t_starts + t_ends) / 2).sum(dim=-1)
    return Integral(accumulate(weights, channels), weights.sum(dim=-1), depth)


def densities(
    field: TriPlaneField,
    rays: Rays,
    rays_per_scene: Sequence[int],
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
) -> Float[Tensor, "ray sample"]:
    """Density per world unit in the middle of each interval, 0 for one of length 0."""
    return query(field, rays, rays_per_scene, t_starts, t_ends)[0]


def query(
    field: TriPlaneField,
    rays: Rays,
    rays_per_scene: Sequence[int],
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample channel"]]:
    """Density and channels in the middle of each interval, 0 for one of length 0."""
    chosen = t_ends > t_starts
    points = _midpoints(rays, t_starts, t_ends)[chosen]
    points_per_scene = [int(part.sum()) for part in chosen.split(list(rays_per_scene))]
    features = [
        triplane_features(scene_planes, scene_points, field.aabb)
        for scene_planes, scene_points in zip(field.planes, points.split(points_per_scene), strict=True)
    ]
    density, channels = field.mlp(torch.cat(features))
    all_densities = density.new_zeros(chosen.shape).masked_scatter(chosen, density)
    all_channels = channels.new_zeros(*chosen.shape, channels.shape[-1])
    return all_densities, all_channels.masked_scatter(chosen[..., None].expand_as(all_channels), channels)


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


def total_variation(planes: Float[Tensor, "scene 3 row column feature"]) -> Float[Tensor, ""]:
    """Mean squared difference between neighbouring texels, along rows plus along columns (L2 total variation)."""
    along_rows = planes.diff(dim=2).square().mean()
    along_columns = planes.diff(dim=3).square().mean()
    return along_rows + along_columns


def _leave_out_empty(
    field: TriPlaneField, rays: Rays, rays_per_scene: Sequence[int], edges: Float[Tensor, "ray edge"]
) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample"]]:
    t_starts, t_ends = edges[:, :-1], edges[:, 1:]
    if field.occupancy is None:
        return t_starts, t_ends
    middles = _midpoints(rays, t_starts, t_ends).split(list(rays_per_scene))
    occupied = [
        bit_grid.at_points(bits, points, field.aabb) for bits, points in zip(field.occupancy, middles, strict=True)
    ]
    return t_starts, torch.where(torch.cat(occupied), t_ends, t_starts)


def _midpoints(
    rays: Rays, t_starts: Float[Tensor, "ray sample"], t_ends: Float[Tensor, "ray sample"]
) -> Float[Tensor, "ray sample 3"]:
    middle = (t_starts + t_ends) / 2
    return rays.origins[:, None] + middle[..., None] * rays.directions[:, None]
