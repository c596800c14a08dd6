"""The reference kernel: plain PyTorch on any device. Every faster backend must agree with it.

Rays are cut into intervals; for each interval: ask the field for density and channels at its midpoint, then composite
along the ray. Intervals of no length are left out. It is the only kernel that renders fields other than tri-planes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Rays, bit_grid, intersect_aabb
from triptych.geometry.compositing import accumulate, rendering_weights
from triptych.geometry.sampling import importance_edges, jittered_edges
from triptych.representation.config import SamplingConfig
from triptych.representation.field import Field


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
    field: Field,
    rays: Rays,
    rays_per_scene: Sequence[int],
    sampling: SamplingConfig,
    jitter: Float[Tensor, "ray 2"],
) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample"]]:
    """Starts and ends of each ray's intervals inside the scene box; not differentiable.

    First ``sampling.coarse`` intervals of equal length. With ``sampling.importance``, as many further edges cut them
    where their weights are. An interval whose middle lies in an unoccupied cell gets no length; so do all intervals
    of a ray that misses the box.

    Args:
        field: the scenes.
        rays: rays grouped by scene, in the order of the field.
        rays_per_scene: how many rays belong to each scene.
        sampling: how many intervals.
        jitter: uniform random numbers in [0, 1) that move the coarse and the further edges; 0.5 spaces them evenly.
    """
    near, far = intersect_aabb(rays, field.aabb)
    edges = jittered_edges(near, far, sampling.coarse, jitter[:, 0])
    if sampling.importance:
        t_starts, t_ends = _leave_out_empty(field, rays, rays_per_scene, edges)
        density = densities(field.proposal, rays, rays_per_scene, t_starts, t_ends)
        weights = rendering_weights(density, t_ends - t_starts)
        further = importance_edges(edges, weights, sampling.importance, jitter[:, 1])
        edges = torch.cat([edges, further], dim=-1).sort(dim=-1).values
    return _leave_out_empty(field, rays, rays_per_scene, edges)


def integrate(
    field: Field,
    rays: Rays,
    rays_per_scene: Sequence[int],
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
) -> Integral:
    """Volume rendering of rays through scenes; differentiable in whatever the field is made of.

    Args:
        field: the scenes; its occupancy plays no part here.
        rays: rays grouped by scene, in the order of the field.
        rays_per_scene: how many rays belong to each scene.
        t_starts: where each interval begins, in world units along the ray.
        t_ends: where each interval ends; an interval of length 0 contributes nothing.
    """
    density, channels = query(field, rays, rays_per_scene, t_starts, t_ends)
    weights = rendering_weights(density, t_ends - t_starts)
    depth = (weights * (t_starts + t_ends) / 2).sum(dim=-1)
    return Integral(accumulate(weights, channels), weights.sum(dim=-1), depth)


def densities(
    field: Field,
    rays: Rays,
    rays_per_scene: Sequence[int],
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
) -> Float[Tensor, "ray sample"]:
    """Density per world unit in the middle of each interval, 0 for one of length 0."""
    return query(field, rays, rays_per_scene, t_starts, t_ends)[0]


def query(
    field: Field,
    rays: Rays,
    rays_per_scene: Sequence[int],
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample channel"]]:
    """Density and channels in the middle of each interval, 0 for one of length 0."""
    chosen = t_ends > t_starts
    points = _midpoints(rays, t_starts, t_ends)[chosen]
    points_per_scene = [int(part.sum()) for part in chosen.split(list(rays_per_scene))]
    directions = rays.directions[:, None].expand(*chosen.shape, 3)[chosen]
    density, channels = field.query(points, directions, points_per_scene)
    all_densities = density.new_zeros(chosen.shape).masked_scatter(chosen, density)
    all_channels = channels.new_zeros(*chosen.shape, channels.shape[-1])
    return all_densities, all_channels.masked_scatter(chosen[..., None].expand_as(all_channels), channels)


def total_variation(planes: Float[Tensor, "scene 3 row column feature"]) -> Float[Tensor, ""]:
    """Mean squared difference between neighboring texels, along rows plus along columns (L2 total variation)."""
    along_rows = planes.diff(dim=2).square().mean()
    along_columns = planes.diff(dim=3).square().mean()
    return along_rows + along_columns


def _leave_out_empty(
    field: Field, rays: Rays, rays_per_scene: Sequence[int], edges: Float[Tensor, "ray edge"]
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
