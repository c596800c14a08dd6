"""Where samples lie along a ray.

A ray is cut into intervals by sorted edges ``t`` [ray, sample + 1]; the field is read in the middle of each interval.
Between two edges a histogram of weights ``w`` [ray, sample] is a piecewise-constant density over ``t``, and importance
sampling inverts its cumulative distribution (NeRF, section 5.2; mip-NeRF 360, section 3).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def uniform_edges(
    near: Float[Tensor, " ray"], far: Float[Tensor, " ray"], count: int
) -> Float[Tensor, "ray edge"]:
    """Edges of ``count`` intervals of equal length from near to far."""
    steps = torch.linspace(0.0, 1.0, count + 1, dtype=near.dtype, device=near.device)
    return near[:, None] + (far - near)[:, None] * steps


def stratified_edges(
    near: Float[Tensor, " ray"], far: Float[Tensor, " ray"], count: int, generator: torch.Generator
) -> Float[Tensor, "ray edge"]:
    """Uniform edges with every inner one moved at random by up to half an interval; the ends stay.

    The edges remain sorted, the intervals still cover [near, far], and their middles are random.

    Args:
        near: start of each ray's interval.
        far: end of each ray's interval.
        count: number of intervals.
        generator: random numbers, on the CPU whatever the device, so that runs agree across devices.
    """
    edges = uniform_edges(near, far, count)
    jitter = torch.rand(len(near), count - 1, generator=generator, dtype=near.dtype).to(near.device) - 0.5
    edges[:, 1:-1] += jitter * ((far - near) / count)[:, None]
    return edges


def importance_edges(
    edges: Float[Tensor, "ray edge"],
    weights: Float[Tensor, "ray sample"],
    count: int,
    generator: torch.Generator | None,
    *,
    floor: float = 0.01,
) -> Float[Tensor, "ray chosen"]:
    """``count`` further edges, placed where the weights are by inverting their cumulative distribution.

    Args:
        edges: sorted edges of the histogram.
        weights: non-negative weight of each interval; need not sum to one.
        count: number of edges to draw.
        generator: stratified random quantiles; None takes the middles of ``count`` equal quantiles.
        floor: share of the probability spread evenly by length, so that no interval is ever starved.

    Returns:
        Sorted positions within each ray's edges.
    """
    rays = len(edges)
    lengths = edges.diff(dim=-1)
    # A ray that sees nothing has no weights: it falls back to sampling by length.
    total = weights.sum(dim=-1, keepdim=True)
    extent = lengths.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(edges.dtype).tiny)
    by_length = lengths / extent
    by_weight = torch.where(
        total > 1e-8, weights / total.clamp_min(torch.finfo(weights.dtype).tiny), by_length
    )
    cumulative = torch.cumsum((1 - floor) * by_weight + floor * by_length, dim=-1)
    cumulative = torch.cat([torch.zeros_like(cumulative[:, :1]), cumulative[:, :-1]], dim=-1)
    cumulative = torch.cat([cumulative, torch.ones_like(cumulative[:, :1])], dim=-1)

    if generator is None:
        offsets = torch.full((rays, count), 0.5, dtype=edges.dtype, device=edges.device)
    else:
        offsets = torch.rand(rays, count, generator=generator, dtype=edges.dtype).to(edges.device)
    quantiles = (torch.arange(count, dtype=edges.dtype, device=edges.device) + offsets) / count

    upper = torch.searchsorted(cumulative, quantiles, right=True).clamp(1, edges.shape[1] - 1)
    low, high = cumulative.gather(1, upper - 1), cumulative.gather(1, upper)
    start, end = edges.gather(1, upper - 1), edges.gather(1, upper)
    fraction = ((quantiles - low) / (high - low).clamp_min(torch.finfo(edges.dtype).tiny)).clamp(0, 1)
    return start + fraction * (end - start)
