"""The colors of a car: which part of it lies at a point of its surface, and how light falls on it.

Compiled with numba; arguments are those of ``shape``.
"""

import math

from triptych.data.generators.cars.shape import (
    BED_WALL,
    axle_distance,
    body_wall,
    cabin_wall,
    car_distance,
    compiled,
    part_distances,
    profiles_at,
)

NORMAL_STEP = 0.004
LIGHT = (0.30, 0.42, 0.857)

PLAIN, TWO_TONE, DARK_ROOF, RACING_STRIPES, SIDE_STRIPE = range(5)
"""How a car is painted."""

RUBBER, PLASTIC = (0.11, 0.11, 0.12), (0.21, 0.21, 0.22)
HEAD_LAMP, TAIL_LAMP, PLATE = (0.98, 0.95, 0.80), (0.80, 0.07, 0.07), (0.93, 0.91, 0.84)
GLASS_LOW, GLASS_RISE = (0.07, 0.09, 0.12), (0.23, 0.28, 0.32)


@compiled
def _in_lamp(car, across, z, center_y, center_z, half_width, half_height):
    """Whether a point lies in a lamp, an ellipse or a nearly rectangular superellipse."""
    u, v = abs(across - center_y) / half_width, abs(z - center_z) / half_height
    return u**car.lamp_power + v**car.lamp_power < 1


@compiled
def _is_glass(car, profiles, x, across, z):
    """Whether a point of the cabin's surface is glass: what is left between roof, belt and pillars."""
    if z < car.belt + car.belt_slope * (x - car.cabin_front) + 0.008:
        return False
    bowed = x * (1 + car.bow * across * across)
    profile = profiles_at(profiles, bowed, z)[1]
    wall = cabin_wall(car, x, across, z)
    if profile < -car.frame and wall > -0.5 * car.frame:
        phase = (x - car.pillar_x) / car.pillar_pitch
        pillar = abs(phase - round(phase)) * car.pillar_pitch < car.pillar_half_width
        return x > car.glass_rear and not pillar
    front, rear = (
        bowed > car.roof_front and z < car.windshield_top,
        bowed < car.roof_rear + 0.008 and z < car.rear_top,
    )
    return wall < -car.frame and (front or rear)


@compiled
def _paint(car, paints, x, across, z, on_cabin):
    """Color of the painted surface."""
    second = False
    wall = body_wall(car, x, across, z)
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


@compiled
def _body_color(car, paints, x, across, z, normal_x):
    """Color of the body: paint, lamps, grille, plates, bumpers, cladding and the bed's lining."""
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
    radius = axle_distance(car, x, z)
    if z < car.sill + 0.006 or radius < car.arch + 0.003:
        return RUBBER
    if car.cladding and (z < car.sill + 0.022 or radius < car.arch + 0.016):
        return PLASTIC
    return _paint(car, paints, x, across, z, False)


@compiled
def _color(car, profiles, paints, x, across, z, normal_x):
    """Color of the surface at a point, without light."""
    body, cabin, wheels, mirrors = part_distances(car, profiles, x, across, z)
    nearest = min(min(body, cabin), min(wheels, mirrors))
    if nearest == wheels:
        radius = axle_distance(car, x, z) / car.wheel
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
    return _body_color(car, paints, x, across, z, normal_x)


@compiled
def shade(car, profiles, paints, x, y, z):
    """Color of a surface point in the light: hemispheric sky, one soft lamp, some occlusion in corners."""
    nx, ny, nz = 0.0, 0.0, 0.0
    for corner in range(4):  # central differences over the corners of a tetrahedron
        sx, sy = (1.0 if corner % 2 else -1.0), (1.0 if corner // 2 else -1.0)
        sz = sx * sy
        e = NORMAL_STEP
        distance = car_distance(car, profiles, x + e * sx, y + e * sy, z + e * sz)
        nx, ny, nz = nx + sx * distance, ny + sy * distance, nz + sz * distance
    scale = 1 / max(math.sqrt(nx * nx + ny * ny + nz * nz), 1e-12)
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    reach = 0.045
    openness = car_distance(car, profiles, x + reach * nx, y + reach * ny, z + reach * nz) / reach
    sky = (0.52 + 0.12 * nz) * (0.55 + 0.45 * min(max(openness, 0.0), 1.0))
    lamp = 0.40 * max(0.3 + 0.7 * (nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]), 0.0)
    light = sky + lamp
    red, green, blue = _color(car, profiles, paints, x, abs(y), z, nx)
    return min(red * light, 1.0), min(green * light, 1.0), min(blue * light, 1.0)
