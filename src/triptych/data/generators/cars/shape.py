"""The shape of a car: signed distances to its parts, compiled with numba.

Common arguments: ``car`` is a ``CarLengths``; ``profiles`` holds the distances to the outlines of body and cabin in
the x-z plane, [row, column, 2]; a point is (x, y, z) with the ground at z = 0, and ``across`` is |y|, since a car is
the same on both sides. Distances exceed the true ones by no more than the tracer's ``STEP`` makes up for.
"""

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from triptych.compiling import compile_cached

GRID_X, GRID_Z, CELL = -0.62, -0.04, 0.005
COLUMNS, ROWS = 249, 117
BED_WALL = 0.028


def compiled(function: Callable[..., Any]) -> Any:
    """Numba's njit of the bare function, without what a run-time type checker may have wrapped around it."""
    return njit(fastmath=True)(inspect.unwrap(function))


def compiled_entry(function: Callable[..., Any], *, parallel: bool = False) -> Any:
    """The same for what Python calls; its code, with that of all functions it calls, is kept on the disk."""
    return compile_cached(njit, function, sources=[Path(__file__).parent], fastmath=True, parallel=parallel)


@compiled
def _polygon_distance(points, x, z):
    """Signed distance of a point to a closed polygon [point, 2], negative inside."""
    nearest, inside = 1e9, False
    last = points.shape[0] - 1
    for i in range(points.shape[0]):
        ax, az, bx, bz = points[last, 0], points[last, 1], points[i, 0], points[i, 1]
        ex, ez, px, pz = bx - ax, bz - az, x - ax, z - az
        along = min(max((px * ex + pz * ez) / max(ex * ex + ez * ez, 1e-12), 0.0), 1.0)
        nearest = min(nearest, (px - along * ex) ** 2 + (pz - along * ez) ** 2)
        if (az > z) != (bz > z) and x < ax + (z - az) / (bz - az) * ex:
            inside = not inside
        last = i
    return -math.sqrt(nearest) if inside else math.sqrt(nearest)


@compiled_entry
def profile_distances(body, cabin):
    """Distances to the two outlines, each [point, 2], at the nodes of the tracer's grid: [row, column, 2]."""
    grid = np.empty((ROWS, COLUMNS, 2))
    for row in range(ROWS):
        z = GRID_Z + row * CELL
        for column in range(COLUMNS):
            x = GRID_X + column * CELL
            grid[row, column, 0] = _polygon_distance(body, x, z)
            grid[row, column, 1] = _polygon_distance(cabin, x, z)
    return grid


@compiled
def profiles_at(profiles, x, z):
    """Both profile distances at a point, bilinear between the nodes."""
    column = min(max((x - GRID_X) / CELL, 0.0), COLUMNS - 1.001)
    row = min(max((z - GRID_Z) / CELL, 0.0), ROWS - 1.001)
    j, i = int(column), int(row)
    u, v = column - j, row - i
    body = (1 - v) * ((1 - u) * profiles[i, j, 0] + u * profiles[i, j + 1, 0])
    body += v * ((1 - u) * profiles[i + 1, j, 0] + u * profiles[i + 1, j + 1, 0])
    cabin = (1 - v) * ((1 - u) * profiles[i, j, 1] + u * profiles[i, j + 1, 1])
    cabin += v * ((1 - u) * profiles[i + 1, j, 1] + u * profiles[i + 1, j + 1, 1])
    return body, cabin


@compiled
def _smooth_max(a, b, width):
    """Intersection of two solids whose common edge is rounded (quadratic polynomial blend)."""
    blend = max(width - abs(a - b), 0.0)
    return max(a, b) + 0.25 * blend * blend / width


@compiled
def _box(x, y, z, half_x, half_y, half_z, radius):
    """Distance to an axis-aligned box with rounded edges around the origin."""
    qx, qy, qz = abs(x) - half_x + radius, abs(y) - half_y + radius, abs(z) - half_z + radius
    outside = math.sqrt(max(qx, 0.0) ** 2 + max(qy, 0.0) ** 2 + max(qz, 0.0) ** 2)
    return outside + min(max(qx, max(qy, qz)), 0.0) - radius


@compiled
def body_wall(car, x, across, z):
    """Distance to the side wall of the body: narrower at both ends, above and below the shoulder."""
    end = x / car.half_length
    end = end * end * end * end
    bulge = (z - car.shoulder) / car.height
    return across - car.half_width + car.taper * end + 0.22 * car.half_width * bulge * bulge


@compiled
def cabin_wall(car, x, across, z):
    """Distance to the side wall of the cabin, which leans inward."""
    end = x / car.half_length
    lean = car.tumblehome * (z - car.belt) + car.taper * end * end
    return (across - car.cabin_half_width + lean) / math.sqrt(1 + car.tumblehome * car.tumblehome)


@compiled
def axle_distance(car, x, z):
    """Distance to the axis of the nearer pair of wheels."""
    axle = car.front_axle if x > 0.5 * (car.front_axle + car.rear_axle) else car.rear_axle
    return math.sqrt((x - axle) ** 2 + (z - car.wheel) ** 2)


@compiled
def part_distances(car, profiles, x, across, z):
    """Distances to body, cabin, wheels and mirrors."""
    bowed = x * (1 + car.bow * across * across)
    body_profile, cabin_profile = profiles_at(profiles, bowed, z)
    body = _smooth_max(body_profile, body_wall(car, x, across, z), car.edge)
    cabin = _smooth_max(cabin_profile, cabin_wall(car, x, across, z), 0.7 * car.edge)
    radius = axle_distance(car, x, z)
    well = car.half_width - 2 * car.wheel_half_width - 0.012
    body = _smooth_max(body, min(car.arch - radius, across - well), 0.008)
    if car.bed_front > car.bed_rear:
        middle, half_bed = 0.5 * (car.bed_front + car.bed_rear), 0.5 * (car.bed_front - car.bed_rear)
        bed = _box(x - middle, across, z - car.bed_floor - 0.2, half_bed, car.half_width - BED_WALL, 0.2, 0.015)
        # The housings of the rear wheels stand in the bed.
        bed = max(bed, min(car.arch + 0.01 - radius, across - well + 0.01))
        body = max(body, -bed)

    side = abs(across - (car.half_width - car.wheel_half_width - 0.004)) - car.wheel_half_width
    wheels = _smooth_max(radius - car.wheel, side, 0.014)
    # The hub lies a little deeper than the tire.
    wheels = max(wheels, min(car.hub * car.wheel - radius, across - car.half_width + 0.010))

    mx, my = (x - car.mirror_x) / 0.7, across - car.half_width - 0.35 * car.mirror_size
    mz = (z - car.mirror_z) / 0.85
    mirrors = 0.7 * (math.sqrt(mx * mx + my * my + mz * mz) - car.mirror_size)
    return body, cabin, wheels, mirrors


@compiled
def car_distance(car, profiles, x, y, z):
    """Distance to the whole car."""
    body, cabin, wheels, mirrors = part_distances(car, profiles, x, abs(y), z)
    return min(min(body, cabin), min(wheels, mirrors))
