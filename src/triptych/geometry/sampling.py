"""Where samples lie along a ray.

A ray is cut into intervals by sorted edges ``t`` [ray, sample + 1]; the field is read in the middle of each interval.
Between two edges a histogram of weights ``w`` [ray, sample] is a piecewise-constant density over ``t``, and importance
sampling inverts its cumulative distribution (NeRF, section 5.2; mip-NeRF 360, section 3).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def uniform_edges(near: Float[Tensor, " ray"], far: Float[Tensor, " ray"], count: int) -> Float[Tensor, "ray edge"]:
    """Edges of ``count`` intervals of equal length from near to far."""
    steps = torch.linspace(0.0, 1.0, count + 1, dtype=near.dtype, device=near.device)
    return near[:, None] + (far - near)[:, None] * steps


def stratified_edges(
    near: Float[Tensor, " ray"], far: Float[Tensor, " ray"], jitter: Float[Tensor, "ray inner"]
) -> Float[Tensor, "ray edge"]:
    """Uniform edges with every inner one moved by up to half an interval either way; the ends stay.

    The edges remain sorted, the intervals still cover [near, far], and their middles are random.

    Args:
        near: start of each ray's interval.
        far: end of each ray's interval.
        jitter: uniform random numbers in [0, 1), one for each inner edge (the number of intervals less one).
    """
    count = jitter.shape[1] + 1
    edges = uniform_edges(near, far, count)
    edges[:, 1:-1] += (jitter - 0.5) * ((far - near) / count)[:, None]
    return edges


def importance_edges(
    edges: Float[Tensor, "ray edge"],
    weights: Float[Tensor, "ray sample"],
    offsets: Float[Tensor, "ray chosen"],
    *,
    floor: float = 0.01,
) -> Float[Tensor, "ray chosen"]:
    """Further edges, placed where the weights are by inverting their cumulative distribution.

    Args:
        edges: sorted edges of the histogram.
        weights: non-negative weight of each interval; need not sum to one.
        offsets: place of each new edge within its quantile, of as many equal ones: uniform random numbers in
            [0, 1), or 0.5 for the middles.
        floor: share of the probability spread evenly by length, so that no interval is ever starved.

    Returns:
        Sorted positions within each ray's edges.
    """
    lengths = edges.diff(dim=-1)
    # A ray that sees nothing has no weights: it falls back to sampling by length.
    total = weights.sum(dim=-1, keepdim=True)
    extent = lengths.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(edges.dtype).tiny)
    by_length = lengths / extent
    by_weight = torch.where(total > 1e-8, weights / total.clamp_min(torch.finfo(weights.dtype).tiny), by_length)
    cumulative = torch.cumsum((1 - floor) * by_weight + floor * by_length, dim=-1)
    cumulative = torch.cat([torch.zeros_like(cumulative[:, :1]), cumulative[:, :-1]], dim=-1)
    cumulative = torch.cat([cumulative, torch.ones_like(cumulative[:, :1])], dim=-1)

    count = offsets.shape[1]
    quantiles = (torch.arange(count, dtype=edges.dtype, device=edges.device) + offsets) / count
    upper = torch.searchsorted(cumulative, quantiles, right=True).clamp(1, edges.shape[1] - 1)
    low, high = cumulative.gather(1, upper - 1), cumulative.gather(1, upper)
    start, end = edges.gather(1, upper - 1), edges.gather(1, upper)
    fraction = ((quantiles - low) / (high - low).clamp_min(torch.finfo(edges.dtype).tiny)).clamp(0, 1)
    return start + fraction * (end - start)
