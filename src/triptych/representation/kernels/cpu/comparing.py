"""Pixels compared with their targets: placing, forward, squared error and backward in one pass.

A pixel is the mean of some rays over a background. Once they have been rendered, the gradient of each is known, so
the backward pass follows at once, while their hidden layers are in the cache.
"""

import numpy as np

from triptych.representation.kernels.cpu.backward import raw_gradients
from triptych.representation.kernels.cpu.field import (
    activate_with_slope,
    gather,
    hidden_layer,
    locate,
    raw_outputs,
    scatter,
)
from triptych.representation.kernels.cpu.forward import accumulate, optical_depths
from triptych.representation.kernels.cpu.functions import absorbed, exp_of_negative
from triptych.representation.kernels.cpu.intervals import coordinate_lines, pack_intervals
from triptych.representation.kernels.cpu.layout import GROUP
from triptych.representation.kernels.cpu.memory import advance, floats_at, load8, load16, read, store, write
from triptych.representation.kernels.cpu.placing import occupied_box, place_packed, place_ray
from triptych.representation.kernels.cpu.products import product
from triptych.representation.kernels.cpu.vectors import (
    absolute,
    compiled,
    fma,
    inlined,
    last,
    spread8,
    sum_of_lanes,
)

_LOCATED = 15 * GROUP
"""Floats that tell where 8 samples lie."""


