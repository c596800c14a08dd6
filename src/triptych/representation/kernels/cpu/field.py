"""Loops over a block of samples: read the tri-planes, run the tiny MLP, and the transposes of both.

The gather runs along a texel's features, which lie side by side.
"""

from triptych.representation.kernels.cpu.functions import softplus, softplus_and_slope
from triptych.representation.kernels.cpu.layout import AHEAD, GROUP
from triptych.representation.kernels.cpu.memory import (
    advance,
    floats_at,
    load8,
    load16,
    load32,
    prefetch,
    read,
    store,
)
from triptych.representation.kernels.cpu.products import product
from triptych.representation.kernels.cpu.vectors import (
    compiled,
    floor,
    fma,
    inlined,
    maximum,
    minimum,
    spread8,
    spread16,
    spread32,
    sums_of_lanes,
    where_positive,
)


@inlined
def locate(coordinates, count, resolution, cells, corners):
    """Where samples lie on the planes.

    Reads coordinates [axis, sample], texel centers being integers; samples outside go to the border. Writes cells
    [axis, sample], and corners [plane, corner, sample], the bilinear weights of the texels at (row, column),
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
        _weigh_corners(x - x_cell, y - y_cell, advance(corners, b), count)
        _weigh_corners(x - x_cell, z - z_cell, advance(corners, 4 * count + b), count)
        _weigh_corners(y - y_cell, z - z_cell, advance(corners, 8 * count + b), count)


@inlined
def _weigh_corners(column, row, corners, count):
    store(corners, 0, (1.0 - row) * (1.0 - column))
    store(corners, count, (1.0 - row) * column)
    store(corners, 2 * count, row * (1.0 - column))
    store(corners, 3 * count, row * column)


@inlined
def first_corners(cells, b, count, features, resolution):
    """Offset of sample b's first corner on each plane from the start of the scene's planes."""
    x = int(read(cells, b))
    y = int(read(cells, count + b))
    z = int(read(cells, 2 * count + b))
    return (
        (y * resolution + x) * features,
        ((resolution + z) * resolution + x) * features,
        ((2 * resolution + z) * resolution + y) * features,
    )


@inlined
def prefetch_corners(planes, cells, b, count, features, resolution):
    """Begin to load a later sample's texels: planes are larger than the cache next to the core."""
    xy, xz, yz = first_corners(cells, b, count, features, resolution)
    row = features * resolution
    for line in range(0, 2 * features, 16):
        prefetch(planes, xy + line)
        prefetch(planes, xy + row + line)
        prefetch(planes, xz + line)
        prefetch(planes, xz + row + line)
        prefetch(planes, yz + line)
        prefetch(planes, yz + row + line)


@inlined
def _blend_plane(load, plane, row, column, corners, count, value):
    value = fma(read(corners, 0), load(plane, 0), value)
    value = fma(read(corners, count), load(plane, column), value)
    value = fma(read(corners, 2 * count), load(plane, row), value)
    return fma(read(corners, 3 * count), load(plane, row + column), value)


@inlined
def blend(load, xy, xz, yz, row, column, corners, count, value):
    value = _blend_plane(load, xy, row, column, corners, count, value)
    value = _blend_plane(load, xz, row, column, advance(corners, 4 * count), count, value)
    return _blend_plane(load, yz, row, column, advance(corners, 8 * count), count, value)


@compiled
def gather(job, planes, cells, corners, count, block):
    """Features [sample, F] of located samples: the sum of the three planes' bilinear values."""
    features, resolution = job.features, job.resolution
    column = features if resolution > 1 else 0
    row = column * resolution
    for b in range(count):
        if b + AHEAD < count:
            prefetch_corners(planes, cells, b + AHEAD, count, features, resolution)
        xy, xz, yz = first_corners(cells, b, count, features, resolution)
        own_corners = advance(corners, b)
        for f in range(0, features, 32):
            place = b * features + f
            at = advance(planes, xy + f), advance(planes, xz + f), advance(planes, yz + f)
            if f + 32 <= features:
                value = blend(load32, at[0], at[1], at[2], row, column, own_corners, count, spread32(0.0))
                store(block, place, value)
            else:
                half = blend(load16, at[0], at[1], at[2], row, column, own_corners, count, spread16(0.0))
                store(block, place, half)


