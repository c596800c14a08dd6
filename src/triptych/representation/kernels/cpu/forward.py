"""Loops over the samples of a ray, forward.

A ray's non-empty intervals are taken 8 at a time: gather, tiny MLP, composite, until the ray is opaque. The raw MLP
outputs may be kept for the backward pass.
"""

import numpy as np

from triptych.representation.kernels.arguments import OPAQUE_DEPTH
from triptych.representation.kernels.cpu.field import activate, gather, hidden_layer, locate, raw_outputs
from triptych.representation.kernels.cpu.functions import absorbed, exp_of_negative, sigmoid, softplus
from triptych.representation.kernels.cpu.intervals import coordinate_lines, pack_intervals, unpack_values
from triptych.representation.kernels.cpu.layout import GROUP, QUERY
from triptych.representation.kernels.cpu.memory import (
    advance,
    floats_at,
    integers_at,
    load8,
    read,
    store,
    write,
)
from triptych.representation.kernels.cpu.vectors import (
    compiled,
    fma,
    inlined,
    last,
    spread8,
    sum_before,
    sum_of_lanes,
)


@inlined
def ray_memory(job, scratch):
    """A ray's part of the working memory: lines, middles, lengths, values and sums; and the rest."""
    lines = scratch
    middles = advance(lines, GROUP)
    lengths = advance(middles, job.padded_samples)
    values = advance(lengths, job.padded_samples)
    sums = advance(values, job.padded_samples)
    return lines, middles, lengths, values, sums, advance(sums, GROUP * (job.outputs + 1))


@compiled
def render_ray(job, planes, ray, scratch):
    """Channels, opacity and depth of a ray."""
    _, middles, lengths, _, sums, _ = ray_memory(job, scratch)
    first = ray * job.samples
    starts, ends = advance(floats_at(job.t_starts), first), advance(floats_at(job.t_ends), first)
    count = pack_intervals(starts, ends, job.samples, middles, lengths)
    reached = march(job, planes, ray, count, job.outputs, scratch)
    write_sums(job, ray, sums)
    if job.raw:
        write(integers_at(job.reached), ray, reached)


@compiled
def query_ray(job, planes, ray, scratch):
    """Densities of a ray's intervals."""
    _, middles, lengths, values, _, _ = ray_memory(job, scratch)
    first = ray * job.samples
    starts, ends = advance(floats_at(job.t_starts), first), advance(floats_at(job.t_ends), first)
    count = pack_intervals(starts, ends, job.samples, middles, lengths)
    march(job, planes, ray, count, job.outputs, scratch)
    unpack_values(starts, ends, job.samples, values, count, advance(floats_at(job.densities), first))


@compiled
def march(job, planes, ray, count, outputs, scratch):
    """Composite a ray's ``count`` packed intervals; how many were reached before it was opaque.

    Only the first ``outputs`` of the MLP are computed: one is enough for the weights.
    Leaves the sums over the ray, and the weights of the samples (the densities, in a query, which goes on to the end).
    """
    features, hidden_units = job.features, job.hidden_units
    lines, middles, lengths, values, sums, coordinates = ray_memory(job, scratch)
    cells = advance(coordinates, 3 * GROUP)
    corners = advance(cells, 3 * GROUP)
    block = advance(corners, 12 * GROUP)
    hidden = advance(block, GROUP * features)
    raw, raw_row = advance(hidden, GROUP * hidden_units), GROUP

    coordinate_lines(job, ray, lines)
    for i in range(outputs + 1):
        store(sums, i * GROUP, spread8(0.0))
    optical_depth = np.float32(0.0)
    reached = 0
    while reached < count and (job.task == QUERY or not optical_depth > OPAQUE_DEPTH):
        t = load8(middles, reached)
        for axis in range(3):
            store(coordinates, axis * GROUP, fma(t, read(lines, 3 + axis), read(lines, axis)))
        locate(coordinates, GROUP, job.resolution, cells, corners)
        gather(job, planes, cells, corners, GROUP, block)
        hidden_layer(job, block, GROUP, hidden)
        activate(hidden, GROUP * hidden_units, job.relu)
        if job.raw:
            raw_row = job.padded_samples
            raw = advance(floats_at(job.raw), ray * outputs * raw_row + reached)
        raw_outputs(job, hidden, outputs, raw, raw_row)
        if job.task == QUERY:
            store(values, reached, job.density_scale * softplus(load8(raw, 0) + job.density_shift))
        else:
            own, before = optical_depths(job, load8(raw, 0), load8(lengths, reached), optical_depth)
            optical_depth = last(before + own)
            weights = exp_of_negative(-before) * absorbed(own)
            store(values, reached, weights)
            accumulate(job, weights, t, raw, raw_row, outputs, sums)
        reached += GROUP
    return min(reached, count)


@inlined
def optical_depths(job, raw_density, lengths, optical_depth):
    """Optical depth of each of 8 samples, and that before each where ``optical_depth`` lies before all."""
    own = job.density_scale * softplus(raw_density + job.density_shift) * lengths
    return own, optical_depth + sum_before(own)


@inlined
def accumulate(job, weights, t, raw, raw_row, outputs, sums):
    """Add 8 samples to the sums of weights, of weights times t, and of weights times channels."""
    store(sums, 0, load8(sums, 0) + weights)
    store(sums, GROUP, fma(weights, t, load8(sums, GROUP)))
    for o in range(1, outputs):
        channel = load8(raw, o * raw_row)
        if job.sigmoid:
            channel = sigmoid(channel)
        place = (o + 1) * GROUP
        store(sums, place, fma(weights, channel, load8(sums, place)))


@inlined
def write_sums(job, ray, sums):
    write(floats_at(job.opacity), ray, sum_of_lanes(load8(sums, 0)))
    write(floats_at(job.depth), ray, sum_of_lanes(load8(sums, GROUP)))
    channels = job.outputs - 1
    for c in range(channels):
        write(floats_at(job.channels), ray * channels + c, sum_of_lanes(load8(sums, (c + 2) * GROUP)))
