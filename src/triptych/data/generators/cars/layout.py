"""From a car's proportions to the lengths, the outlines and the colours that the tracer reads.

The frame of a layout is that of the world (x forward, y left, z up) with the ground at z = 0; the tracer
moves the car down by half its height, so that its box is centred in the origin.
"""

import colorsys
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from triptych.data.generators.cars.kinds import KINDS, Kind, Proportions, draw_kind, draw_proportions
from triptych.data.generators.cars.surface import DARK_ROOF, PLAIN, RACING_STRIPES, SIDE_STRIPE, TWO_TONE

POINTS_PER_CORNER = 7
PAINT_HUES = (0.0, 0.02, 0.06, 0.10, 0.14, 0.25, 0.40, 0.52, 0.57, 0.61, 0.65, 0.78, 0.92)
"""Hues of car paint. An even draw of hues would look mostly green."""


class CarLengths(NamedTuple):
    """Every number that outlines and tracer read, in world units where it is a length."""

    # Body, as wide as the wheels stand: ``taper`` narrows its ends, ``bow`` rounds them, ``edge`` its edges.
    height: float
    half_length: float
    half_width: float
    taper: float
    bow: float
    edge: float
    sill: float
    shoulder: float
    # Cabin, from the belt to the roof. The belt falls by ``belt_slope`` a unit of length towards the rear.
    belt: float
    belt_slope: float
    cabin_front: float
    cabin_rear: float
    cabin_half_width: float
    tumblehome: float
    roof_front: float
    roof_rear: float
    # Glass. Side windows end at ``glass_rear``; a pillar stands at ``pillar_x`` and at every ``pillar_pitch``
    # from it.
    windshield_top: float
    rear_top: float
    frame: float
    pillar_x: float
    pillar_pitch: float
    pillar_half_width: float
    glass_rear: float
    # Wheels. ``hub`` is a fraction of the wheel's radius, ``hub_shade`` its grey.
    front_axle: float
    rear_axle: float
    wheel: float
    wheel_half_width: float
    hub: float
    hub_shade: float
    arch: float
    # Cargo bed; there is none when its front does not lie before its rear.
    bed_front: float
    bed_rear: float
    bed_floor: float
    # Mirrors, lamps (``lamp_power``: 2 for an ellipse, more for a rounded rectangle), grille.
    mirror_x: float
    mirror_z: float
    mirror_size: float
    bumper_z: float
    nose_z: float
    lamp_power: float
    head_y: float
    head_z: float
    head_half_width: float
    head_half_height: float
    tail_y: float
    tail_z: float
    tail_half_width: float
    tail_half_height: float
    grille_half_width: float
    grille_z: float
    grille_half_height: float
    # Paint. The second paint lies between ``stripe_low`` and ``stripe_high``: heights, or |y| of racing
    # stripes.
    scheme: int
    stripe_low: float
    stripe_high: float
    cladding: bool
    dark_bumpers: bool


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
    lengths = _lengths(KINDS[kind], proportions, random)
    body, cabin = _body_outline(proportions, lengths), _cabin_outline(proportions, lengths)
    return Car(kind, lengths, body, cabin, _paints(random))


