"""What is drawn by lot of a car besides its proportions: its smaller parts, and where its paint lies."""

from dataclasses import dataclass

import numpy as np

from triptych.data.generators.cars.kinds import Kind
from triptych.data.generators.cars.surface import DARK_ROOF, PLAIN, RACING_STRIPES, SIDE_STRIPE, TWO_TONE


@dataclass(frozen=True)
class Details:
    """Fractions of the length named in each comment, where not said otherwise."""

    arch: float  # of the wheel's radius
    bumper: float  # of the way from the sill to the nose
    frame: float  # a length, in world units
    round_lamps: bool
    head_half_height: float  # of the car's height
    head_half_width: float  # of the car's half width; round lamps follow from their height instead
    tail_half_height: float  # of the car's height
    tail_half_width: float  # of the car's half width
    cladding: bool
    scheme: int
    taper: float  # of the car's half width
    shoulder: float  # of the way from the sill to the belt
    cabin: float  # of the car's half width
    first_pillar: float  # of the distance between two pillars
    pillar_half_width: float  # a length, in world units
    paneled: bool
    hub: float  # of the wheel's radius
    hub_shade: float  # a shade of gray
    mirror: float  # a length, in world units
    tail_lamp: float  # of the height at which the lamp would touch the deck
    grille_half_width: float  # of the car's half width
    grille_half_height: float  # of the way from the bumper to the nose
    dark_bumpers: bool


def draw_details(kind: Kind, random: np.random.Generator) -> Details:
    """Draw the details of a car of this kind, in the order of their fields; the order decides what comes out."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * random.random()

    return Details(
        arch=between(1.14, 1.22),
        bumper=between(0.42, 0.52),
        frame=between(0.012, 0.018),
        round_lamps=(round_lamps := random.random() < 0.35),
        head_half_height=between(0.055, 0.085),
        head_half_width=0.0 if round_lamps else between(0.17, 0.24),
        tail_half_height=between(0.10, 0.125) if kind.tall_lamps else between(0.05, 0.075),
        tail_half_width=0.10 if kind.tall_lamps else between(0.17, 0.27),
        cladding=(cladding := random.random() < kind.cladding),
        scheme=_draw_scheme(kind, random),
        taper=0.02 if kind.flat_front else between(0.05, 0.11),
        shoulder=between(0.5, 0.75),
        cabin=0.985 if kind.flat_front else between(0.925, 0.955),
        first_pillar=between(0.55, 0.70),
        pillar_half_width=between(0.006, 0.011),
        paneled=random.random() < kind.paneled,
        hub=between(0.58, 0.70),
        hub_shade=between(0.45, 0.82),
        mirror=between(0.016, 0.022),
        tail_lamp=between(0.88, 0.94),
        grille_half_width=between(0.36, 0.48),
        grille_half_height=0.0 if kind.flat_front else between(0.18, 0.32),
        dark_bumpers=cladding or random.random() < 0.35,
    )


def _draw_scheme(kind: Kind, random: np.random.Generator) -> int:
    draw = random.random()
    if kind.flat_front:
        return (PLAIN, SIDE_STRIPE, TWO_TONE, DARK_ROOF)[int(draw * 4)]
    schemes = (PLAIN, TWO_TONE, DARK_ROOF, RACING_STRIPES, SIDE_STRIPE)
    return schemes[int(np.searchsorted([0.5, 0.62, 0.78, 0.9], draw))]
