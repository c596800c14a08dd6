"""One car, ready to be drawn: its lengths, its outlines seen from the side, its paints.

Its axes are those of the world (x forward, y left, z up) with the ground at z = 0; the tracer moves the car down by
half its height, so that its box is centered on the origin.
"""

import colorsys
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from triptych.data.generators.cars.details import draw_details
from triptych.data.generators.cars.kinds import KINDS, Proportions, draw_kind, draw_proportions
from triptych.data.generators.cars.lengths import CarLengths, car_lengths

POINTS_PER_CORNER = 7
PAINT_HUES = (0.0, 0.02, 0.06, 0.10, 0.14, 0.25, 0.40, 0.52, 0.57, 0.61, 0.65, 0.78, 0.92)
"""Hues of car paint. An even draw of hues would look mostly green."""


@dataclass(frozen=True)
class Car:
    """One car, ready to be drawn.

    Attributes:
        kind: its name in ``KINDS``.
        lengths: every number that the tracer reads.
        body, cabin: their outlines seen from the side, as closed polygons in x and z.
        paints: red, green and blue in [0, 1] of the first and the second paint.
    """

    kind: str
    lengths: CarLengths
    body: Float[np.ndarray, "point 2"]
    cabin: Float[np.ndarray, "corner 2"]
    paints: Float[np.ndarray, "2 3"]


def draw_car(index: int, seed: int) -> Car:
    """Draw car number ``index`` of the series ``seed``; the same numbers always give the same car."""
    random = np.random.default_rng([seed, index])
    kind = draw_kind(random)
    proportions = draw_proportions(kind, random)
    lengths = car_lengths(KINDS[kind], proportions, draw_details(KINDS[kind], random))
    body, cabin = _body_outline(proportions, lengths), _cabin_outline(proportions, lengths)
    return Car(kind, lengths, body, cabin, _paints(random))


def _body_outline(p: Proportions, car: CarLengths) -> Float[np.ndarray, "point 2"]:
    front, rear, sill = car.half_length, -car.half_length, car.sill
    belt_rear = car.belt + car.belt_slope * (car.cabin_rear - car.cabin_front)
    tail = car.height * p.tail
    hood_run = front - car.cabin_front
    lean = min(0.035, 0.2 * hood_run + 0.004)
    corners = [
        (front - 0.05, sill, 0.02),
        (front - 0.006, sill + 0.025, 0.03),
        (front, car.bumper_z, 0.03),
        (front - lean, car.nose_z, 0.05),
        (front - 0.5 * hood_run, car.nose_z + 0.66 * (car.belt - car.nose_z), 0.08),
        (car.cabin_front - 0.01, car.belt, 0.03),
        (car.cabin_rear + 0.01, belt_rear, 0.03),
        (rear + min(0.02, 0.3 * p.deck * p.length + 0.004), tail, 0.03),
        (rear, car.bumper_z, 0.03),
        (rear + 0.008, sill + 0.03, 0.03),
        (rear + 0.05, sill, 0.02),
    ]
    return rounded_polygon(corners)


def _cabin_outline(p: Proportions, car: CarLengths) -> Float[np.ndarray, "point 2"]:
    depth = 0.035  # the cabin reaches below the belt, so that its lower edge is never seen
    rise = car.height - car.belt
    belt_rear = car.belt + car.belt_slope * (car.cabin_rear - car.cabin_front)
    front_run, roof_front, roof_rear = p.length * p.windshield, car.roof_front, car.roof_rear
    slope, crown = p.length * p.roof_slope, p.length * p.crown
    corner = min(0.11, 0.30 * (roof_front - roof_rear))
    corners = [
        (car.cabin_front + front_run * depth / rise, car.belt - depth, 0.0),
        (roof_front, car.height - crown, 0.5 * corner),
        (roof_front - 0.4 * (roof_front - roof_rear), car.height, corner),
        (roof_rear, car.height - crown - slope, 0.5 * corner),
        (car.cabin_rear + 0.004, belt_rear - depth, 0.0),
    ]
    return rounded_polygon(corners)


def rounded_polygon(corners: list[tuple[float, float, float]]) -> Float[np.ndarray, "point 2"]:
    """Replace every corner (x, z, cut) of a polygon by a quadratic Bezier curve.

    The curve leaves the edges at the distance ``cut`` from the corner, or 0.48 of an edge if that is less.
    """
    points = []
    t = np.linspace(0, 1, POINTS_PER_CORNER)[:, None]
    for i, (x, z, cut) in enumerate(corners):
        corner = np.array([x, z])
        before, after = (np.array(corners[j % len(corners)][:2]) - corner for j in (i - 1, i + 1))
        ends = [edge * min(cut / np.linalg.norm(edge), 0.48) for edge in (before, after)]
        points.append(corner + (1 - t) ** 2 * ends[0] + t**2 * ends[1])
    return np.concatenate(points)


def _paints(random: np.random.Generator) -> Float[np.ndarray, "2 3"]:
    hue = PAINT_HUES[int(random.random() * len(PAINT_HUES))] + 0.04 * (random.random() - 0.5)
    lightness = random.random()
    if random.random() < 0.3:
        first = np.full(3, (0.16, 0.4, 0.62, 0.88)[int(4 * lightness)]) + 0.06 * (random.random() - 0.5)
    else:
        first = np.array(colorsys.hsv_to_rgb(hue % 1, 0.55 + 0.4 * random.random(), 0.4 + 0.5 * lightness))
    shade = (0.14, 0.92)[int(first.mean() < 0.55)]
    second = np.full(3, shade)
    if random.random() < 0.4:
        second = np.array(colorsys.hsv_to_rgb(random.random(), 0.6, 0.85 if shade > 0.5 else 0.3))
    return np.stack([first, second])
