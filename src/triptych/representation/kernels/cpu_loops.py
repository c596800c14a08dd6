"""The loops of the CPU kernel, compiled by numba.

A ray's non-empty intervals are taken 8 at a time: gather features, tiny MLP, composite, stop once the ray is opaque.
The backward pass works out the gradient of every raw MLP output of a ray from what the forward pass kept, then puts
the samples that have one in a queue. Whenever the queue is full, features and hidden layer are computed again and
the gradients go to the weights and, by the transpose of the gather, to the planes. A queue fills up across rays,
so that short rays waste nothing.

Matrices lie in rows of a multiple of 16 floats: features [sample, F], hidden [sample, H], raw outputs [output, sample].
All memory is allocated by the caller and described by one ``JOB`` record; arguments named after its fields are
pointers to float32. Work is a list of items, each some rays of one scene, gathered in chunks. Threads
draw chunks from a shared counter; what a chunk computes does not depend on who draws it.
"""

# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportGeneralTypeIssues=false, reportPrivateImportUsage=false, reportIndexIssue=false
# pyright: reportOptionalMemberAccess=false, reportReturnType=false
# numba types these functions, not Python: intrinsics take a hidden first argument, vectors are no class.

import numpy as np
from numba import carray, from_dtype, types

from triptych.representation.kernels.cpu_vectors import (
    absorbed,
    advance,
    compiled,
    exp_of_negative,
    fetch_add,
    first,
    floats_at,
    floor,
    fma,
    inlined,
    integers_at,
    last,
    load8,
    load16,
    load32,
    maximum,
    minimum,
    read,
    sigmoid,
    softplus,
    softplus_and_slope,
    spread8,
    spread16,
    spread32,
    store,
    sum_after,
    sum_before,
    sums_of_lanes,
    total,
    where_positive,
    write,
)

GROUP = 8
"""Samples that the forward pass takes at a time: one AVX register of them."""
QUEUE = 32
"""Samples that the backward pass takes at a time."""
OPAQUE = 13.8
"""Optical depth at which a ray ends: less than 1e-6 of the light is left."""

_POINTERS = (
    "planes origins directions t_starts t_ends aabb hidden hidden_transposed hidden_bias output output_bias zeros "
    "raw reached channels opacity depth weights "
    "channels_gradient opacity_gradient depth_gradient parameters_gradient "
    "items chunks counters scratch"
)
_SIZES = "samples padded_samples features hidden_units outputs resolution chunk_count scratch_size relu sigmoid"
JOB = np.dtype(
    [(name, np.uintp) for name in _POINTERS.split()]
    + [(name, np.int64) for name in _SIZES.split()]
    + [(name, np.float32) for name in ("density_scale", "density_shift")],
    align=True,
)
"""Everything a call needs: addresses, sizes, constants."""
ITEM = 4
"""Integers an item: scene, first ray, ray after the last, address of the planes' gradient."""


def scratch_size(samples, features, hidden_units, outputs):
    """Floats of working memory that one thread needs."""
    ray = (8 + 2 * outputs) * samples + 8 * outputs
    block = QUEUE * (2 * features + 3 * hidden_units + outputs + 32)
    return (ray + block + 256 + 15) // 16 * 16


def parameter_count(features, hidden_units, outputs):
    """Floats in the gradient of the tiny MLP: hidden weights, hidden bias, output weights, output bias."""
    return (features + 1) * hidden_units + outputs * hidden_units + (outputs + 15) // 16 * 16


_parameter_count = inlined(parameter_count)

# ---------------------------------------------------------------------------------------------------------------
# Matrix products


@inlined
def _product_of_4_rows(a, a_row, a_step, b, b_step, depth, s0, s1, s2, s3):
    a1 = advance(a, a_row)
    a2 = advance(a1, a_row)
    a3 = advance(a2, a_row)
    for k in range(depth):
        values = load16(b, k * b_step)
        s0 = fma(read(a, k * a_step), values, s0)
        s1 = fma(read(a1, k * a_step), values, s1)
        s2 = fma(read(a2, k * a_step), values, s2)
        s3 = fma(read(a3, k * a_step), values, s3)
    return s0, s1, s2, s3


