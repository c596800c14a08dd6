"""Rays backward: the forward pass again, block by block, and with it the gradients of its planes and of the MLP.

With tau_i and weight w_i as in ``forward``, and v_i = channels_gradient · channels_i + opacity_gradient +
depth_gradient · t_i, the gradient of w_i:

    d loss / d tau_i = exp(-sum_{j <= i} tau_j) v_i - sum_{j > i} w_j v_j

A ray's blocks are taken from the last to the first, so that what comes after a sample is known: its sum over later
blocks, which are of small numbers only, never the difference of large ones.

A program takes every n-th ray and keeps its sums of the MLP's gradients in registers; they are added up afterward.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportAssignmentType=false
# Triton compiles these functions: the type checker knows constexpr arguments and literals by other names.

from typing import Any, NamedTuple

import triton.language as tl

from triptych.representation.kernels.triton.field import (
    activate,
    activation_slope,
    channels_of,
    density_of,
    gather,
    hidden_layer,
    hidden_weight,
    locate,
    output_layer,
    output_weight,
    raw_density,
    scatter,
)
from triptych.representation.kernels.triton.language import absorbed, compiled, dot, sigmoid


class Gradients(NamedTuple):
    """Of the planes, like them, in float32 or in fixed point; of the MLP, a part from each program; and the largest
    absolute gradient of a feature in each program."""

    planes: Any
    hidden_weight: Any
    hidden_bias: Any
    output_weight: Any
    output_bias: Any
    largest: Any


@compiled
def _raw_gradients(raw, t, length, before, after, ray_gradients, S: tl.constexpr):
    """Gradients [sample, O] of raw outputs, and the sum of w v of this block and of those after it."""
    channels_gradient, opacity_gradient, depth_gradient = ray_gradients
    o, b = tl.arange(0, S.output_block), tl.arange(0, S.block)
    shifted = raw_density(raw, S)
    own = density_of(shifted, S) * length
    upto = before + tl.cumsum(own, axis=0)
    weights = tl.exp(own - upto) * absorbed(own)
    channels = channels_of(raw, S)
    value = tl.sum(channels_gradient[None, :] * channels, axis=1) + opacity_gradient + depth_gradient * t
    part = weights * value
    later = after + tl.sum(tl.where(b[None, :] > b[:, None], part[None, :], 0.0), axis=1)
    density = (tl.exp(-upto) * value - later) * length * (S.density_scale * sigmoid(shifted))
    gradient = weights[:, None] * channels_gradient[None, :]
    if S.sigmoid:
        gradient *= channels * (1.0 - channels)
    return tl.where(o[None, :] == 0, density[:, None], gradient), after + tl.sum(part, axis=0)


@compiled
def _ray_gradients(gradients, ray, S: tl.constexpr):
    """Gradients of a ray's channels [O], opacity and depth."""
    o = tl.arange(0, S.output_block)
    channels = tl.load(gradients.channels + ray * (S.outputs - 1) + o - 1, (o > 0) & (o < S.outputs), other=0.0)
    return channels, tl.load(gradients.opacity + ray), tl.load(gradients.depth + ray)


@compiled
def _store_mlp_gradients(parts, hidden_gradient, hidden_bias, output_gradient, output_bias, S: tl.constexpr):
    program = tl.program_id(0)
    h, f, o = tl.arange(0, S.hidden_block), tl.arange(0, S.feature_block), tl.arange(0, S.output_block)
    row, column = h[:, None], f[None, :]
    first = program * S.hidden * S.features
    mask = (row < S.hidden) & (column < S.features)
    tl.store(parts.hidden_weight + first + row * S.features + column, hidden_gradient, mask)
    tl.store(parts.hidden_bias + program * S.hidden + h, hidden_bias, h < S.hidden)
    row, column = o[:, None], h[None, :]
    first = program * S.outputs * S.hidden
    mask = (row < S.outputs) & (column < S.hidden)
    tl.store(parts.output_weight + first + row * S.hidden + column, output_gradient, mask)
    tl.store(parts.output_bias + program * S.outputs + o, output_bias, o < S.outputs)


@compiled
def differentiate_rays(
    scenes, packed, kept, ray_gradients, parts, scale, rays, samples, blocks,
    MLP: tl.constexpr, PLANES: tl.constexpr, S: tl.constexpr,
):  # fmt: skip
    """Gradients of packed intervals: of the MLP if MLP, of the planes times ``scale`` if PLANES, else their largest."""
    FEATURES: tl.constexpr = S.feature_block
    HIDDEN: tl.constexpr = S.hidden_block
    OUTPUTS: tl.constexpr = S.output_block
    b = tl.arange(0, S.block)
    hidden_gradient, hidden_bias = tl.zeros([HIDDEN, FEATURES], tl.float32), tl.zeros([HIDDEN], tl.float32)
    output_gradient, output_bias = tl.zeros([OUTPUTS, HIDDEN], tl.float32), tl.zeros([OUTPUTS], tl.float32)
    largest, factor = 0.0, tl.load(scale)
    for ray in range(tl.program_id(0).to(tl.int64), rays, tl.num_programs(0)):
        scene = tl.load(scenes.scene + ray).to(tl.int64)
        count = tl.load(packed.counts + ray)
        gradients = _ray_gradients(ray_gradients, ray, S)
        after, block = 0.0, tl.load(kept.reached + ray) - 1
        while block >= 0:
            before = tl.load(kept.before + ray * blocks + block)
            i = block * S.block + b
            used = i < count
            t = tl.load(packed.middles + ray * samples + i, used, other=0.0)
            length = tl.load(packed.lengths + ray * samples + i, used, other=0.0)
            place = locate(scenes, ray, t, S)
            features = gather(scenes, scene, place, used, S)
            pre = hidden_layer(scenes, features, S)
            hidden = activate(pre, S)
            raw = output_layer(scenes, hidden, S)
            gradient, after = _raw_gradients(raw, t, length, before, after, gradients, S)
            gradient = tl.where(used[:, None], gradient, 0.0)
            pre_gradient = dot(gradient, output_weight(scenes, S), S) * activation_slope(pre, S)
            if MLP:
                output_gradient += dot(tl.trans(gradient), hidden, S)
                output_bias += tl.sum(gradient, axis=0)
                hidden_gradient += dot(tl.trans(pre_gradient), features, S)
                hidden_bias += tl.sum(pre_gradient, axis=0)
            feature_gradient = dot(pre_gradient, hidden_weight(scenes, S), S)
            if PLANES:
                scatter(parts.planes, scene, place, feature_gradient * factor, used, S)
            else:
                size = tl.where(feature_gradient == feature_gradient, tl.abs(feature_gradient), float("inf"))
                largest = tl.maximum(largest, tl.max(tl.max(size, axis=1), axis=0))
            block -= 1
    if MLP:
        _store_mlp_gradients(parts, hidden_gradient, hidden_bias, output_gradient, output_bias, S)
    if not PLANES:
        tl.store(parts.largest + tl.program_id(0), largest)