@inlined
def _spill_plane(load, plane, row, column, corners, count, value):
    store(plane, 0, fma(read(corners, 0), value, load(plane, 0)))
    store(plane, column, fma(read(corners, count), value, load(plane, column)))
    store(plane, row, fma(read(corners, 2 * count), value, load(plane, row)))
    store(plane, row + column, fma(read(corners, 3 * count), value, load(plane, row + column)))


@inlined
def spill(load, xy, xz, yz, row, column, corners, count, value):
    _spill_plane(load, xy, row, column, corners, count, value)
    _spill_plane(load, xz, row, column, advance(corners, 4 * count), count, value)
    _spill_plane(load, yz, row, column, advance(corners, 8 * count), count, value)


@compiled
def scatter(job, gradient, cells, corners, count, used, block):
    """The transpose of the gather: add the gradients of the first ``used`` of ``count`` samples to the planes'."""
    features, resolution = job.features, job.resolution
    column = features if resolution > 1 else 0
    row = column * resolution
    for b in range(used):
        if b + AHEAD < used:
            prefetch_corners(gradient, cells, b + AHEAD, count, features, resolution)
        xy, xz, yz = first_corners(cells, b, count, features, resolution)
        own_corners = advance(corners, b)
        for f in range(0, features, 32):
            place = b * features + f
            at = advance(gradient, xy + f), advance(gradient, xz + f), advance(gradient, yz + f)
            if f + 32 <= features:
                spill(load32, at[0], at[1], at[2], row, column, own_corners, count, load32(block, place))
            else:
                spill(load16, at[0], at[1], at[2], row, column, own_corners, count, load16(block, place))


@inlined
def hidden_layer(job, block, count, hidden):
    """Hidden layer [sample, H] before its activation."""
    features, hidden_units = job.features, job.hidden_units
    weights, bias = floats_at(job.hidden_transposed), floats_at(job.hidden_bias)
    product(
        block, features, 1,
        weights, hidden_units, features,
        bias, 0,
        hidden, hidden_units, count, hidden_units,
    )  # fmt: skip


@compiled
def activate(hidden, size, relu):
    """The hidden activation, in place."""
    for i in range(0, size, 16):
        x = load16(hidden, i)
        # Not a maximum: LLVM would make a masked store of it, which is slow.
        store(hidden, i, x - minimum(x, 0.0) if relu else softplus(x))


@compiled
def activate_with_slope(hidden, slope, size, relu):
    """The hidden activation, in place, and its derivative."""
    for i in range(0, size, 16):
        x = load16(hidden, i)
        if relu:
            store(hidden, i, x - minimum(x, 0.0))
            store(slope, i, where_positive(-x, 0.0, 1.0))
        else:
            value, derivative = softplus_and_slope(x)
            store(hidden, i, value)
            store(slope, i, derivative)


@compiled
def raw_outputs(job, hidden, outputs, raw, raw_row):
    """The first raw MLP outputs raw[output · raw_row + sample] of 8 samples."""
    hidden_units = job.hidden_units
    for o in range(outputs):
        weights = advance(floats_at(job.output), o * hidden_units)
        s0 = spread8(0.0)
        s1, s2, s3, s4, s5, s6, s7 = s0, s0, s0, s0, s0, s0, s0
        for h in range(0, hidden_units, 8):
            w = load8(weights, h)
            s0 = fma(w, load8(hidden, h), s0)
            s1 = fma(w, load8(hidden, h + hidden_units), s1)
            s2 = fma(w, load8(hidden, h + 2 * hidden_units), s2)
            s3 = fma(w, load8(hidden, h + 3 * hidden_units), s3)
            s4 = fma(w, load8(hidden, h + 4 * hidden_units), s4)
            s5 = fma(w, load8(hidden, h + 5 * hidden_units), s5)
            s6 = fma(w, load8(hidden, h + 6 * hidden_units), s6)
            s7 = fma(w, load8(hidden, h + 7 * hidden_units), s7)
        sums = sums_of_lanes((s0, s1, s2, s3, s4, s5, s6, s7))
        store(raw, o * raw_row, sums + read(floats_at(job.output_bias), o))
