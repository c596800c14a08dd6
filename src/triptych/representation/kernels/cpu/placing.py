"""Placing the samples of a ray: through the box, past empty cells, and closer together where there is matter.

The formulas are those of ``reference.place_samples`` and of ``triptych.geometry.sampling``.
"""

import numpy as np

from triptych.geometry.bit_grid import SIDE
from triptych.geometry.sampling import EVEN_SHARE
from triptych.representation.kernels.cpu.forward import march, ray_memory, write_sums
from triptych.representation.kernels.cpu.intervals import fill_group, pack_intervals, unpack_values
from triptych.representation.kernels.cpu.layout import GROUP
from triptych.representation.kernels.cpu.memory import advance, floats_at, read, write
from triptych.representation.kernels.cpu.vectors import compiled, inlined

_TINY = np.float32(np.finfo(np.float32).tiny ** 0.5)


@compiled
def place_ray(job, planes, occupancy, ray, starts, ends, scratch):
    """Starts and ends of a ray's intervals."""
    samples, coarse = job.samples, job.coarse
    jitter = advance(floats_at(job.jitter), 2 * ray)
    near, far = _cross_box(job, ray)
    if not far > near:
        for i in range(samples):
            write(starts, i, np.float32(0.0))
            write(ends, i, np.float32(0.0))
        return

    edges = scratch
    own_scratch = advance(edges, job.padded_samples + GROUP)
    _space_edges(near, far, coarse, read(jitter, 0), edges)
    if job.importance:
        _lay_intervals(job, occupancy, ray, edges, coarse, starts, ends)
        further = own_scratch
        weights = advance(further, job.padded_samples)
        own_scratch = advance(weights, job.padded_samples)
        _, middles, lengths, packed_weights, _, _ = ray_memory(job, own_scratch)
        count = pack_intervals(starts, ends, coarse, middles, lengths)
        reached = march(job, planes, ray, count, 1, own_scratch)
        unpack_values(starts, ends, coarse, packed_weights, reached, weights)
        _further_edges(edges, coarse, weights, job.importance, read(jitter, 1), further)
        _merge(edges, coarse + 1, further, job.importance)
    _lay_intervals(job, occupancy, ray, edges, samples, starts, ends)


@compiled
def place_packed(job, occupancy, bounds, ray, middles, lengths):
    """Middles and lengths of a ray's non-empty intervals as ``place_ray`` and ``pack_intervals`` leave them, without
    importance samples, and how many there are; only what lies in the ``bounds`` of occupied cells is looked at."""
    near, far = _cross_box(job, ray)
    if not far > near:
        return 0
    x_origin, x_slope = _cell_line(job, ray, 0)
    y_origin, y_slope = _cell_line(job, ray, 1)
    z_origin, z_slope = _cell_line(job, ray, 2)
    enter, leave = _between(near, far, x_origin, x_slope, read(bounds, 0), read(bounds, 3))
    enter, leave = _between(enter, leave, y_origin, y_slope, read(bounds, 1), read(bounds, 4))
    enter, leave = _between(enter, leave, z_origin, z_slope, read(bounds, 2), read(bounds, 5))
    if not leave >= enter:
        return 0
    count, step = job.coarse, (far - near) / np.float32(job.coarse)
    shift, used = read(floats_at(job.jitter), 2 * ray) - np.float32(0.5), 0
    first, end = max(int((enter - near) / step) - 1, 0), min(int((leave - near) / step) + 2, count)
    start = near + step * (np.float32(first) + shift) if first else near
    for i in range(first, end):
        stop = near + step * (np.float32(i + 1) + shift if i + 1 < count else np.float32(count))
        t = (start + stop) * np.float32(0.5)
        x, y, z = _cell(x_origin + t * x_slope), _cell(y_origin + t * y_slope), _cell(z_origin + t * z_slope)
        occupied = True
        if job.occupancy:
            occupied = (read(occupancy, z * SIDE + y) >> x) & 1 != 0
        if occupied and stop > start:
            write(middles, used, t)
            write(lengths, used, stop - start)
            used += 1
        start = stop
    fill_group(middles, lengths, used)
    return used


@compiled
def place_and_render(job, planes, occupancy, bounds, ray, scratch):
    """Channels, opacity and depth of a ray, its samples placed as ``place_packed`` does."""
    _, middles, lengths, _, sums, _ = ray_memory(job, scratch)
    count = place_packed(job, occupancy, bounds, ray, middles, lengths)
    march(job, planes, ray, count, job.outputs, scratch)
    write_sums(job, ray, sums)


