"""Where samples lie along a ray.

A ray is cut into intervals by sorted edges ``t`` [ray, sample + 1]; the field is read in the middle of each interval.
Between two edges a histogram of weights ``w`` [ray, sample] is a piecewise-constant density over ``t``, and importance
sampling inverts its cumulative distribution (NeRF, section 5.2; mip-NeRF 360, section 3).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

EVEN_SHARE = 0.01
"""Share of importance samples spread evenly by length, so that no interval is ever starved."""


@dataclass(frozen=True)
class Intervals:
    """The intervals of rays in whose middles a field is sampled.

    Attributes:
        starts: where each begins, in world units along the ray.
        ends: where each ends; one of length 0 contributes nothing.
    """

    starts: Float[Tensor, "ray sample"]
    ends: Float[Tensor, "ray sample"]

    @classmethod
    def between(cls, edges: Float[Tensor, "ray edge"]) -> "Intervals":
        """Each from one sorted edge to the next."""
        return cls(edges[:, :-1], edges[:, 1:])

    @property
    def lengths(self) -> Float[Tensor, "ray sample"]:
        """How long each is, in world units."""
        return self.ends - self.starts

    @property
    def middles(self) -> Float[Tensor, "ray sample"]:
        """Where the field is sampled, in world units along the ray."""
        return (self.starts + self.ends) / 2


def jittered_edges(
    near: Float[Tensor, " ray"], far: Float[Tensor, " ray"], count: int, jitter: Float[Tensor, " ray"]
) -> Float[Tensor, "ray edge"]:
    """Edges of ``count`` intervals from near to far, the inner ones of a ray all moved by the same random amount.

    The edges remain sorted, the intervals still cover [near, far], and their middles are random. One number moves all
    edges of a ray (stratified sampling with a single jitter, as in mip-NeRF 360): it leaves no gap between samples.

    Args:
        near: start of each ray.
        far: end of each ray.
        count: number of intervals.
        jitter: uniform random numbers in [0, 1); 0.5 gives intervals of equal length.
    """
    steps = torch.arange(count + 1, dtype=near.dtype, device=near.device)
    places = steps + (jitter - 0.5)[:, None]
    places[:, 0], places[:, -1] = 0.0, count
    return near[:, None] + (far - near)[:, None] / count * places


def importance_edges(
    edges: Float[Tensor, "ray edge"],
    weights: Float[Tensor, "ray sample"],
    count: int,
    jitter: Float[Tensor, " ray"],
    *,
    even_share: float = EVEN_SHARE,
) -> Float[Tensor, "ray chosen"]:
    """Further edges, placed where the weights are by inverting their cumulative distribution.

    Args:
        edges: sorted edges of the histogram.
        weights: non-negative weight of each interval; need not sum to one.
        count: number of new edges, one in each of as many quantiles.
        jitter: place of a ray's new edges within their quantiles: uniform random numbers in [0, 1), or 0.5 for the
            middles.
        even_share: share of the probability spread evenly by length.

    Returns:
        Sorted positions within each ray's edges.
    """
    lengths = edges.diff(dim=-1)
    # A ray that sees nothing has no weights: it falls back to sampling by length.
    total = weights.sum(dim=-1, keepdim=True)
    extent = lengths.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(edges.dtype).tiny)
    by_length = lengths / extent
    by_weight = torch.where(total > 1e-8, weights / total.clamp_min(torch.finfo(weights.dtype).tiny), by_length)
    cumulative = torch.cumsum((1 - even_share) * by_weight + even_share * by_length, dim=-1)
    cumulative = torch.cat([torch.zeros_like(cumulative[:, :1]), cumulative[:, :-1]], dim=-1)
    cumulative = torch.cat([cumulative, torch.ones_like(cumulative[:, :1])], dim=-1)

    quantiles = (torch.arange(count, dtype=edges.dtype, device=edges.device) + jitter[:, None]) / count
    upper = torch.searchsorted(cumulative, quantiles, right=True).clamp(1, edges.shape[1] - 1)
    low, high = cumulative.gather(1, upper - 1), cumulative.gather(1, upper)
    start, end = edges.gather(1, upper - 1), edges.gather(1, upper)
    fraction = ((quantiles - low) / (high - low).clamp_min(torch.finfo(edges.dtype).tiny)).clamp(0, 1)
    return start + fraction * (end - start)
