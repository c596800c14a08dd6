"""Packing: a ray's non-empty intervals side by side, so that empty space costs nothing later."""

from typing import Any, NamedTuple

import triton.language as tl

from triptych.representation.kernels.triton.language import compiled


class Packed(NamedTuple):
    """Of each ray: middles and lengths [ray, sample] of its non-empty intervals first, and how many they are [ray]."""

    middles: Any
    lengths: Any
    counts: Any


@compiled
def pack_intervals(t_starts, t_ends, packed, samples, BLOCK: tl.constexpr):
    """One program per ray; BLOCK is at least samples."""
    ray = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, BLOCK)
    start = tl.load(t_starts + ray * samples + i, i < samples, other=0.0)
    end = tl.load(t_ends + ray * samples + i, i < samples, other=0.0)
    used = end > start
    rank = tl.cumsum(used.to(tl.int32), axis=0) - 1
    tl.store(packed.middles + ray * samples + rank, (start + end) * 0.5, used)
    tl.store(packed.lengths + ray * samples + rank, end - start, used)
    tl.store(packed.counts + ray, tl.sum(used.to(tl.int32), axis=0))
