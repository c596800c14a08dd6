"""The kinds of cars: for each, the range that every proportion is drawn from.

Nothing here is a picture yet: a car is first drawn by lot as ``Proportions`` (this module) and ``details``, then laid
out as the lengths that the tracer reads (``lengths``).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Proportions:
    """What tells one car from another. Lengths are fractions of the car's length where not said otherwise."""

    length: float
    """Bumper to bumper, in world units."""
    width: float
    """Outer width without the mirrors."""
    height: float
    """Ground to roof."""
    clearance: float
    """Ground to the lower edge of the doors."""
    nose: float
    """Height of the front edge of the hood, as a fraction of the car's height."""
    belt: float
    """Height of the lower edge of the windows at the windshield, as a fraction of the car's height."""
    tail: float
    """Height of the rear deck, as a fraction of the car's height."""
    hood: float
    """Front bumper to the foot of the windshield."""
    windshield: float
    """Horizontal run of the windshield."""
    rear_window: float
    """Horizontal run of the rear window."""
    deck: float
    """Foot of the rear window to the rear bumper: trunk or cargo bed."""
    roof_slope: float
    """How much lower the roof ends than it begins."""
    crown: float
    """Rise of the roof's middle above a straight line."""
    front_axle: float
    """Front bumper to front axle."""
    rear_axle: float
    """Rear bumper to rear axle."""
    wheel: float
    """Radius of the wheels."""
    tumblehome: float
    """Inward lean of the side windows, as a slope."""
    bow: float
    """How round the front and the rear are seen from above."""
    roundness: float
    """Radius of the body's edges."""
    pillar_pitch: float
    """Distance between two pillars of the side windows."""


@dataclass(frozen=True)
class Kind:
    """A kind of car.

    Attributes:
        share: how often it is drawn, relative to the other kinds.
        ranges: lowest and highest value of every proportion.
        cargo_bed: whether the deck is an open bed.
        cladding: probability of unpainted sills and wheel arches.
        paneled: probability of blind sides behind the front doors.
        tall_lamps: whether the tail lights stand upright.
        flat_front: whether it is one box as a bus is: low lamps, hanging mirrors, no grille.
    """

    share: float
    ranges: dict[str, tuple[float, float]]
    cargo_bed: bool = False
    cladding: float = 0.0
    paneled: float = 0.0
    tall_lamps: bool = False
    flat_front: bool = False


