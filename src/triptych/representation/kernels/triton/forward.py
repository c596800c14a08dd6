"""Rays forward: gather, tiny MLP and compositing in one pass, a block of a ray's samples at a time.

With optical depth tau_i = density_i · length_i of sample i:

    weight_i = exp(-sum_{j < i} tau_j) (1 - exp(-tau_i))
    channels, opacity, depth = sum_i weight_i · (channels_i, 1, t_i)

One program renders one ray until it is opaque. All that is kept for the backward pass is the optical depth before each
block of samples, and how many blocks were reached.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportAssignmentType=false
# Triton compiles these functions: the type checker knows constexpr arguments and literals by other names.

from typing import Any, NamedTuple

import triton.language as tl

from triptych.representation.kernels.arguments import OPAQUE_DEPTH
from triptych.representation.kernels.triton.field import (
    activate,
    channels_of,
    density_of,
    gather,
    hidden_layer,
    locate,
    output_layer,
    raw_density,
)
from triptych.representation.kernels.triton.language import absorbed, compiled

_OPAQUE_DEPTH = tl.constexpr(OPAQUE_DEPTH)


class Rendered(NamedTuple):
    """What a ray gathers: channels [ray, C], opacity [ray], depth [ray]."""

    channels: Any
    opacity: Any
    depth: Any


class Kept(NamedTuple):
    """For the backward pass: optical depth before each block [ray, block], and how many blocks were reached [ray]."""

    before: Any
    reached: Any


@compiled
def raw_outputs(scenes, scene, ray, t, used, S: tl.constexpr):
    """Raw outputs [sample, O] of the MLP at distances t along a ray."""
    features = gather(scenes, scene, locate(scenes, ray, t, S), used, S)
    return output_layer(scenes, activate(hidden_layer(scenes, features, S), S), S)


@compiled
def render_rays(scenes, packed, rendered, kept, samples, blocks, KEEP: tl.constexpr, S: tl.constexpr):
    """Render packed intervals, of at most this many blocks per ray."""
    ray = tl.program_id(0).to(tl.int64)
    scene = tl.load(scenes.scene + ray).to(tl.int64)
    OUTPUTS: tl.constexpr = S.output_block
    o, b = tl.arange(0, OUTPUTS), tl.arange(0, S.block)
    count = tl.load(packed.counts + ray)
    channels = tl.zeros([OUTPUTS], tl.float32)
    opacity, depth, optical_depth = 0.0, 0.0, 0.0
    start, block = 0, 0
    while (start < count) & (optical_depth <= _OPAQUE_DEPTH):
        if KEEP:
            tl.store(kept.before + ray * blocks + block, optical_depth)
        used = start + b < count
        t = tl.load(packed.middles + ray * samples + start + b, used, other=0.0)
        length = tl.load(packed.lengths + ray * samples + start + b, used, other=0.0)
        raw = raw_outputs(scenes, scene, ray, t, used, S)
        own = density_of(raw_density(raw, S), S) * length
        before = optical_depth + tl.cumsum(own, axis=0) - own
        weights = tl.exp(-before) * absorbed(own)
        channels += tl.sum(weights[:, None] * channels_of(raw, S), axis=0)
        opacity += tl.sum(weights, axis=0)
        depth += tl.sum(weights * t, axis=0)
        optical_depth += tl.sum(own, axis=0)
        start, block = start + S.block, block + 1
    tl.store(rendered.channels + ray * (S.outputs - 1) + o - 1, channels, (o > 0) & (o < S.outputs))
    tl.store(rendered.opacity + ray, opacity)
    tl.store(rendered.depth + ray, depth)
    if KEEP:
        tl.store(kept.reached + ray, block)


@compiled
def query_rays(scenes, t_starts, t_ends, values, samples, WEIGHTS: tl.constexpr, S: tl.constexpr):
    """Densities of intervals in their places, or their weights; blocks that are empty cost nothing."""
    ray = tl.program_id(0).to(tl.int64)
    scene = tl.load(scenes.scene + ray).to(tl.int64)
    BLOCK: tl.constexpr = S.block
    b = tl.arange(0, BLOCK)
    optical_depth = 0.0
    for first in range(0, samples, BLOCK):
        place = ray * samples + first + b
        inside = first + b < samples
        start, end = tl.load(t_starts + place, inside, other=0.0), tl.load(t_ends + place, inside, other=0.0)
        used = end > start
        value = tl.zeros([BLOCK], tl.float32)
        if tl.sum(used.to(tl.int32), axis=0) > 0:
            raw = raw_outputs(scenes, scene, ray, (start + end) * 0.5, used, S)
            value = tl.where(used, density_of(raw_density(raw, S), S), 0.0)
            if WEIGHTS:
                own = tl.where(used, value * (end - start), 0.0)
                value = tl.exp(-(optical_depth + tl.cumsum(own, axis=0) - own)) * absorbed(own)
                optical_depth += tl.sum(own, axis=0)
        tl.store(values + place, value, inside)
