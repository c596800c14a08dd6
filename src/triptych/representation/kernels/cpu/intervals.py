"""A ray's intervals and coordinates, as the loops want them."""

import numpy as np

from triptych.representation.kernels.cpu.layout import GROUP
from triptych.representation.kernels.cpu.memory import floats_at, read, write
from triptych.representation.kernels.cpu.vectors import compiled, inlined


@compiled
def pack_intervals(starts, ends, count, middles, lengths):
    """Middles and lengths of non-empty intervals, and empty ones up to a multiple of 8; how many are not empty."""
    used = 0
    for i in range(count):
        start, end = read(starts, i), read(ends, i)
        if end > start:
            write(middles, used, (start + end) * np.float32(0.5))
            write(lengths, used, end - start)
            used += 1
    fill_group(middles, lengths, used)
    return used


@inlined
def fill_group(middles, lengths, used):
    """Empty intervals behind the packed ones, up to a multiple of 8."""
    for i in range(used, (used + GROUP - 1) // GROUP * GROUP):
        write(middles, i, read(middles, used - 1))
        write(lengths, i, np.float32(0.0))


@compiled
def unpack_values(starts, ends, count, packed, known, values):
    """Values of all intervals from the ``known`` first ones of those that are not empty; others get 0."""
    rank = 0
    for i in range(count):
        value = np.float32(0.0)
        if read(ends, i) > read(starts, i):
            if rank < known:
                value = read(packed, rank)
            rank += 1
        write(values, i, value)


@compiled
def coordinate_lines(job, ray, lines):
    """Offset [axis] and slope [axis] in t of the ray's coordinates in texels, whose centers are integers."""
    aabb = floats_at(job.aabb)
    for axis in range(3):
        lower = read(aabb, axis)
        scale = np.float32(job.resolution) / (read(aabb, 3 + axis) - lower)
        origin = read(floats_at(job.origins), 3 * ray + axis)
        direction = read(floats_at(job.directions), 3 * ray + axis)
        write(lines, axis, (origin - lower) * scale - np.float32(0.5))
        write(lines, 3 + axis, direction * scale)
