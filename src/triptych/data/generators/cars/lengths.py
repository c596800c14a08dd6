"""The lengths of a car: every number that its outlines, its shape and its surface are made of."""

from typing import Any, NamedTuple

from triptych.data.generators.cars.details import Details
from triptych.data.generators.cars.kinds import Kind, Proportions
from triptych.data.generators.cars.surface import RACING_STRIPES


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
    # Cabin, from the belt to the roof. The belt falls by ``belt_slope`` per unit of length toward the rear.
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
    # Wheels. ``hub`` is a fraction of the wheel's radius, ``hub_shade`` its shade of gray.
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


class _Frame(NamedTuple):
    """What the other lengths are measured from, in world units."""

    unit: float
    height: float
    half_length: float
    half_width: float
    sill: float
    belt: float
    tail: float
    wheel: float
    arch: float
    nose: float
    bumper: float
    cabin_front: float
    cabin_rear: float
    roof_front: float
    roof_rear: float


def car_lengths(kind: Kind, p: Proportions, details: Details) -> CarLengths:
    """The lengths of a car of this kind with these proportions and details."""
    frame = _frame(p, details)
    return CarLengths(
        **_body(p, details, frame),
        **_cabin(p, details, frame),
        **_glass(p, details, frame),
        **_wheels(p, details, frame),
        **_bed_and_mirrors(kind, p, details, frame),
        **_front_and_rear(kind, details, frame),
        **_paint(details, frame),
    )


def _frame(p: Proportions, details: Details) -> _Frame:
    unit, height = p.length, p.length * p.height
    half_length, half_width = unit / 2, p.length * p.width / 2
    sill, belt, tail = unit * p.clearance, height * p.belt, height * p.tail
    wheel = unit * p.wheel
    arch = wheel * details.arch
    nose = max(height * p.nose, 2 * (wheel + arch + 0.02) - belt)  # the hood has to clear the wheels
    bumper = sill + (nose - sill) * details.bumper
    cabin_front, cabin_rear = half_length - unit * p.hood, -half_length + unit * p.deck
    roof_front, roof_rear = cabin_front - unit * p.windshield, cabin_rear + unit * p.rear_window
    return _Frame(
        unit, height, half_length, half_width, sill, belt, tail, wheel, arch, nose, bumper,
        cabin_front, cabin_rear, roof_front, roof_rear,
    )  # fmt: skip


def _body(p: Proportions, details: Details, frame: _Frame) -> dict[str, Any]:
    return {
        "height": frame.height,
        "half_length": frame.half_length,
        "half_width": frame.half_width,
        "taper": frame.half_width * details.taper,
        "bow": p.bow,
        "edge": frame.unit * p.roundness,
        "sill": frame.sill,
        "shoulder": frame.sill + (frame.belt - frame.sill) * details.shoulder,
    }


def _cabin(p: Proportions, details: Details, frame: _Frame) -> dict[str, Any]:
    drop = frame.belt - max(frame.tail, frame.belt - 0.02)
    return {
        "belt": frame.belt,
        "belt_slope": drop / (frame.cabin_front - frame.cabin_rear),
        "cabin_front": frame.cabin_front,
        "cabin_rear": frame.cabin_rear,
        "cabin_half_width": frame.half_width * details.cabin,
        "tumblehome": p.tumblehome,
        "roof_front": frame.roof_front,
        "roof_rear": frame.roof_rear,
    }


def _glass(p: Proportions, details: Details, frame: _Frame) -> dict[str, Any]:
    roof_edge, pitch = frame.height - frame.unit * p.crown, frame.unit * p.pillar_pitch
    return {
        "windshield_top": roof_edge - 1.1 * details.frame,
        "rear_top": roof_edge - frame.unit * p.roof_slope - 1.1 * details.frame,
        "frame": details.frame,
        "pillar_x": frame.roof_front - pitch * details.first_pillar,
        "pillar_pitch": pitch,
        "pillar_half_width": details.pillar_half_width,
        "glass_rear": frame.roof_front - 0.6 * pitch if details.paneled else -frame.half_length,
    }


def _wheels(p: Proportions, details: Details, frame: _Frame) -> dict[str, Any]:
    return {
        "front_axle": frame.half_length - frame.unit * p.front_axle,
        "rear_axle": -frame.half_length + frame.unit * p.rear_axle,
        "wheel": frame.wheel,
        "wheel_half_width": 0.36 * frame.wheel,
        "hub": details.hub,
        "hub_shade": details.hub_shade,
        "arch": frame.arch,
    }


def _bed_and_mirrors(kind: Kind, p: Proportions, details: Details, frame: _Frame) -> dict[str, Any]:
    behind = 0.035 if kind.flat_front else 0.35 * frame.unit * p.windshield + 0.01
    return {
        "bed_front": frame.cabin_rear - 0.02 if kind.cargo_bed else -frame.half_length,
        "bed_rear": -frame.half_length + 0.035,
        "bed_floor": frame.sill + 0.4 * (frame.belt - frame.sill) + 0.03,
        "mirror_x": frame.cabin_front - behind,
        "mirror_z": frame.belt + (0.06 if kind.flat_front else 0.018),
        "mirror_size": details.mirror,
    }


def _front_and_rear(kind: Kind, details: Details, frame: _Frame) -> dict[str, Any]:
    head_half_height = frame.height * details.head_half_height
    tail_half_height = frame.height * details.tail_half_height
    head_half_width = 1.1 * head_half_height if details.round_lamps else frame.half_width * details.head_half_width
    low_head = frame.sill + 0.45 * (frame.belt - frame.sill)
    return {
        "bumper_z": frame.bumper,
        "nose_z": frame.nose,
        "lamp_power": 2.0 if details.round_lamps else 5.0,
        "head_y": 0.72 * frame.half_width,
        "head_z": low_head if kind.flat_front else frame.nose - head_half_height - 0.04 * frame.height,
        "head_half_width": head_half_width,
        "head_half_height": head_half_height,
        "tail_y": frame.half_width * (0.84 if kind.tall_lamps else 0.76),
        "tail_z": (frame.tail - tail_half_height) * details.tail_lamp,
        "tail_half_width": frame.half_width * details.tail_half_width,
        "tail_half_height": tail_half_height,
        "grille_half_width": frame.half_width * details.grille_half_width,
        "grille_z": (frame.nose + frame.bumper) / 2 - 0.01,
        "grille_half_height": (frame.nose - frame.bumper) * details.grille_half_height,
    }


def _paint(details: Details, frame: _Frame) -> dict[str, Any]:
    if details.scheme == RACING_STRIPES:
        low, high = 0.16 * frame.half_width, 0.46 * frame.half_width
    else:
        low, high = (frame.sill + (frame.belt - frame.sill) * part for part in (0.42, 0.66))
    return {
        "scheme": details.scheme,
        "stripe_low": low,
        "stripe_high": high,
        "cladding": details.cladding,
        "dark_bumpers": details.dark_bumpers,
    }