@compiled
def _product(a, a_row, a_step, b, b_step, depth, start, start_row, out, out_row, rows, columns):
    """out[r, c] = start[r, c] + sum_k a[r · a_row + k · a_step] b[k · b_step + c], 4 rows and 16 columns at a time."""
    for c in range(0, columns, 16):
        for r in range(0, rows - 3, 4):
            begin = start_row * r + c
            s0, s1, s2, s3 = _product_of_4_rows(
                advance(a, r * a_row),
                a_row,
                a_step,
                advance(b, c),
                b_step,
                depth,
                load16(start, begin),
                load16(start, begin + start_row),
                load16(start, begin + 2 * start_row),
                load16(start, begin + 3 * start_row),
            )
            end = out_row * r + c
            store(out, end, s0)
            store(out, end + out_row, s1)
            store(out, end + 2 * out_row, s2)
            store(out, end + 3 * out_row, s3)
        for r in range(rows // 4 * 4, rows):
            s = load16(start, start_row * r + c)
            for k in range(depth):
                s = fma(read(a, r * a_row + k * a_step), load16(b, k * b_step + c), s)
            store(out, out_row * r + c, s)


# ---------------------------------------------------------------------------------------------------------------
# Field: gather and tiny MLP


@inlined
def _locate(coordinates, count, resolution, cells, corner_weights):
    """Cell and bilinear weights on each plane, from coordinates in texels [axis, sample].

    Writes cells [axis, sample] and corner_weights [plane, corner, sample], the corners being (row, column),
    (row, column + 1), (row + 1, column), (row + 1, column + 1).
    """
    top = float(resolution - 1)
    last_cell = float(max(resolution - 2, 0))
    for b in range(0, count, GROUP):
        x = minimum(maximum(load8(coordinates, b), 0.0), top)
        y = minimum(maximum(load8(coordinates, count + b), 0.0), top)
        z = minimum(maximum(load8(coordinates, 2 * count + b), 0.0), top)
        x_cell = floor(minimum(x, last_cell))
        y_cell = floor(minimum(y, last_cell))
        z_cell = floor(minimum(z, last_cell))
        store(cells, b, x_cell)
        store(cells, count + b, y_cell)
        store(cells, 2 * count + b, z_cell)
        _corner_weights(x - x_cell, y - y_cell, advance(corner_weights, b), count)
        _corner_weights(x - x_cell, z - z_cell, advance(corner_weights, 4 * count + b), count)
        _corner_weights(y - y_cell, z - z_cell, advance(corner_weights, 8 * count + b), count)


@inlined
def _corner_weights(column, row, corner_weights, count):
    store(corner_weights, 0, (1.0 - row) * (1.0 - column))
    store(corner_weights, count, (1.0 - row) * column)
    store(corner_weights, 2 * count, row * (1.0 - column))
    store(corner_weights, 3 * count, row * column)


@inlined
def _corners(cells, b, count, features, resolution):
    """Where the first corner of sample b lies on each of the three planes, in floats from the start of a scene."""
    x = int(read(cells, b))
    y = int(read(cells, count + b))
    z = int(read(cells, 2 * count + b))
    return (
        (y * resolution + x) * features,
        ((resolution + z) * resolution + x) * features,
        ((2 * resolution + z) * resolution + y) * features,
    )


@inlined
def _blend(load, planes, corner, row, column, weights, count, value):
    value = fma(read(weights, 0), load(planes, corner), value)
    value = fma(read(weights, count), load(planes, corner + column), value)
    value = fma(read(weights, 2 * count), load(planes, corner + row), value)
    return fma(read(weights, 3 * count), load(planes, corner + row + column), value)


@inlined
def _blend_planes(load, planes, xy, xz, yz, row, column, weights, count, value):
    value = _blend(load, planes, xy, row, column, weights, count, value)
    value = _blend(load, planes, xz, row, column, advance(weights, 4 * count), count, value)
    return _blend(load, planes, yz, row, column, advance(weights, 8 * count), count, value)


@compiled
def _gather(planes, features, resolution, cells, corner_weights, count, out):
    """Sum of the three planes' bilinear values, [sample, F]."""
    column = features if resolution > 1 else 0
    row = column * resolution
    for b in range(count):
        xy, xz, yz = _corners(cells, b, count, features, resolution)
        weights = advance(corner_weights, b)
        own = advance(out, b * features)
        for f in range(0, features - 31, 32):
            store(
                own,
                f,
                _blend_planes(load32, planes, xy + f, xz + f, yz + f, row, column, weights, count, spread32(0.0)),
            )
        if features % 32:
            f = features - 16
            store(
                own,
                f,
                _blend_planes(load16, planes, xy + f, xz + f, yz + f, row, column, weights, count, spread16(0.0)),
            )


@inlined
def _spill(load, gradient, corner, row, column, weights, count, value):
    for step, weight in ((0, 0), (column, 1), (row, 2), (row + column, 3)):
        place = corner + step
        store(gradient, place, fma(read(weights, weight * count), value, load(gradient, place)))


@inlined
def _spill_planes(load, gradient, xy, xz, yz, row, column, weights, count, value):
    _spill(load, gradient, xy, row, column, weights, count, value)
    _spill(load, gradient, xz, row, column, advance(weights, 4 * count), count, value)
    _spill(load, gradient, yz, row, column, advance(weights, 8 * count), count, value)


@compiled
def _scatter(gradient, features, resolution, cells, corner_weights, count, used, values):
    """The transpose of the gather: add the gradients of the first ``used`` samples to the planes' gradient."""
    column = features if resolution > 1 else 0
    row = column * resolution
    for b in range(used):
        xy, xz, yz = _corners(cells, b, count, features, resolution)
        weights = advance(corner_weights, b)
        own = advance(values, b * features)
        for f in range(0, features - 31, 32):
            _spill_planes(load32, gradient, xy + f, xz + f, yz + f, row, column, weights, count, load32(own, f))
        if features % 32:
            f = features - 16
            _spill_planes(load16, gradient, xy + f, xz + f, yz + f, row, column, weights, count, load16(own, f))


@compiled
def _activate(hidden, size, relu):
    if relu:
        for i in range(0, size, 16):
            x = load16(hidden, i)
            store(hidden, i, x - minimum(x, 0.0))
    else:
        for i in range(0, size, 16):
            store(hidden, i, softplus(load16(hidden, i)))


@compiled
def _activate_with_slope(hidden, slope, size, relu):
    if relu:
        for i in range(0, size, 16):
            x = load16(hidden, i)
            store(hidden, i, x - minimum(x, 0.0))
            store(slope, i, where_positive(-x, 0.0, 1.0))
    else:
        for i in range(0, size, 16):
            value, derivative = softplus_and_slope(load16(hidden, i))
            store(hidden, i, value)
            store(slope, i, derivative)


@compiled
def _raw_outputs(hidden, hidden_units, output, output_bias, outputs, raw, raw_step):
    """raw[o · raw_step + sample] for 8 samples."""
    for o in range(outputs):
        s0 = spread8(0.0)
        s1, s2, s3, s4, s5, s6, s7 = s0, s0, s0, s0, s0, s0, s0
        for h in range(0, hidden_units, 8):
            w = load8(output, o * hidden_units + h)
            s0 = fma(w, load8(hidden, h), s0)
            s1 = fma(w, load8(hidden, h + hidden_units), s1)
            s2 = fma(w, load8(hidden, h + 2 * hidden_units), s2)
            s3 = fma(w, load8(hidden, h + 3 * hidden_units), s3)
            s4 = fma(w, load8(hidden, h + 4 * hidden_units), s4)
            s5 = fma(w, load8(hidden, h + 5 * hidden_units), s5)
            s6 = fma(w, load8(hidden, h + 6 * hidden_units), s6)
            s7 = fma(w, load8(hidden, h + 7 * hidden_units), s7)
        store(raw, o * raw_step, sums_of_lanes((s0, s1, s2, s3, s4, s5, s6, s7)) + read(output_bias, o))


# ---------------------------------------------------------------------------------------------------------------
# Rays


@compiled
def _intervals(job, ray, middles, lengths):
    """Middles and lengths of a ray's non-empty intervals, filled up with empty ones to a multiple of 8; how many."""
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
    """Per axis, offset and slope in t of a ray's coordinate in texels; texel centres are integers."""
    aabb = floats_at(job.aabb)
    for axis in range(3):
        lower = read(aabb, axis)
        scale = np.float32(job.resolution) / (read(aabb, 3 + axis) - lower)
        origin = read(floats_at(job.origins), 3 * ray + axis)
        direction = read(floats_at(job.directions), 3 * ray + axis)
        write(lines, axis, (origin - lower) * scale - np.float32(0.5))
        write(lines, 3 + axis, direction * scale)


@compiled
def _render_ray(job, planes, ray, scratch):
    """Forward pass of one ray."""
    features, hidden_units, outputs = job.features, job.hidden_units, job.outputs
    padded = job.padded_samples
    lines = scratch
    middles = advance(lines, 16)
    lengths = advance(middles, padded)
    ray_weights = advance(lengths, padded)
    sums = advance(ray_weights, padded)
    coordinates = advance(sums, GROUP * (outputs + 2))
    cells = advance(coordinates, 3 * GROUP)
    corner_weights = advance(cells, 3 * GROUP)
    block = advance(corner_weights, 12 * GROUP)
    hidden = advance(block, GROUP * features)
    own_raw = advance(hidden, GROUP * hidden_units)

    _coordinate_lines(job, ray, lines)
    count = _intervals(job, ray, middles, lengths)
    for i in range(0, GROUP * (outputs + 1), GROUP):
        store(sums, i, spread8(0.0))

    optical_depth = np.float32(0.0)
    reached = 0
    while reached < count and not optical_depth > OPAQUE:
        t = load8(middles, reached)
        for axis in range(3):
            store(coordinates, axis * GROUP, fma(t, read(lines, 3 + axis), read(lines, axis)))
        _locate(coordinates, GROUP, job.resolution, cells, corner_weights)
        _gather(planes, features, job.resolution, cells, corner_weights, GROUP, block)
        _product(
            block, features, 1, floats_at(job.hidden_transposed), hidden_units, features,
            floats_at(job.hidden_bias), 0, hidden, hidden_units, GROUP, hidden_units,
        )  # fmt: skip
        _activate(hidden, GROUP * hidden_units, job.relu)
        raw, raw_step = own_raw, GROUP
        if job.raw:
            raw, raw_step = advance(floats_at(job.raw), ray * outputs * padded + reached), padded
        _raw_outputs(hidden, hidden_units, floats_at(job.output), floats_at(job.output_bias), outputs, raw, raw_step)
        density = job.density_scale * softplus(load8(raw, 0) + job.density_shift)
        own = density * load8(lengths, reached)
        before = sum_before(own) + optical_depth
        weights = exp_of_negative(-before) * absorbed(own)
        optical_depth = last(before + own)
        store(ray_weights, reached, weights)
        store(sums, 0, load8(sums, 0) + weights)
        store(sums, GROUP, fma(weights, t, load8(sums, GROUP)))
        for o in range(1, outputs):
            value = load8(raw, o * raw_step)
            if job.sigmoid:
                value = sigmoid(value)
            store(sums, (o + 1) * GROUP, fma(weights, value, load8(sums, (o + 1) * GROUP)))
        reached += GROUP
    reached = min(reached, count)

    if job.weights:
        _write_weights(job, ray, ray_weights, reached)
        return
    write(floats_at(job.opacity), ray, total(load8(sums, 0)))
    write(floats_at(job.depth), ray, total(load8(sums, GROUP)))
    for c in range(outputs - 1):
        write(floats_at(job.channels), ray * (outputs - 1) + c, total(load8(sums, (c + 2) * GROUP)))
    if job.raw:
        write(integers_at(job.reached), ray, reached)


@compiled
def _write_weights(job, ray, ray_weights, reached):
    out = advance(floats_at(job.weights), ray * job.samples)
    rank = 0
    for i in range(job.samples):
        value = np.float32(0.0)
        place = ray * job.samples + i
        if read(floats_at(job.t_ends), place) > read(floats_at(job.t_starts), place):
            if rank < reached:
                value = read(ray_weights, rank)
            rank += 1
        write(out, i, value)


@compiled
def _raw_gradients(job, ray, reached, middles, lengths, room, gradients):
    """Gradients [output, sample] of the raw MLP outputs of a ray's first ``reached`` samples.

    With transmittance T_i before sample i, weight w_i = T_i (1 - exp(-tau_i)), tau_i = density_i · length_i, and
    v_i the gradient of w_i, which is channels_gradient · channels_i + opacity_gradient + depth_gradient · t_i:

        d loss / d tau_i = T_i exp(-tau_i) v_i - sum_{j > i} w_j v_j
    """
    outputs, padded = job.outputs, job.padded_samples
    raw = advance(floats_at(job.raw), ray * outputs * padded)
    channels_gradient = advance(floats_at(job.channels_gradient), ray * (outputs - 1))
    opacity_gradient = read(floats_at(job.opacity_gradient), ray)
    depth_gradient = read(floats_at(job.depth_gradient), ray)
    contributions = room
    after = advance(room, padded)

    optical_depth = np.float32(0.0)
    for i in range(0, reached, GROUP):
        own = job.density_scale * softplus(load8(raw, i) + job.density_shift) * load8(lengths, i)
        before = sum_before(own) + optical_depth
        optical_depth = last(before + own)
        weights = exp_of_negative(-before) * absorbed(own)
        value = fma(load8(middles, i), depth_gradient, spread8(opacity_gradient))
        for o in range(1, outputs):
            channel = load8(raw, o * padded + i)
            gradient = read(channels_gradient, o - 1) * weights
            if job.sigmoid:
                channel = sigmoid(channel)
                gradient = gradient * (channel * (1.0 - channel))
            value = fma(channel, read(channels_gradient, o - 1), value)
            store(gradients, o * padded + i, gradient)
        store(contributions, i, weights * value)
        store(after, i, exp_of_negative(-(before + own)) * value)

    behind = np.float32(0.0)
    for i in range((reached - 1) // GROUP * GROUP, -1, -GROUP):
        own = load8(contributions, i)
        later = sum_after(own) + behind
        behind = first(later + own)
        slope = job.density_scale * sigmoid(load8(raw, i) + job.density_shift)
        store(gradients, i, (load8(after, i) - later) * (slope * load8(lengths, i)))


@compiled
def _backward_of_queue(job, planes, planes_gradient, parameters_gradient, used, coordinates, queue, room):
    """Gradients of planes and tiny MLP from the first ``used`` of the queue's samples.

    ``queue`` holds the gradients of raw outputs [sample, output], zero for samples that are not used.
    """
    features, hidden_units, outputs = job.features, job.hidden_units, job.outputs
    cells = room
    corner_weights = advance(cells, 3 * QUEUE)
    block = advance(corner_weights, 12 * QUEUE)
    hidden = advance(block, QUEUE * features)
    slope = advance(hidden, QUEUE * hidden_units)
    gradient = advance(slope, QUEUE * hidden_units)

    _locate(coordinates, QUEUE, job.resolution, cells, corner_weights)
    _gather(planes, features, job.resolution, cells, corner_weights, QUEUE, block)
    _product(
        block, features, 1, floats_at(job.hidden_transposed), hidden_units, features,
        floats_at(job.hidden_bias), 0, hidden, hidden_units, QUEUE, hidden_units,
    )  # fmt: skip
    _activate_with_slope(hidden, slope, QUEUE * hidden_units, job.relu)

    bias_gradient = advance(parameters_gradient, hidden_units * features)
    output_gradient = advance(bias_gradient, hidden_units)
    output_bias_gradient = advance(output_gradient, outputs * hidden_units)
    _product(
        queue, 1, outputs, hidden, hidden_units, QUEUE,
        output_gradient, hidden_units, output_gradient, hidden_units, outputs, hidden_units,
    )  # fmt: skip
    for b in range(used):
        for o in range(outputs):
            write(output_bias_gradient, o, read(output_bias_gradient, o) + read(queue, b * outputs + o))

    _product(
        queue, outputs, 1, floats_at(job.output), hidden_units, outputs,
        floats_at(job.zeros), 0, gradient, hidden_units, QUEUE, hidden_units,
    )  # fmt: skip
    for h in range(0, hidden_units, 16):
        column = load16(bias_gradient, h)
        for b in range(QUEUE):
            own = load16(gradient, b * hidden_units + h) * load16(slope, b * hidden_units + h)
            store(gradient, b * hidden_units + h, own)
            column = column + own
        store(bias_gradient, h, column)
    _product(
        gradient, 1, hidden_units, block, features, QUEUE,
        parameters_gradient, features, parameters_gradient, features, hidden_units, features,
    )  # fmt: skip
    _product(
        gradient, hidden_units, 1, floats_at(job.hidden), features, hidden_units,
        floats_at(job.zeros), 0, block, features, QUEUE, features,
    )  # fmt: skip
    _scatter(planes_gradient, features, job.resolution, cells, corner_weights, QUEUE, used, block)


@compiled
def _backward_of_rays(job, planes, first_ray, end_ray, planes_gradient, parameters_gradient, scratch):
    outputs, padded = job.outputs, job.padded_samples
    lines = scratch
    coordinates = advance(lines, 16)
    queue = advance(coordinates, 3 * QUEUE)
    middles = advance(queue, QUEUE * outputs)
    lengths = advance(middles, padded)
    gradients = advance(lengths, padded)
    ray_room = advance(gradients, padded * outputs)
    block_room = advance(ray_room, 2 * padded)

    used = 0
    for ray in range(first_ray, end_ray):
        reached = read(integers_at(job.reached), ray)
        if reached == 0:
            continue
        _intervals(job, ray, middles, lengths)
        _coordinate_lines(job, ray, lines)
        _raw_gradients(job, ray, reached, middles, lengths, ray_room, gradients)
        for i in range(reached):
            matters = False
            for o in range(outputs):
                value = read(gradients, o * padded + i)
                write(queue, used * outputs + o, value)
                matters |= value != 0.0
            for axis in range(3):
                place = read(middles, i) * read(lines, 3 + axis) + read(lines, axis)
                write(coordinates, axis * QUEUE + used, place)
            used += matters
            if used == QUEUE:
                _backward_of_queue(
                    job, planes, planes_gradient, parameters_gradient, used, coordinates, queue, block_room
                )
                used = 0
    if used:
        for i in range(used * outputs, QUEUE * outputs):
            write(queue, i, np.float32(0.0))
        for axis in range(3):
            for b in range(used, QUEUE):
                write(coordinates, axis * QUEUE + b, np.float32(0.0))
        _backward_of_queue(job, planes, planes_gradient, parameters_gradient, used, coordinates, queue, block_room)


# ---------------------------------------------------------------------------------------------------------------
# Entry points: one call a thread


@inlined
def _zero(pointer, count):
    for i in range(0, count, 16):
        store(pointer, i, spread16(0.0))


@inlined
def _start(job):
    """This thread's scratch memory."""
    thread = fetch_add(advance(integers_at(job.counters), 1), 1)
    return advance(floats_at(job.scratch), thread * job.scratch_size)


def forward(jobs):
    """Render, or weigh, the rays of one chunk after another until none is left."""
    job = carray(jobs, 1)[0]
    scratch = _start(job)
    chunks, items = integers_at(job.chunks), integers_at(job.items)
    scene_size = 3 * job.resolution * job.resolution * job.features
    while True:
        chunk = fetch_add(integers_at(job.counters), 1)
        if chunk >= job.chunk_count:
            return
        for item in range(read(chunks, chunk), read(chunks, chunk + 1)):
            planes = advance(floats_at(job.planes), read(items, item * ITEM) * scene_size)
            for ray in range(read(items, item * ITEM + 1), read(items, item * ITEM + 2)):
                _render_ray(job, planes, ray, scratch)


def backward(jobs):
    """Gradients of one chunk after another until none is left."""
    job = carray(jobs, 1)[0]
    scratch = _start(job)
    chunks, items = integers_at(job.chunks), integers_at(job.items)
    scene_size = 3 * job.resolution * job.resolution * job.features
    parameters = _parameter_count(job.features, job.hidden_units, job.outputs)
    while True:
        chunk = fetch_add(integers_at(job.counters), 1)
        if chunk >= job.chunk_count:
            return
        parameters_gradient = advance(floats_at(job.parameters_gradient), chunk * parameters)
        _zero(parameters_gradient, parameters)
        for item in range(read(chunks, chunk), read(chunks, chunk + 1)):
            planes = advance(floats_at(job.planes), read(items, item * ITEM) * scene_size)
            gradient = floats_at(np.uintp(read(items, item * ITEM + 3)))
            _zero(gradient, scene_size)
            _backward_of_rays(
                job,
                planes,
                read(items, item * ITEM + 1),
                read(items, item * ITEM + 2),
                gradient,
                parameters_gradient,
                scratch,
            )


SIGNATURE = types.void(types.CPointer(from_dtype(JOB)))
