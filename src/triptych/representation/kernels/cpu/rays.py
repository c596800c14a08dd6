"""Loops over rays, forward and backward.

Forward, a ray's non-empty intervals are taken 8 at a time: gather, tiny MLP, composite, until the ray is opaque. The
raw MLP outputs may be kept. Backward, they give the gradient of every raw output of a ray at once; samples that have
one then go to a queue. When the queue is full, features and hidden layer are computed again and the gradients pass
on to the weights and, by the transpose of the gather, to the planes. The queue fills up across rays: short ones waste
nothing.
"""

import numpy as np

from triptych.representation.kernels.cpu.field import (
    activate,
    activate_with_slope,
    gather,
    hidden_layer,
    locate,
    product,
    raw_outputs,
    scatter,
)
from triptych.representation.kernels.cpu.functions import absorbed, exp_of_negative, sigmoid, softplus
from triptych.representation.kernels.cpu.layout import GROUP, QUEUE
from triptych.representation.kernels.cpu.memory import (
    advance,
    floats_at,
    integers_at,
    load8,
    load16,
    read,
    store,
    write,
)
from triptych.representation.kernels.cpu.vectors import (
    compiled,
    first,
    fma,
    inlined,
    last,
    spread8,
    sum_after,
    sum_before,
    sum_of_lanes,
)

OPAQUE = 13.8
"""Optical depth at which a ray ends: less than 1e-6 of the light is left."""