def _lengths(kind: Kind, p: Proportions, random: np.random.Generator) -> CarLengths:
    def between(low: float, high: float) -> float:
        return low + (high - low) * random.random()

    unit, height, half_width = p.length, p.length * p.height, p.length * p.width / 2
    half_length = unit / 2
    sill, belt, tail = unit * p.clearance, height * p.belt, height * p.tail
    wheel = unit * p.wheel
    arch = wheel * between(1.14, 1.22)
    nose = max(height * p.nose, 2 * (wheel + arch + 0.02) - belt)  # the hood has to clear the wheels
    bumper = sill + (nose - sill) * between(0.42, 0.52)
    cabin_front, cabin_rear = half_length - unit * p.hood, -half_length + unit * p.deck
    roof_front, roof_rear = cabin_front - unit * p.windshield, cabin_rear + unit * p.rear_window
    roof_edge = height - unit * p.crown
    frame, pitch = between(0.012, 0.018), unit * p.pillar_pitch

    round_lamps = random.random() < 0.35
    head_half_height = height * between(0.055, 0.085)
    head_half_width = 1.1 * head_half_height if round_lamps else half_width * between(0.17, 0.24)
    tail_half_height = height * (between(0.10, 0.125) if kind.tall_lamps else between(0.05, 0.075))
    tail_half_width = half_width * (0.10 if kind.tall_lamps else between(0.17, 0.27))

    cladding = random.random() < kind.cladding
    scheme = _draw_scheme(kind, random)
    if scheme == RACING_STRIPES:
        stripe_low, stripe_high = 0.16 * half_width, 0.46 * half_width
    else:
        stripe_low, stripe_high = (sill + (belt - sill) * part for part in (0.42, 0.66))

    return CarLengths(
        height=height,
        half_length=half_length,
        half_width=half_width,
        taper=half_width * (0.02 if kind.flat_front else between(0.05, 0.11)),
        bow=p.bow,
        edge=unit * p.roundness,
        sill=sill,
        shoulder=sill + (belt - sill) * between(0.5, 0.75),
        belt=belt,
        belt_slope=(belt - max(tail, belt - 0.02)) / (cabin_front - cabin_rear),
        cabin_front=cabin_front,
        cabin_rear=cabin_rear,
        cabin_half_width=half_width * (0.985 if kind.flat_front else between(0.925, 0.955)),
        tumblehome=p.tumblehome,
        roof_front=roof_front,
        roof_rear=roof_rear,
        windshield_top=roof_edge - 1.1 * frame,
        rear_top=roof_edge - unit * p.roof_slope - 1.1 * frame,
        frame=frame,
        pillar_x=roof_front - pitch * between(0.55, 0.70),
        pillar_pitch=pitch,
        pillar_half_width=between(0.006, 0.011),
        glass_rear=roof_front - 0.6 * pitch if random.random() < kind.panelled else -half_length,
        front_axle=half_length - unit * p.front_axle,
        rear_axle=-half_length + unit * p.rear_axle,
        wheel=wheel,
        wheel_half_width=0.36 * wheel,
        hub=between(0.58, 0.70),
        hub_shade=between(0.45, 0.82),
        arch=arch,
        bed_front=cabin_rear - 0.02 if kind.cargo_bed else -half_length,
        bed_rear=-half_length + 0.035,
        bed_floor=sill + 0.4 * (belt - sill) + 0.03,
        mirror_x=cabin_front - (0.035 if kind.flat_front else 0.35 * unit * p.windshield + 0.01),
        mirror_z=belt + (0.06 if kind.flat_front else 0.018),
        mirror_size=between(0.016, 0.022),
        bumper_z=bumper,
        nose_z=nose,
        lamp_power=2.0 if round_lamps else 5.0,
        head_y=0.72 * half_width,
        head_z=sill + 0.45 * (belt - sill) if kind.flat_front else nose - head_half_height - 0.04 * height,
        head_half_width=head_half_width,
        head_half_height=head_half_height,
        tail_y=half_width * (0.84 if kind.tall_lamps else 0.76),
        tail_z=(tail - tail_half_height) * between(0.88, 0.94),
        tail_half_width=tail_half_width,
        tail_half_height=tail_half_height,
        grille_half_width=half_width * between(0.36, 0.48),
        grille_z=(nose + bumper) / 2 - 0.01,
        grille_half_height=0.0 if kind.flat_front else (nose - bumper) * between(0.18, 0.32),
        scheme=scheme,
        stripe_low=stripe_low,
        stripe_high=stripe_high,
        cladding=cladding,
        dark_bumpers=cladding or random.random() < 0.35,
    )


def _draw_scheme(kind: Kind, random: np.random.Generator) -> int:
    draw = random.random()
    if kind.flat_front:
        return (PLAIN, SIDE_STRIPE, TWO_TONE, DARK_ROOF)[int(draw * 4)]
    schemes = (PLAIN, TWO_TONE, DARK_ROOF, RACING_STRIPES, SIDE_STRIPE)
    return schemes[int(np.searchsorted([0.5, 0.62, 0.78, 0.9], draw))]


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
