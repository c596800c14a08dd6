"""The reference kernel: plain PyTorch on any device. Every faster backend must agree with it.

Rays are cut into intervals; for each interval: ask the field for density and channels at its midpoint, then composite
along the ray. Intervals of no length are left out. It is the only kernel that renders fields other than tri-planes.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Intervals, SceneRays, bit_grid, intersect_aabb
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
def place_samples(field: Field, rays: SceneRays, sampling: SamplingConfig, jitter: Float[Tensor, "ray 2"]) -> Intervals:
    """Each ray's intervals inside the scene box; not differentiable.

    First ``sampling.coarse`` intervals of equal length. With ``sampling.importance``, as many further edges cut them
    where their weights are. An interval whose middle lies in an unoccupied cell gets no length; so do all intervals
    of a ray that misses the box.

    Args:
        field: the scenes.
        rays: their rays, scenes in the order of the field.
        sampling: how many intervals.
        jitter: uniform random numbers in [0, 1) that move the coarse and the further edges; 0.5 spaces them evenly.
    """
    near, far = intersect_aabb(rays.flat, field.aabb)
    edges = jittered_edges(near, far, sampling.coarse, jitter[:, 0])
    if sampling.importance:
        coarse = _leave_out_empty(field, rays, Intervals.between(edges))
        weights = rendering_weights(densities(field.proposal, rays, coarse), coarse.lengths)
        further = importance_edges(edges, weights, sampling.importance, jitter[:, 1])
        edges = torch.cat([edges, further], dim=-1).sort(dim=-1).values
    return _leave_out_empty(field, rays, Intervals.between(edges))


def integrate(field: Field, rays: SceneRays, intervals: Intervals) -> Integral:
    """Volume rendering of rays through scenes; differentiable in whatever the field is made of.

    Args:
        field: the scenes; its occupancy plays no part here.
        rays: their rays, scenes in the order of the field.
        intervals: where the rays are sampled.
    """
    density, channels = query(field, rays, intervals)
    weights = rendering_weights(density, intervals.lengths)
    depth = (weights * intervals.middles).sum(dim=-1)
    return Integral(accumulate(weights, channels), weights.sum(dim=-1), depth)


def densities(field: Field, rays: SceneRays, intervals: Intervals) -> Float[Tensor, "ray sample"]:
    """Density per world unit in the middle of each interval, 0 for one of length 0."""
    return query(field, rays, intervals)[0]


def query(
    field: Field, rays: SceneRays, intervals: Intervals
) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample channel"]]:
    """Density and channels in the middle of each interval, 0 for one of length 0."""
    chosen = intervals.ends > intervals.starts
    points = _midpoints(rays, intervals)[chosen]
    points_per_scene = [int(part.sum()) for part in rays.split(chosen)]
    directions = rays.flat.directions[:, None].expand(*chosen.shape, 3)[chosen]
    density, channels = field.query(points, directions, points_per_scene)
    all_densities = density.new_zeros(chosen.shape).masked_scatter(chosen, density)
    all_channels = channels.new_zeros(*chosen.shape, channels.shape[-1])
    return all_densities, all_channels.masked_scatter(chosen[..., None].expand_as(all_channels), channels)


def total_variation(planes: Float[Tensor, "scene 3 row column feature"]) -> Float[Tensor, ""]:
    """Mean squared difference between neighboring texels, along rows plus along columns (L2 total variation)."""
    along_rows = planes.diff(dim=2).square().mean()
    along_columns = planes.diff(dim=3).square().mean()
    return along_rows + along_columns


def _leave_out_empty(field: Field, rays: SceneRays, intervals: Intervals) -> Intervals:
    if field.occupancy is None:
        return intervals
    middles = rays.split(_midpoints(rays, intervals))
    occupied = [
        bit_grid.at_points(bits, points, field.aabb) for bits, points in zip(field.occupancy, middles, strict=True)
    ]
    return replace(intervals, ends=torch.where(torch.cat(occupied), intervals.ends, intervals.starts))


def _midpoints(rays: SceneRays, intervals: Intervals) -> Float[Tensor, "ray sample 3"]:
    return rays.flat.origins[:, None] + intervals.middles[..., None] * rays.flat.directions[:, None]
