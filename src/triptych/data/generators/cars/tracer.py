"""Sphere tracing of a car, compiled with numba.

Arguments are those of ``shape``.
"""

import math
from functools import partial

from numba import prange

from triptych.data.generators.cars.shape import car_distance, compiled, compiled_entry
from triptych.data.generators.cars.surface import shade

STEP, SHORTEST_STEP, HIT_DISTANCE = 0.9, 1.2e-3, 7e-4
BOX_MARGIN = 0.004


@compiled
def _hit(car, profiles, box, origin, direction):
    """Distance along a ray to the car, or -1."""
    ox, oy, oz = origin
    dx, dy, dz = direction
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
        distance = car_distance(car, profiles, ox + t * dx, oy + t * dy, oz + t * dz)
        if distance < HIT_DISTANCE:
            return t
        t += max(STEP * distance, SHORTEST_STEP)
    return -1.0


@partial(compiled_entry, parallel=True)
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
                t = _hit(car, profiles, box, (ox, oy, oz), (dx, dy, dz))
                if t >= 0:
                    r, g, b = shade(car, profiles, paints, ox + t * dx, oy + t * dy, oz + t * dz)
                    red, green, blue, hits = red + r, green + g, blue + b, hits + 1
            pixel = out[view, row, column]
            if hits == 0:
                pixel[0], pixel[1], pixel[2], pixel[3] = 255, 255, 255, 0
            else:
                pixel[0] = int(255 * red / hits + 0.5)
                pixel[1] = int(255 * green / hits + 0.5)
                pixel[2] = int(255 * blue / hits + 0.5)
                pixel[3] = int(255 * hits / (samples * samples) + 0.5)
