"""Placing the samples of rays: through the box, past empty cells, and closer together where there is matter.

The formulas are those of ``reference.place_samples`` and of ``triptych.geometry.sampling``.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportAssignmentType=false
# Triton compiles these functions: the type checker knows constexpr arguments and literals by other names.

import numpy as np
import triton.language as tl

from triptych.geometry.bit_grid import SIDE
from triptych.geometry.sampling import EVEN_SHARE
from triptych.representation.kernels.triton.language import compiled

_TINY = tl.constexpr(float(np.finfo(np.float32).tiny))
_TINY_ROOT = tl.constexpr(float(np.finfo(np.float32).tiny ** 0.5))
_SIDE = tl.constexpr(SIDE)
_EVEN_SHARE = tl.constexpr(EVEN_SHARE)


@compiled
def _cross_slab(scenes, ray, known, axis: tl.constexpr):
    """Where rays enter and leave the box along an axis."""
    origin = tl.load(scenes.origins + 3 * ray + axis, known, other=0.0)
    direction = tl.load(scenes.directions + 3 * ray + axis, known, other=0.0)
    direction = tl.where(tl.abs(direction) < _TINY_ROOT, _TINY_ROOT, direction)
    lower = (tl.load(scenes.aabb + axis) - origin) / direction
    upper = (tl.load(scenes.aabb + 3 + axis) - origin) / direction
    return tl.minimum(lower, upper), tl.maximum(lower, upper)


@compiled
def space_edges(scenes, jitter, edges, rays, count, RAYS: tl.constexpr, BLOCK: tl.constexpr):
    """Edges [ray, count + 1] of as many equal intervals, moved by the jitter [ray, 2]; all 0 for a ray that misses."""
    ray = tl.program_id(0).to(tl.int64) * RAYS + tl.arange(0, RAYS)
    known = ray < rays
    x_near, x_far = _cross_slab(scenes, ray, known, 0)
    y_near, y_far = _cross_slab(scenes, ray, known, 1)
    z_near, z_far = _cross_slab(scenes, ray, known, 2)
    near = tl.maximum(tl.maximum(x_near, y_near), tl.maximum(z_near, 0.0))
    far = tl.minimum(tl.minimum(x_far, y_far), z_far)
    hit = far > near
    near, far = tl.where(hit, near, 0.0), tl.where(hit, far, 0.0)
    i = tl.arange(0, BLOCK)
    shift = tl.load(jitter + 2 * ray, known, other=0.5) - 0.5
    moved = (i > 0) & (i < count)
    place = i.to(tl.float32)[None, :] + tl.where(moved[None, :], shift[:, None], 0.0)
    edge = near[:, None] + ((far - near) / count)[:, None] * place
    tl.store(edges + ray[:, None] * (count + 1) + i[None, :], edge, known[:, None] & (i <= count)[None, :])


@compiled
def _cell(scenes, ray, known, t, axis: tl.constexpr):
    """Cells [ray, sample] of the occupancy along an axis; points outside go to the border."""
    lower = tl.load(scenes.aabb + axis)
    scale = _SIDE / (tl.load(scenes.aabb + 3 + axis) - lower)
    origin = (tl.load(scenes.origins + 3 * ray + axis, known, other=0.0) - lower) * scale
    place = origin[:, None] + t * (tl.load(scenes.directions + 3 * ray + axis, known, other=0.0) * scale)[:, None]
    return tl.minimum(tl.maximum(place, 0.0), _SIDE - 1.0).to(tl.int32)


@compiled
def lay_intervals(
    scenes, edges, occupancy, t_starts, t_ends, rays, count,
    OCCUPANCY: tl.constexpr, RAYS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Intervals between edges [ray, count + 1]; those whose middle lies in an unoccupied cell get no length."""
    ray = tl.program_id(0).to(tl.int64) * RAYS + tl.arange(0, RAYS)
    known, i = ray < rays, tl.arange(0, BLOCK)
    mask = known[:, None] & (i < count)[None, :]
    place = ray[:, None] * (count + 1) + i[None, :]
    start, end = tl.load(edges + place, mask, other=0.0), tl.load(edges + place + 1, mask, other=0.0)
    if OCCUPANCY:
        t = (start + end) * 0.5
        x, y, z = _cell(scenes, ray, known, t, 0), _cell(scenes, ray, known, t, 1), _cell(scenes, ray, known, t, 2)
        scene = tl.load(scenes.scene + ray, known, other=0).to(tl.int64)
        bits = tl.load(occupancy + scene[:, None] * _SIDE * _SIDE + z * _SIDE + y, mask, other=0)
        end = tl.where(((bits >> x) & 1) != 0, end, start)
    place = ray[:, None] * count + i[None, :]
    tl.store(t_starts + place, start, mask)
    tl.store(t_ends + place, end, mask)


@compiled
def refine_edges(
    edges, weights, jitter, refined, coarse, further,
    COARSE: tl.constexpr, EDGES: tl.constexpr, FURTHER: tl.constexpr,
):  # fmt: skip
    """Merge ``further`` edges at quantiles of the weights [ray, coarse] into the edges [ray, coarse + 1] of a ray.

    Both are sorted, and a further edge comes after the first edge of the interval that it divides: its place among all
    is its own number plus that of the second, and an edge's is its own plus how many further ones divide intervals
    before it.
    """
    ray = tl.program_id(0).to(tl.int64)
    first = edges + ray * (coarse + 1)
    j, k, e = tl.arange(0, COARSE), tl.arange(0, FURTHER), tl.arange(0, EDGES)
    start, end = tl.load(first + j, j < coarse, other=0.0), tl.load(first + j + 1, j < coarse, other=0.0)
    weight = tl.load(weights + ray * coarse + j, j < coarse, other=0.0)
    length = end - start
    total = tl.sum(weight, axis=0)
    by_length = length / tl.maximum(tl.sum(length, axis=0), _TINY)
    by_weight = tl.where(total > 1e-8, weight / tl.maximum(total, _TINY), by_length)
    cumulative = tl.cumsum(by_weight + (by_length - by_weight) * _EVEN_SHARE, axis=0)
    cumulative = tl.where(j < coarse - 1, cumulative, 1.0)

    quantile = (k.to(tl.float32) + tl.load(jitter + 2 * ray + 1)) / further
    below = (cumulative[None, :] <= quantile[:, None]) & (j < coarse - 1)[None, :]
    low = tl.max(tl.where(below, cumulative[None, :], 0.0), axis=1)
    high = tl.min(tl.where(below, 2.0, cumulative[None, :]), axis=1)
    interval = tl.sum(below.to(tl.int32), axis=1)
    start, end = tl.load(first + interval), tl.load(first + interval + 1)
    fraction = tl.minimum(tl.maximum((quantile - low) / tl.maximum(high - low, _TINY), 0.0), 1.0)
    chosen = tl.minimum(tl.maximum(start + fraction * (end - start), start), end)

    own = refined + ray * (coarse + further + 1)
    tl.store(own + k + interval + 1, chosen, k < further)
    divided = tl.where(k < further, interval, coarse)
    before = tl.sum((divided[:, None] < e[None, :]).to(tl.int32), axis=0)
    tl.store(own + e + before, tl.load(first + e, e <= coarse, other=0.0), e <= coarse)