@compiled
def occupied_box(job, occupancy, bounds):
    """Lower and upper corner of the box around a scene's occupied cells, in cells; of all where none are told."""
    for axis in range(3):
        write(bounds, axis, np.float32(0.0))
        write(bounds, 3 + axis, np.float32(SIDE))
    if not job.occupancy:
        return
    x_bits, y_first, y_end, z_first, z_end = 0, SIDE, 0, SIDE, 0
    for z in range(SIDE):
        for y in range(SIDE):
            bits = read(occupancy, z * SIDE + y)
            if bits:
                x_bits |= bits
                y_first, y_end = min(y_first, y), max(y_end, y + 1)
                z_first, z_end = min(z_first, z), max(z_end, z + 1)
    x_first, x_end = SIDE, 0
    for x in range(SIDE):
        if (x_bits >> x) & 1:
            x_first, x_end = min(x_first, x), x + 1
    for axis, first, end in ((0, x_first, x_end), (1, y_first, y_end), (2, z_first, z_end)):
        write(bounds, axis, np.float32(first))
        write(bounds, 3 + axis, np.float32(end))


@inlined
def _cross_box(job, ray):
    """Where a ray enters and leaves the box; leaving before entering means that it misses."""
    aabb = floats_at(job.aabb)
    near, far = np.float32(0.0), np.float32(np.inf)
    for axis in range(3):
        origin = read(floats_at(job.origins), 3 * ray + axis)
        direction = read(floats_at(job.directions), 3 * ray + axis)
        near, far = _between(near, far, origin, direction, read(aabb, axis), read(aabb, 3 + axis))
    return near, far


@inlined
def _between(near, far, origin, slope, lower, upper):
    """The part of a stretch of a line in which one of its coordinates stays between two bounds."""
    slope = _TINY if abs(slope) < _TINY else slope
    first, second = (lower - origin) / slope, (upper - origin) / slope
    return max(near, min(first, second)), min(far, max(first, second))


@inlined
def _space_edges(near, far, count, jitter, edges):
    step = (far - near) / np.float32(count)
    write(edges, 0, near)
    for i in range(1, count):
        write(edges, i, near + step * (np.float32(i) + (jitter - np.float32(0.5))))
    write(edges, count, near + step * np.float32(count))


@compiled
def _lay_intervals(job, occupancy, ray, edges, count, starts, ends):
    """Intervals between edges; those whose middle lies in an unoccupied cell get no length."""
    for i in range(count):
        write(starts, i, read(edges, i))
        write(ends, i, read(edges, i + 1))
    if not job.occupancy:
        return
    x_origin, x_slope = _cell_line(job, ray, 0)
    y_origin, y_slope = _cell_line(job, ray, 1)
    z_origin, z_slope = _cell_line(job, ray, 2)
    for i in range(count):
        t = (read(starts, i) + read(ends, i)) * np.float32(0.5)
        x, y, z = _cell(x_origin + t * x_slope), _cell(y_origin + t * y_slope), _cell(z_origin + t * z_slope)
        if not (read(occupancy, z * SIDE + y) >> x) & 1:
            write(ends, i, read(starts, i))


@inlined
def _cell_line(job, ray, axis):
    lower = read(floats_at(job.aabb), axis)
    scale = np.float32(SIDE) / (read(floats_at(job.aabb), 3 + axis) - lower)
    origin = read(floats_at(job.origins), 3 * ray + axis)
    return (origin - lower) * scale, read(floats_at(job.directions), 3 * ray + axis) * scale


@inlined
def _cell(place):
    if not place > 0.0:  # not a number included
        return 0
    return int(min(place, np.float32(SIDE - 1)))


@compiled
def _further_edges(edges, count, weights, chosen, jitter, further):
    """Sorted edges at quantiles of the weights, in float64: sums of float32 would depend on their order."""
    total = 0.0
    for i in range(count):
        total += read(weights, i)
    extent = float(read(edges, count)) - read(edges, 0)
    interval, low, high = -1, 0.0, 0.0
    for k in range(chosen):
        quantile = (k + jitter) / chosen
        while interval < 0 or (high <= quantile and interval < count - 1):
            interval += 1
            share = (float(read(edges, interval + 1)) - read(edges, interval)) / extent
            by_weight = read(weights, interval) / total if total > 1e-8 else share
            low = high
            high += (1.0 - EVEN_SHARE) * by_weight + EVEN_SHARE * share
        fraction = (quantile - low) / (high - low) if high > low else 0.0
        start, end = read(edges, interval), read(edges, interval + 1)
        write(further, k, np.float32(start + min(max(fraction, 0.0), 1.0) * (end - start)))


@inlined
def _merge(edges, count, further, more):
    """Merge sorted further edges into sorted edges, from the back, where there is room."""
    i, k = count - 1, more - 1
    for place in range(count + more - 1, -1, -1):
        if k < 0:
            break
        if i >= 0 and read(edges, i) > read(further, k):
            write(edges, place, read(edges, i))
            i -= 1
        else:
            write(edges, place, read(further, k))
            k -= 1
