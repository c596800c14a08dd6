"""How much longer one method takes than another for the same quality, read off their curves."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2

from triptych.experiments.curves import Curve

CONVERGED = 0.1
"""A curve has converged when the last doubling of its steps has gained less than this, in dB."""
_BELOW = (1.5, 1.0)
"""Levels of quality that are compared, in dB below RGB tri-planes at convergence."""


@dataclass(frozen=True)
class Race:
    """The time that two methods take to one PSNR.

    Attributes:
        level: what the PSNR is, in words.
        psnr: in dB.
        ours: seconds per scene of latent scenes; None where they do not reach it, or are better at their first budget.
        rgb: the same of RGB tri-planes.
    """

    level: str
    psnr: float
    ours: float | None
    rgb: float | None

    @property
    def ratio(self) -> float | None:
        """Seconds of RGB tri-planes over ours, where both are known."""
        return None if self.ours is None or self.rgb is None else self.rgb / self.ours

    def as_json(self) -> dict[str, str | float | None]:
        """Everything by name."""
        return {
            "level": self.level,
            "psnr": self.psnr,
            "seconds_ours": self.ours,
            "seconds_rgb": self.rgb,
            "ratio": self.ratio,
        }


def races(ours: Curve, rgb: Curve) -> list[Race]:
    """Both methods at several levels: below the best of RGB tri-planes, and at each of our budgets."""
    return [Race(*level, *(curve.seconds_to_reach(level[1]) for curve in (ours, rgb))) for level in _levels(ours, rgb)]


def _levels(ours: Curve, rgb: Curve) -> Iterator[tuple[str, float]]:
    converged = rgb.best().measured.psnr
    yield from ((f"RGB tri-planes at convergence - {below:g} dB", converged - below) for below in _BELOW)
    for point in ours.points:
        yield f"ours, budget {point.settings['budget']:g}", point.measured.psnr


def gain_of_last_doubling(curve: Curve) -> float | None:
    """What the last doubling of a curve's steps has gained, in dB, from its last two budgets; None of one budget."""
    if len(curve.points) < 2:
        return None
    one, other = curve.points[-2:]
    doublings = log2(other.settings["steps"] / one.settings["steps"])
    return (other.measured.psnr - one.measured.psnr) / doublings


def has_converged(curve: Curve) -> bool:
    """Whether further steps would gain next to nothing."""
    gain = gain_of_last_doubling(curve)
    return gain is not None and gain < CONVERGED
