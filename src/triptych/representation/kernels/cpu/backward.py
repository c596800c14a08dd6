"""Loops over the samples of rays, backward.

The raw MLP outputs that the forward pass has kept give the gradient of every raw output of a ray at once; samples that
have one then go to a queue. When the queue is full, features and hidden layer are computed again and the gradients
pass on to the weights and, by the transpose of the gather, to the planes. The queue fills up across rays: short ones
waste nothing.
"""

import numpy as np

from triptych.representation.kernels.cpu.field import (
    activate_with_slope,
    gather,
    hidden_layer,
    locate,
    scatter,
)
from triptych.representation.kernels.cpu.forward import optical_depths
from triptych.representation.kernels.cpu.functions import absorbed, exp_of_negative, sigmoid
from triptych.representation.kernels.cpu.intervals import coordinate_lines, pack_intervals
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
from triptych.representation.kernels.cpu.products import product
from triptych.representation.kernels.cpu.vectors import (
    compiled,
    first,
    fma,
    inlined,
    last,
    sum_after,
)


@compiled
def raw_gradients(job, raw, output_gradients, reached, middles, lengths, gradients):
    """Gradients [output, sample] of the raw MLP outputs [output, sample] of a ray's first ``reached`` samples.

    Takes the gradients of channels, opacity and depth, one after the other; behind the gradients it needs room for two
    more rows.

    With optical depth tau_i = density_i · length_i, weight w_i = exp(-sum_{j < i} tau_j) (1 - exp(-tau_i)) and its
    gradient v_i = channels_gradient · channels_i + opacity_gradient + depth_gradient · t_i:

        d loss / d tau_i = exp(-sum_{j <= i} tau_j) v_i - sum_{j > i} w_j v_j
    """
    padded = job.padded_samples
    opacity_gradient = read(output_gradients, job.outputs - 1)
    depth_gradient = read(output_gradients, job.outputs)
    contributions = advance(gradients, job.outputs * padded)
    passing = advance(contributions, padded)

    optical_depth = np.float32(0.0)
    for i in range(0, reached, GROUP):
        own, before = optical_depths(job, load8(raw, i), load8(lengths, i), optical_depth)
        optical_depth = last(before + own)
        weights = exp_of_negative(-before) * absorbed(own)
        value = fma(load8(middles, i), depth_gradient, opacity_gradient)
        for o in range(1, job.outputs):
            channel = load8(raw, o * padded + i)
            gradient = read(output_gradients, o - 1) * weights
            if job.sigmoid:
                channel = sigmoid(channel)
                gradient = gradient * (channel * (1.0 - channel))
            value = fma(channel, read(output_gradients, o - 1), value)
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
    output_gradients = advance(lengths, padded)
    gradients = advance(output_gradients, outputs + 1)
    room = advance(gradients, (outputs + 2) * padded)

    used = 0
    for ray in range(first_ray, end_ray):
        reached = read(integers_at(job.reached), ray)
        if reached == 0:
            continue
        coordinate_lines(job, ray, lines)
        first_sample = ray * job.samples
        starts = advance(floats_at(job.t_starts), first_sample)
        pack_intervals(starts, advance(floats_at(job.t_ends), first_sample), job.samples, middles, lengths)
        _read_output_gradients(job, ray, output_gradients)
        raw = advance(floats_at(job.raw), ray * outputs * padded)
        raw_gradients(job, raw, output_gradients, reached, middles, lengths, gradients)
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


@inlined
def _read_output_gradients(job, ray, output_gradients):
    channels = job.outputs - 1
    for c in range(channels):
        write(output_gradients, c, read(floats_at(job.channels_gradient), ray * channels + c))
    write(output_gradients, channels, read(floats_at(job.opacity_gradient), ray))
    write(output_gradients, channels + 1, read(floats_at(job.depth_gradient), ray))


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
