"""Sphere tracing of one car's signed-distance functions, compiled with numba.

Everything compiled stands in this one file on purpose: numba's cache looks for changes in the file of the
compiled function only, not in the files of the functions it calls.

Common arguments: ``car`` is a ``CarLengths``; ``profiles`` holds the distances to the outlines of body and
cabin in the x-z plane, [row, column, 2]; a point is (x, y, z) with the ground at z = 0, and ``across`` is
|y|, since a car is the same on both sides. Distances never exceed the true ones by more than ``STEP`` makes
up for.
"""

import math
from typing import no_type_check

import numpy as np
from numba import njit, prange

GRID_X, GRID_Z, CELL = -0.62, -0.04, 0.005
COLUMNS, ROWS = 249, 117
STEP, SHORTEST_STEP, HIT_DISTANCE = 0.9, 1.2e-3, 7e-4
NORMAL_STEP = 0.004
BOX_MARGIN = 0.004
BED_WALL = 0.028
LIGHT = (0.30, 0.42, 0.857)

PLAIN, TWO_TONE, DARK_ROOF, RACING_STRIPES, SIDE_STRIPE = range(5)
"""How a car is painted."""

RUBBER, PLASTIC = (0.11, 0.11, 0.12), (0.21, 0.21, 0.22)
HEAD_LAMP, TAIL_LAMP, PLATE = (0.98, 0.95, 0.80), (0.80, 0.07, 0.07), (0.93, 0.91, 0.84)
GLASS_LOW, GLASS_RISE = (0.07, 0.09, 0.12), (0.23, 0.28, 0.32)

# ``no_type_check`` keeps the run-time type checker of the tests from wrapping what numba has to compile.
_compiled = njit(cache=True, fastmath=True)
_compiled_parallel = njit(cache=True, fastmath=True, parallel=True)


@_compiled
@no_type_check
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


@_compiled
@no_type_check
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


@_compiled
@no_type_check
def _profile(profiles, x, z):
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


@_compiled
@no_type_check
def _smooth_max(a, b, width):
    """Intersection of two solids whose common edge is rounded (quadratic polynomial blend)."""
    blend = max(width - abs(a - b), 0.0)
    return max(a, b) + 0.25 * blend * blend / width


@_compiled
@no_type_check
def _box(x, y, z, half_x, half_y, half_z, radius):
    """Distance to an axis-aligned box with rounded edges around the origin."""
    qx, qy, qz = abs(x) - half_x + radius, abs(y) - half_y + radius, abs(z) - half_z + radius
    outside = math.sqrt(max(qx, 0.0) ** 2 + max(qy, 0.0) ** 2 + max(qz, 0.0) ** 2)
    return outside + min(max(qx, max(qy, qz)), 0.0) - radius


@_compiled
@no_type_check
def _body_wall(car, x, across, z):
    """Distance to the side wall of the body: narrower at both ends, above and below the shoulder."""
    end = x / car.half_length
    end = end * end * end * end
    bulge = (z - car.shoulder) / car.height
    return across - car.half_width + car.taper * end + 0.22 * car.half_width * bulge * bulge


@_compiled
@no_type_check
def _cabin_wall(car, x, across, z):
    """Distance to the side wall of the cabin, which leans inward."""
    end = x / car.half_length
    lean = car.tumblehome * (z - car.belt) + car.taper * end * end
    return (across - car.cabin_half_width + lean) / math.sqrt(1 + car.tumblehome * car.tumblehome)


@_compiled
@no_type_check
def _axle_distance(car, x, z):
    """Distance to the axis of the nearer pair of wheels."""
    axle = car.front_axle if x > 0.5 * (car.front_axle + car.rear_axle) else car.rear_axle
    return math.sqrt((x - axle) ** 2 + (z - car.wheel) ** 2)


@_compiled
@no_type_check
def _parts(car, profiles, x, across, z):
    """Distances to body, cabin, wheels and mirrors."""
    bowed = x * (1 + car.bow * across * across)
    body_profile, cabin_profile = _profile(profiles, bowed, z)
    body = _smooth_max(body_profile, _body_wall(car, x, across, z), car.edge)
    cabin = _smooth_max(cabin_profile, _cabin_wall(car, x, across, z), 0.7 * car.edge)
    radius = _axle_distance(car, x, z)
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
    # The hub lies a little deeper than the tyre.
    wheels = max(wheels, min(car.hub * car.wheel - radius, across - car.half_width + 0.010))

    mx, my = (x - car.mirror_x) / 0.7, across - car.half_width - 0.35 * car.mirror_size
    mz = (z - car.mirror_z) / 0.85
    mirrors = 0.7 * (math.sqrt(mx * mx + my * my + mz * mz) - car.mirror_size)
    return body, cabin, wheels, mirrors