@compiled
def compare_rays(job, planes, planes_gradient, occupancy, first_ray, end_ray, mlp_gradient, scratch):
    """Squared errors of whole pixels of a scene; add the gradients of their mean to the scene's."""
    bounds = scratch
    occupied_box(job, occupancy, bounds)
    kept = advance(bounds, GROUP)
    output_gradients = advance(kept, job.rays_per_pixel * job.kept_size)
    gradients = advance(output_gradients, job.outputs + 1)
    room = advance(gradients, (job.outputs + 2) * job.padded_samples)
    for first in range(first_ray, end_ray, job.rays_per_pixel):
        for r in range(job.rays_per_pixel):
            _render_and_keep(job, planes, occupancy, bounds, first + r, advance(kept, r * job.kept_size), room)
        _compare_pixel(job, first // job.rays_per_pixel, kept, output_gradients)
        for r in range(job.rays_per_pixel):
            own = advance(kept, r * job.kept_size)
            _backward_of_ray(job, planes_gradient, own, output_gradients, mlp_gradient, gradients)


@inlined
def _parts_of_kept(job, kept):
    """What is kept of a ray behind opacity and channels: middles, lengths, places, raw outputs, hidden layer, its
    slope, features."""
    padded = job.padded_samples
    middles = advance(kept, job.outputs + 1)
    lengths = advance(middles, padded)
    located = advance(lengths, padded)
    raw = advance(located, 15 * padded)
    hidden = advance(raw, job.outputs * padded)
    slope = advance(hidden, job.hidden_units * padded)
    return middles, lengths, located, raw, hidden, slope, advance(slope, job.hidden_units * padded)


@compiled
def _render_and_keep(job, planes, occupancy, bounds, ray, kept, scratch):
    """Place a ray's samples, composite them, and keep what the backward pass needs; first of all how many there are."""
    hidden_units, padded = job.hidden_units, job.padded_samples
    middles, lengths, located, raw, hidden, slope, block = _parts_of_kept(job, kept)
    if job.importance:
        starts = scratch
        ends = advance(starts, padded)
        place_ray(job, planes, occupancy, ray, starts, ends, advance(ends, padded))
        count = pack_intervals(starts, ends, job.samples, middles, lengths)
    else:
        count = place_packed(job, occupancy, bounds, ray, middles, lengths)

    lines = scratch
    coordinates = advance(lines, GROUP)
    sums = advance(coordinates, 3 * GROUP)
    coordinate_lines(job, ray, lines)
    for i in range(job.outputs + 1):
        store(sums, i * GROUP, spread8(0.0))
    optical_depth = np.float32(0.0)
    reached = 0
    while reached < count and not optical_depth > job.opaque_depth:
        t = load8(middles, reached)
        cells = advance(located, 15 * reached)
        corners = advance(cells, 3 * GROUP)
        own_hidden, own_raw = advance(hidden, reached * hidden_units), advance(raw, reached)
        for axis in range(3):
            store(coordinates, axis * GROUP, fma(t, read(lines, 3 + axis), read(lines, axis)))
        locate(coordinates, GROUP, job.resolution, cells, corners)
        own_block = advance(block, reached * job.features)
        gather(job, planes, cells, corners, GROUP, own_block)
        hidden_layer(job, own_block, GROUP, own_hidden)
        activate_with_slope(own_hidden, advance(slope, reached * hidden_units), GROUP * hidden_units, job.relu)
        raw_outputs(job, own_hidden, job.outputs, own_raw, padded)
        own, before = optical_depths(job, load8(own_raw, 0), load8(lengths, reached), optical_depth)
        optical_depth = last(before + own)
        accumulate(job, exp_of_negative(-before) * absorbed(own), t, own_raw, padded, job.outputs, sums)
        reached += GROUP
    write(kept, 0, np.float32(min(reached, count)))
    write(kept, 1, sum_of_lanes(load8(sums, 0)))
    for o in range(1, job.outputs):
        write(kept, 1 + o, sum_of_lanes(load8(sums, (o + 1) * GROUP)))


@compiled
def _compare_pixel(job, pixel, kept, output_gradients):
    """The squared error of a pixel, and the gradients that all of its rays get: of channels, opacity and depth."""
    channels, rays = job.outputs - 1, job.rays_per_pixel
    targets = advance(floats_at(job.targets), pixel * channels)
    background = advance(floats_at(job.background), pixel % job.background_rows * channels)
    error = opacity_gradient = np.float32(0.0)
    for c in range(channels):
        behind, total = read(background, c), np.float32(0.0)
        for r in range(rays):
            own = advance(kept, r * job.kept_size)
            total += read(own, 2 + c) + (np.float32(1.0) - read(own, 1)) * behind
        difference = total / np.float32(rays) - read(targets, c)
        gradient = job.error_slope * difference
        write(output_gradients, c, gradient)
        opacity_gradient -= gradient * behind
        error += difference * difference
    if job.opacities:
        target = read(floats_at(job.opacities), pixel)
        if not target < 0:
            difference = _opacity(job, kept) - target
            opacity_gradient += job.opacity_weight * job.error_slope * difference
            error += job.opacity_weight * difference * difference
    write(output_gradients, channels, opacity_gradient)
    write(output_gradients, channels + 1, np.float32(0.0))
    write(floats_at(job.errors), pixel, error)


@inlined
def _opacity(job, kept):
    total = np.float32(0.0)
    for r in range(job.rays_per_pixel):
        total += read(kept, r * job.kept_size + 1)
    return total / np.float32(job.rays_per_pixel)


@compiled
def _backward_of_ray(job, planes_gradient, kept, output_gradients, mlp_gradient, gradients):
    """Pass the gradients of a ray's outputs on to its scene's planes and to the MLP."""
    reached = int(read(kept, 0))
    if reached == 0:
        return
    outputs, hidden_units, features, padded = job.outputs, job.hidden_units, job.features, job.padded_samples
    middles, lengths, located, raw, hidden, slope, block = _parts_of_kept(job, kept)
    raw_gradients(job, raw, output_gradients, reached, middles, lengths, gradients)
    count = (reached + GROUP - 1) // GROUP * GROUP
    if job.mlp_gradient:
        _add_output_gradient(job, gradients, count, hidden, mlp_gradient)
    of_hidden = hidden  # which is no longer needed
    _gradient_of_hidden(job, gradients, count, slope, of_hidden)
    if job.mlp_gradient:
        _add_hidden_gradient(job, of_hidden, count, block, mlp_gradient)
    of_block = block
    product(
        of_hidden, hidden_units, 1,
        floats_at(job.hidden), features, hidden_units,
        floats_at(job.zeros), 0,
        of_block, features, count, features,
    )  # fmt: skip
    for first in range(0, reached, GROUP):
        if _any_matters(advance(gradients, first), padded, outputs):
            cells, own = advance(located, first // GROUP * _LOCATED), advance(of_block, first * features)
            corners, used = advance(cells, 3 * GROUP), min(GROUP, reached - first)
            scatter(job, planes_gradient, cells, corners, GROUP, used, own)


@inlined
def _any_matters(gradients, row, outputs):
    """Whether one of 8 samples has a gradient [output, sample]."""
    total = spread8(0.0)
    for o in range(outputs):
        total = total + absolute(load8(gradients, o * row))
    return sum_of_lanes(total) != 0.0


@compiled
def _gradient_of_hidden(job, gradients, count, slope, of_hidden):
    """Gradients [sample, H] of the hidden layer, before its activation, from those of raw outputs [output, sample]."""
    hidden_units = job.hidden_units
    product(
        gradients, 1, job.padded_samples,
        floats_at(job.output), hidden_units, job.outputs,
        floats_at(job.zeros), 0,
        of_hidden, hidden_units, count, hidden_units,
    )  # fmt: skip
    for i in range(0, count * hidden_units, 16):
        store(of_hidden, i, load16(of_hidden, i) * load16(slope, i))


@compiled
def _add_output_gradient(job, gradients, count, hidden, mlp_gradient):
    """Add a ray's gradients of output weights and bias."""
    hidden_units, outputs, padded = job.hidden_units, job.outputs, job.padded_samples
    output = advance(mlp_gradient, hidden_units * (job.features + 1))
    product(
        gradients, padded, 1,
        hidden, hidden_units, count,
        output, hidden_units,
        output, hidden_units, outputs, hidden_units,
    )  # fmt: skip
    output_bias = advance(output, outputs * hidden_units)
    for o in range(outputs):
        for i in range(0, count, GROUP):
            write(output_bias, o, read(output_bias, o) + sum_of_lanes(load8(gradients, o * padded + i)))


@compiled
def _add_hidden_gradient(job, of_hidden, count, block, mlp_gradient):
    """Add a ray's gradients of hidden weights and bias."""
    features, hidden_units = job.features, job.hidden_units
    product(
        of_hidden, 1, hidden_units,
        block, features, count,
        mlp_gradient, features,
        mlp_gradient, features, hidden_units, features,
    )  # fmt: skip
    hidden_bias = advance(mlp_gradient, hidden_units * features)
    for h in range(0, hidden_units, 16):
        total = load16(hidden_bias, h)
        for i in range(count):
            total = total + load16(of_hidden, i * hidden_units + h)
        store(hidden_bias, h, total)