_SEDAN = {
    "length": (0.96, 1.03),
    "width": (0.375, 0.405),
    "height": (0.295, 0.325),
    "clearance": (0.042, 0.054),
    "nose": (0.47, 0.54),
    "belt": (0.62, 0.67),
    "tail": (0.62, 0.68),
    "hood": (0.235, 0.29),
    "windshield": (0.13, 0.18),
    "rear_window": (0.10, 0.17),
    "deck": (0.09, 0.15),
    "roof_slope": (0.0, 0.015),
    "crown": (0.006, 0.014),
    "front_axle": (0.17, 0.20),
    "rear_axle": (0.19, 0.22),
    "wheel": (0.066, 0.074),
    "tumblehome": (0.28, 0.42),
    "bow": (0.8, 1.8),
    "roundness": (0.03, 0.06),
    "pillar_pitch": (0.18, 0.22),
}
_COUPE = _SEDAN | {
    "length": (0.92, 0.98),
    "width": (0.40, 0.43),
    "height": (0.265, 0.295),
    "clearance": (0.035, 0.045),
    "nose": (0.46, 0.54),
    "belt": (0.64, 0.69),
    "tail": (0.64, 0.70),
    "hood": (0.29, 0.36),
    "windshield": (0.15, 0.20),
    "rear_window": (0.16, 0.26),
    "deck": (0.05, 0.11),
    "wheel": (0.065, 0.072),
    "tumblehome": (0.38, 0.52),
    "bow": (1.4, 2.6),
    "roundness": (0.045, 0.075),
    "pillar_pitch": (0.24, 0.30),
}
_WAGON = _SEDAN | {
    "height": (0.305, 0.33),
    "rear_window": (0.04, 0.09),
    "deck": (0.012, 0.025),
    "roof_slope": (0.005, 0.02),
    "tail": (0.62, 0.67),
}
_HATCHBACK = _SEDAN | {
    "length": (0.82, 0.92),
    "width": (0.41, 0.45),
    "height": (0.345, 0.395),
    "clearance": (0.045, 0.06),
    "nose": (0.48, 0.56),
    "belt": (0.60, 0.66),
    "tail": (0.58, 0.66),
    "hood": (0.19, 0.26),
    "windshield": (0.13, 0.19),
    "rear_window": (0.05, 0.16),
    "deck": (0.012, 0.035),
    "roof_slope": (0.0, 0.03),
    "crown": (0.008, 0.018),
    "front_axle": (0.165, 0.195),
    "rear_axle": (0.14, 0.175),
    "wheel": (0.073, 0.082),
    "bow": (1.0, 2.2),
    "roundness": (0.04, 0.075),
    "pillar_pitch": (0.21, 0.27),
}
_SUV = _SEDAN | {
    "length": (0.92, 1.0),
    "width": (0.40, 0.43),
    "height": (0.365, 0.41),
    "clearance": (0.065, 0.09),
    "nose": (0.54, 0.62),
    "belt": (0.62, 0.67),
    "tail": (0.60, 0.66),
    "hood": (0.22, 0.28),
    "windshield": (0.08, 0.13),
    "rear_window": (0.02, 0.07),
    "deck": (0.012, 0.025),
    "front_axle": (0.175, 0.195),
    "rear_axle": (0.17, 0.20),
    "wheel": (0.082, 0.094),
    "tumblehome": (0.16, 0.28),
    "bow": (0.6, 1.4),
    "roundness": (0.025, 0.05),
    "pillar_pitch": (0.20, 0.24),
}
_VAN = _SEDAN | {
    "length": (0.96, 1.04),
    "width": (0.385, 0.42),
    "height": (0.39, 0.44),
    "clearance": (0.05, 0.065),
    "nose": (0.38, 0.46),
    "belt": (0.52, 0.58),
    "tail": (0.54, 0.60),
    "hood": (0.10, 0.17),
    "windshield": (0.10, 0.17),
    "rear_window": (0.012, 0.045),
    "deck": (0.008, 0.018),
    "roof_slope": (0.0, 0.01),
    "crown": (0.004, 0.012),
    "front_axle": (0.16, 0.19),
    "rear_axle": (0.19, 0.23),
    "wheel": (0.066, 0.075),
    "tumblehome": (0.12, 0.22),
    "bow": (0.7, 1.5),
    "roundness": (0.03, 0.055),
    "pillar_pitch": (0.21, 0.26),
}
_PICKUP = _SUV | {
    "length": (0.99, 1.05),
    "width": (0.37, 0.395),
    "height": (0.33, 0.365),
    "nose": (0.54, 0.60),
    "belt": (0.62, 0.66),
    "tail": (0.60, 0.65),
    "hood": (0.21, 0.26),
    "windshield": (0.08, 0.12),
    "rear_window": (0.012, 0.03),
    "deck": (0.28, 0.40),
    "rear_axle": (0.20, 0.24),
    "wheel": (0.078, 0.088),
    "bow": (0.4, 1.0),
    "pillar_pitch": (0.15, 0.19),
}
_BUS = _SEDAN | {
    "length": (1.0, 1.05),
    "width": (0.24, 0.29),
    "height": (0.285, 0.345),
    "clearance": (0.035, 0.045),
    "nose": (0.36, 0.42),
    "belt": (0.42, 0.48),
    "tail": (0.42, 0.48),
    "hood": (0.004, 0.012),
    "windshield": (0.012, 0.04),
    "rear_window": (0.004, 0.012),
    "deck": (0.004, 0.008),
    "roof_slope": (0.0, 0.004),
    "crown": (0.0, 0.006),
    "front_axle": (0.15, 0.21),
    "rear_axle": (0.22, 0.28),
    "wheel": (0.048, 0.056),
    "tumblehome": (0.02, 0.08),
    "bow": (0.3, 1.0),
    "roundness": (0.02, 0.035),
    "pillar_pitch": (0.11, 0.15),
}

KINDS = {
    "sedan": Kind(0.18, _SEDAN),
    "coupe": Kind(0.11, _COUPE),
    "wagon": Kind(0.09, _WAGON, cladding=0.15),
    "hatchback": Kind(0.18, _HATCHBACK, cladding=0.15),
    "suv": Kind(0.16, _SUV, cladding=0.7),
    "van": Kind(0.10, _VAN, paneled=0.4, cladding=0.2, tall_lamps=True),
    "pickup": Kind(0.10, _PICKUP, cargo_bed=True, cladding=0.5, tall_lamps=True),
    "bus": Kind(0.08, _BUS, tall_lamps=True, flat_front=True),
}
"""Every kind of car by its name."""


def draw_kind(random: np.random.Generator) -> str:
    """Draw the name of a kind, each as often as its share says."""
    shares = np.cumsum([kind.share for kind in KINDS.values()])
    return list(KINDS)[int(np.searchsorted(shares / shares[-1], random.random()))]


def draw_proportions(kind: str, random: np.random.Generator) -> Proportions:
    """Draw every proportion of a car of this kind, uniformly in its range."""
    values = {name: low + (high - low) * random.random() for name, (low, high) in KINDS[kind].ranges.items()}
    return Proportions(**values)