@_compiled
@no_type_check
def _distance(car, profiles, x, y, z):
    """Distance to the whole car."""
    body, cabin, wheels, mirrors = _parts(car, profiles, x, abs(y), z)
    return min(min(body, cabin), min(wheels, mirrors))


@_compiled
@no_type_check
def _in_lamp(car, across, z, centre_y, centre_z, half_width, half_height):
    """Whether a point lies in a lamp, an ellipse or a nearly rectangular superellipse."""
    u, v = abs(across - centre_y) / half_width, abs(z - centre_z) / half_height
    return u**car.lamp_power + v**car.lamp_power < 1


@_compiled
@no_type_check
def _is_glass(car, profiles, x, across, z):
    """Whether a point of the cabin's surface is glass: what is left between roof, belt and pillars."""
    if z < car.belt + car.belt_slope * (x - car.cabin_front) + 0.008:
        return False
    bowed = x * (1 + car.bow * across * across)
    profile = _profile(profiles, bowed, z)[1]
    wall = _cabin_wall(car, x, across, z)
    if profile < -car.frame and wall > -0.5 * car.frame:
        phase = (x - car.pillar_x) / car.pillar_pitch
        pillar = abs(phase - round(phase)) * car.pillar_pitch < car.pillar_half_width
        return x > car.glass_rear and not pillar
    front, rear = (
        bowed > car.roof_front and z < car.windshield_top,
        bowed < car.roof_rear + 0.008 and z < car.rear_top,
    )
    return wall < -car.frame and (front or rear)


@_compiled
@no_type_check
def _paint(car, paints, x, across, z, on_cabin):
    """Colour of the painted surface."""
    second = False
    wall = _body_wall(car, x, across, z)
    if car.scheme == TWO_TONE:
        second = z < car.stripe_low
    elif car.scheme == DARK_ROOF:
        second = on_cabin
    elif car.scheme == RACING_STRIPES:
        second = car.stripe_low < across < car.stripe_high
    elif car.scheme == SIDE_STRIPE:
        second = car.stripe_low < z < car.stripe_high and wall > -0.03
    row = 1 if second else 0
    return paints[row, 0], paints[row, 1], paints[row, 2]


@_compiled
@no_type_check
def _body_colour(car, paints, x, across, z, normal_x):
    """Colour of the body: paint, lamps, grille, plates, bumpers, cladding and the bed's lining."""
    front = x > car.half_length - 0.09 and normal_x > 0.25
    rear = x < -car.half_length + 0.06 and normal_x < -0.25
    if front and _in_lamp(car, across, z, car.head_y, car.head_z, car.head_half_width, car.head_half_height):
        return HEAD_LAMP
    if rear and _in_lamp(car, across, z, car.tail_y, car.tail_z, car.tail_half_width, car.tail_half_height):
        return TAIL_LAMP
    if (front or rear) and across < 0.05 and abs(z - 0.72 * car.bumper_z) < 0.011:
        return PLATE
    if front and across < car.grille_half_width and abs(z - car.grille_z) < car.grille_half_height:
        return RUBBER
    in_bed = car.bed_rear - 0.004 < x < car.bed_front + 0.004 and across < car.half_width - BED_WALL + 0.004
    if in_bed and z < car.belt - 0.012:
        return PLASTIC
    at_end = abs(x) > car.half_length - 0.07
    if car.dark_bumpers and at_end and z < car.bumper_z:
        return PLASTIC
    radius = _axle_distance(car, x, z)
    if z < car.sill + 0.006 or radius < car.arch + 0.003:
        return RUBBER
    if car.cladding and (z < car.sill + 0.022 or radius < car.arch + 0.016):
        return PLASTIC
    return _paint(car, paints, x, across, z, False)


@_compiled
@no_type_check
def _colour(car, profiles, paints, x, across, z, normal_x):
    """Colour of the surface at a point, without light."""
    body, cabin, wheels, mirrors = _parts(car, profiles, x, across, z)
    nearest = min(min(body, cabin), min(wheels, mirrors))
    if nearest == wheels:
        radius = _axle_distance(car, x, z) / car.wheel
        if radius > car.hub - 0.02 or across < car.half_width - 0.03:
            return RUBBER
        shade = car.hub_shade * (0.6 if radius < 0.2 else 1.0)
        return shade, shade, 1.03 * shade
    if nearest == cabin and _is_glass(car, profiles, x, across, z):
        up = (z - car.belt) / (car.height - car.belt)
        low, rise = GLASS_LOW, GLASS_RISE
        return low[0] + up * rise[0], low[1] + up * rise[1], low[2] + up * rise[2]
    if nearest in (cabin, mirrors):
        return _paint(car, paints, x, across, z, True)
    return _body_colour(car, paints, x, across, z, normal_x)