@compiled
def _intervals(job, ray, middles, lengths):
    """Middles and lengths of a ray's non-empty intervals, and empty ones up to a multiple of 8; how many."""
    starts = advance(floats_at(job.t_starts), ray * job.samples)
    ends = advance(floats_at(job.t_ends), ray * job.samples)
    count = 0
    for i in range(job.samples):
        start, end = read(starts, i), read(ends, i)
        if end > start:
            write(middles, count, (start + end) * np.float32(0.5))
            write(lengths, count, end - start)
            count += 1
    for i in range(count, (count + GROUP - 1) // GROUP * GROUP):
        write(middles, i, read(middles, count - 1))
        write(lengths, i, np.float32(0.0))
    return count


@compiled
def _coordinate_lines(job, ray, lines):
    """Offset [axis] and slope [axis] in t of the ray's coordinates in texels, whose centres are integers."""
    aabb = floats_at(job.aabb)
    for axis in range(3):
        lower = read(aabb, axis)
        scale = np.float32(job.resolution) / (read(aabb, 3 + axis) - lower)
        origin = read(floats_at(job.origins), 3 * ray + axis)
        direction = read(floats_at(job.directions), 3 * ray + axis)
        write(lines, axis, (origin - lower) * scale - np.float32(0.5))
        write(lines, 3 + axis, direction * scale)


@compiled
def render_ray(job, planes, ray, scratch):
    """Channels, opacity and depth of a ray, or its weights."""
    features, hidden_units, outputs = job.features, job.hidden_units, job.outputs
    lines = scratch
    middles = advance(lines, GROUP)
    lengths = advance(middles, job.padded_samples)
    ray_weights = advance(lengths, job.padded_samples)
    sums = advance(ray_weights, job.padded_samples)
    coordinates = advance(sums, GROUP * (outputs + 1))
    cells = advance(coordinates, 3 * GROUP)
    corners = advance(cells, 3 * GROUP)
    block = advance(corners, 12 * GROUP)
    hidden = advance(block, GROUP * features)
    raw, raw_row = advance(hidden, GROUP * hidden_units), GROUP

    _coordinate_lines(job, ray, lines)
    count = _intervals(job, ray, middles, lengths)
    for i in range(outputs + 1):
        store(sums, i * GROUP, spread8(0.0))
    optical_depth = np.float32(0.0)
    reached = 0
    while reached < count and not optical_depth > OPAQUE:
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
        raw_outputs(job, hidden, raw, raw_row)
        density = job.density_scale * softplus(load8(raw, 0) + job.density_shift)
        own = density * load8(lengths, reached)
        before = optical_depth + sum_before(own)
        optical_depth = last(before + own)
        weights = exp_of_negative(-before) * absorbed(own)
        store(ray_weights, reached, weights)
        _accumulate(job, weights, t, raw, raw_row, sums)
        reached += GROUP
    reached = min(reached, count)

    if job.weights:
        _write_weights(job, ray, ray_weights, reached)
    else:
        _write_sums(job, ray, sums)
    if job.raw:
        write(integers_at(job.reached), ray, reached)


@inlined
def _accumulate(job, weights, t, raw, raw_row, sums):
    """Add 8 samples to the sums of weights, of weights times t, and of weights times channels."""
    store(sums, 0, load8(sums, 0) + weights)
    store(sums, GROUP, fma(weights, t, load8(sums, GROUP)))
    for o in range(1, job.outputs):
        channel = load8(raw, o * raw_row)
        if job.sigmoid:
            channel = sigmoid(channel)
        place = (o + 1) * GROUP
        store(sums, place, fma(weights, channel, load8(sums, place)))


@inlined
def _write_sums(job, ray, sums):
    write(floats_at(job.opacity), ray, sum_of_lanes(load8(sums, 0)))
    write(floats_at(job.depth), ray, sum_of_lanes(load8(sums, GROUP)))
    channels = job.outputs - 1
    for c in range(channels):
        write(floats_at(job.channels), ray * channels + c, sum_of_lanes(load8(sums, (c + 2) * GROUP)))


@compiled
def _write_weights(job, ray, ray_weights, reached):
    """Weights of all intervals from those of the non-empty ones that were reached."""
    rank = 0
    for i in range(ray * job.samples, (ray + 1) * job.samples):
        value = np.float32(0.0)
        if read(floats_at(job.t_ends), i) > read(floats_at(job.t_starts), i):
            if rank < reached:
                value = read(ray_weights, rank)
            rank += 1
        write(floats_at(job.weights), i, value)


@compiled
def _raw_gradients(job, ray, reached, middles, lengths, room, gradients):
    """Gradients [output, sample] of the raw MLP outputs of a ray's first ``reached`` samples.

    With optical depth tau_i = density_i · length_i, weight w_i = exp(-sum_{j < i} tau_j) (1 - exp(-tau_i)) and its
    gradient v_i = channels_gradient · channels_i + opacity_gradient + depth_gradient · t_i:

        d loss / d tau_i = exp(-sum_{j <= i} tau_j) v_i - sum_{j > i} w_j v_j
    """
    padded = job.padded_samples
    raw = advance(floats_at(job.raw), ray * job.outputs * padded)
    channels_gradient = advance(floats_at(job.channels_gradient), ray * (job.outputs - 1))
    opacity_gradient = read(floats_at(job.opacity_gradient), ray)
    depth_gradient = read(floats_at(job.depth_gradient), ray)
    contributions = room
    passing = advance(room, padded)

    optical_depth = np.float32(0.0)
    for i in range(0, reached, GROUP):
        own = job.density_scale * softplus(load8(raw, i) + job.density_shift) * load8(lengths, i)
        before = optical_depth + sum_before(own)
        optical_depth = last(before + own)
        weights = exp_of_negative(-before) * absorbed(own)
        value = fma(load8(middles, i), depth_gradient, opacity_gradient)
        for o in range(1, job.outputs):
            channel = load8(raw, o * padded + i)
            gradient = read(channels_gradient, o - 1) * weights
            if job.sigmoid:
                channel = sigmoid(channel)
                gradient = gradient * (channel * (1.0 - channel))
            value = fma(channel, read(channels_gradient, o - 1), value)
            store(gradients, o * padded + i, gradient)
        store(contributions, i, weights * value)
        store(passing, i, exp_of_negative(-(before + own)) * value)

    behind = np.float32(0.0)
    for i in range((reached - 1) // GROUP * GROUP, -1, -GROUP):
        own = load8(contributions, i)
        later = behind + sum_after(own)
        behind = first(later + own)
        slope = job.density_scale * sigmoid(load8(raw, i) + job.density_shift)
        store(gradients, i, (load8(passing, i) - later) * (slope * load8(lengths, i)))


@compiled
def backward_of_rays(job, planes, first_ray, end_ray, planes_gradient, mlp_gradient, scratch):
    """Add the gradients of some rays of a scene to those of its planes and of the tiny MLP."""
    outputs, padded = job.outputs, job.padded_samples
    lines = scratch
    coordinates = advance(lines, GROUP)
    queue = advance(coordinates, 3 * QUEUE)
    middles = advance(queue, QUEUE * outputs)
    lengths = advance(middles, padded)
    gradients = advance(lengths, padded)
    ray_room = advance(gradients, outputs * padded)
    room = advance(ray_room, 2 * padded)

    used = 0
    for ray in range(first_ray, end_ray):
        reached = read(integers_at(job.reached), ray)
        if reached == 0:
            continue
        _coordinate_lines(job, ray, lines)
        _intervals(job, ray, middles, lengths)
        _raw_gradients(job, ray, reached, middles, lengths, ray_room, gradients)
        for i in range(reached):
            matters = False
            for o in range(outputs):
                gradient = read(gradients, o * padded + i)
                write(queue, used * outputs + o, gradient)
                matters |= gradient != 0.0
            for axis in range(3):
                place = read(middles, i) * read(lines, 3 + axis) + read(lines, axis)
                write(coordinates, axis * QUEUE + used, place)
            used += matters
            if used == QUEUE:
                _backward_of_queue(job, planes, planes_gradient, mlp_gradient, used, coordinates, queue, room)
                used = 0
    if used:
        for i in range(used * outputs, QUEUE * outputs):
            write(queue, i, np.float32(0.0))
        for axis in range(3):
            for b in range(used, QUEUE):
                write(coordinates, axis * QUEUE + b, np.float32(0.0))
        _backward_of_queue(job, planes, planes_gradient, mlp_gradient, used, coordinates, queue, room)


@compiled
def _backward_of_queue(job, planes, planes_gradient, mlp_gradient, used, coordinates, queue, room):
    """Gradients from the first ``used`` samples of a queue of raw outputs' gradients [sample, output]; rest zero."""
    features, hidden_units, outputs = job.features, job.hidden_units, job.outputs
    cells = room
    corners = advance(cells, 3 * QUEUE)
    block = advance(corners, 12 * QUEUE)
    hidden = advance(block, QUEUE * features)
    slope = advance(hidden, QUEUE * hidden_units)
    gradient = advance(slope, QUEUE * hidden_units)
    zeros = floats_at(job.zeros)

    locate(coordinates, QUEUE, job.resolution, cells, corners)
    gather(job, planes, cells, corners, QUEUE, block)
    hidden_layer(job, block, QUEUE, hidden)
    activate_with_slope(hidden, slope, QUEUE * hidden_units, job.relu)
    product(
        queue, outputs, 1,
        floats_at(job.output), hidden_units, outputs,
        zeros, 0,
        gradient, hidden_units, QUEUE, hidden_units,
    )  # fmt: skip
    for i in range(0, QUEUE * hidden_units, 16):
        store(gradient, i, load16(gradient, i) * load16(slope, i))
    if job.mlp_gradient:
        _add_mlp_gradient(job, queue, gradient, hidden, block, mlp_gradient)
    product(
        gradient, hidden_units, 1,
        floats_at(job.hidden), features, hidden_units,
        zeros, 0,
        block, features, QUEUE, features,
    )  # fmt: skip
    scatter(job, planes_gradient, cells, corners, QUEUE, used, block)


@inlined
def _add_mlp_gradient(job, queue, gradient, hidden, block, mlp_gradient):
    """Outer products of gradients and inputs of both layers, summed over the queue."""
    features, hidden_units, outputs = job.features, job.hidden_units, job.outputs
    hidden_bias = advance(mlp_gradient, hidden_units * features)
    output = advance(hidden_bias, hidden_units)
    output_bias = advance(output, outputs * hidden_units)
    product(
        gradient, 1, hidden_units,
        block, features, QUEUE,
        mlp_gradient, features,
        mlp_gradient, features, hidden_units, features,
    )  # fmt: skip
    product(
        queue, 1, outputs,
        hidden, hidden_units, QUEUE,
        output, hidden_units,
        output, hidden_units, outputs, hidden_units,
    )  # fmt: skip
    for h in range(0, hidden_units, 16):
        total = load16(hidden_bias, h)
        for b in range(QUEUE):
            total = total + load16(gradient, b * hidden_units + h)
        store(hidden_bias, h, total)
    for b in range(QUEUE):
        for o in range(outputs):
            write(output_bias, o, read(output_bias, o) + read(queue, b * outputs + o))