@_compiled
@no_type_check
def _shade(car, profiles, paints, x, y, z):
    """Colour of a surface point in the light: hemispheric sky, one soft lamp, some occlusion in corners."""
    nx, ny, nz = 0.0, 0.0, 0.0
    for corner in range(4):  # central differences over the corners of a tetrahedron
        sx, sy = (1.0 if corner % 2 else -1.0), (1.0 if corner // 2 else -1.0)
        sz = sx * sy
        e = NORMAL_STEP
        distance = _distance(car, profiles, x + e * sx, y + e * sy, z + e * sz)
        nx, ny, nz = nx + sx * distance, ny + sy * distance, nz + sz * distance
    scale = 1 / max(math.sqrt(nx * nx + ny * ny + nz * nz), 1e-12)
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    reach = 0.045
    openness = _distance(car, profiles, x + reach * nx, y + reach * ny, z + reach * nz) / reach
    sky = (0.52 + 0.12 * nz) * (0.55 + 0.45 * min(max(openness, 0.0), 1.0))
    lamp = 0.40 * max(0.3 + 0.7 * (nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]), 0.0)
    light = sky + lamp
    red, green, blue = _colour(car, profiles, paints, x, abs(y), z, nx)
    return min(red * light, 1.0), min(green * light, 1.0), min(blue * light, 1.0)


@_compiled
@no_type_check
def _hit(car, profiles, box, ox, oy, oz, dx, dy, dz):
    """Distance along a ray to the car, or -1."""
    # fastmath knows no infinities: an axis the ray never moves along must not divide by zero.
    dx = dx if abs(dx) > 1e-9 else 1e-9
    dy = dy if abs(dy) > 1e-9 else 1e-9
    dz = dz if abs(dz) > 1e-9 else 1e-9
    x0, x1 = (-box[0] - ox) / dx, (box[0] - ox) / dx
    y0, y1 = (-box[1] - oy) / dy, (box[1] - oy) / dy
    z0, z1 = -oz / dz, (box[2] - oz) / dz
    t = max(max(min(x0, x1), min(y0, y1)), max(min(z0, z1), 0.0))
    end = min(min(max(x0, x1), max(y0, y1)), max(z0, z1))
    while t < end:
        distance = _distance(car, profiles, ox + t * dx, oy + t * dy, oz + t * dz)
        if distance < HIT_DISTANCE:
            return t
        t += max(STEP * distance, SHORTEST_STEP)
    return -1.0


@_compiled_parallel
@no_type_check
def trace(car, profiles, paints, c2w, intrinsics, samples, out):
    """Draw one car from several cameras.

    Args:
        car, paints: attributes of a ``Car``.
        profiles: what ``profile_distances`` gives for its outlines.
        c2w, intrinsics: [view, 3, 4] and [view, 4] in the project's camera convention.
        samples: rays along each side of a pixel.
        out: [view, height, width, 4], uint8, receives straight alpha; white where nothing is hit.
    """
    views, height, width = out.shape[0], out.shape[1], out.shape[2]
    reach_y = car.half_width + 1.4 * car.mirror_size
    box = (car.half_length + BOX_MARGIN, reach_y, car.height + BOX_MARGIN)
    for job in prange(views * height):
        view, row = job // height, job % height
        pose = c2w[view]
        fx, fy, cx, cy = intrinsics[view, 0], intrinsics[view, 1], intrinsics[view, 2], intrinsics[view, 3]
        ox, oy, oz = pose[0, 3], pose[1, 3], pose[2, 3] + 0.5 * car.height
        for column in range(width):
            red, green, blue, hits = 0.0, 0.0, 0.0, 0
            for sample in range(samples * samples):
                u = (column + (sample % samples + 0.5) / samples - cx) / fx
                v = (row + (sample // samples + 0.5) / samples - cy) / fy
                dx = pose[0, 0] * u + pose[0, 1] * v + pose[0, 2]
                dy = pose[1, 0] * u + pose[1, 1] * v + pose[1, 2]
                dz = pose[2, 0] * u + pose[2, 1] * v + pose[2, 2]
                norm = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
                dx, dy, dz = dx * norm, dy * norm, dz * norm
                t = _hit(car, profiles, box, ox, oy, oz, dx, dy, dz)
                if t >= 0:
                    r, g, b = _shade(car, profiles, paints, ox + t * dx, oy + t * dy, oz + t * dz)
                    red, green, blue, hits = red + r, green + g, blue + b, hits + 1
            pixel = out[view, row, column]
            if hits == 0:
                pixel[0], pixel[1], pixel[2], pixel[3] = 255, 255, 255, 0
            else:
                pixel[0] = int(255 * red / hits + 0.5)
                pixel[1] = int(255 * green / hits + 0.5)
                pixel[2] = int(255 * blue / hits + 0.5)
                pixel[3] = int(255 * hits / (samples * samples) + 0.5)
