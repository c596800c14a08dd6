"""Which way each object faces: all are turned about the vertical axis until their hulls agree with the mean of all.

A hull in cylindrical coordinates is turned by rolling it along the angle, and one Fourier transform tells its agreement
with another for all angles at once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.data.evenly import evenly
from triptych.data.photos.placing import CUBE

ANGLES = 144
_RADII = 24
_ROUNDS = 20
_SEEDS = 8
_APART = 45.0
"""Degrees from which on a turn counts as another one."""
CLEAR = 0.02
"""By so much the agreement of a turn must exceed that of all others for it to be sure."""

Polar = Float[Tensor, "z radius angle"]


@dataclass(frozen=True)
class Front:
    """How an object is turned.

    Attributes:
        degrees: counterclockwise as seen from above.
        agreement: with the mean of the others: 1 if they are alike, 0 if they have nothing in common (Dice's).
        rival: the other turn that agrees most, in degrees from this one.
        rival_agreement: how much it does.
    """

    degrees: float
    agreement: float
    rival: float
    rival_agreement: float

    @property
    def is_clear(self) -> bool:
        """Whether no other turn agrees about as much."""
        return self.agreement - self.rival_agreement >= CLEAR


def cylindrical(hull: Bool[Tensor, "z y x"]) -> Polar:
    """A hull over height, distance from the vertical axis and angle; products of two sum up to shared volumes."""
    side = hull.shape[0]
    angle = (torch.arange(ANGLES, dtype=torch.float64) + 0.5) * (2 * math.pi / ANGLES)
    radius = (torch.arange(_RADII, dtype=torch.float64) + 0.5) * (CUBE / 2 / _RADII)
    cells = (torch.stack([radius[:, None] * angle.cos(), radius[:, None] * angle.sin()]) / CUBE + 0.5) * side
    column, row = cells.floor().long().clamp(0, side - 1)
    return hull[:, row, column].double() * radius[:, None].sqrt()


def find_fronts(polars: Sequence[Polar], known: Mapping[int, float]) -> list[Front]:
    """The turn of every object.

    Args:
        polars: their hulls.
        known: turns in degrees that stay, by the number of their object. Where there are none, the longer
            horizontal side of the mean lies along x, and its higher end at the back: toward -x.
    """
    stacked = torch.stack(list(polars))
    shifts = {number: round(degrees * ANGLES / 360) for number, degrees in known.items()}
    chosen = _settled(stacked, shifts) if shifts else _best_of_seeds(stacked)
    turned = 0.0 if shifts else _own_turn(_rolled(stacked, chosen).mean(dim=0))
    return [_front(stacked, chosen, number, known.get(number), turned) for number in range(len(stacked))]


def _best_of_seeds(polars: Float[Tensor, "object z radius angle"]) -> Int[Tensor, " object"]:
    """Turns that agree with each other, whichever object they are first compared with."""
    candidates = []
    for seed in evenly(range(len(polars)), _SEEDS):
        shifts = torch.stack([_agreements(polar, polars[seed]).argmax() for polar in polars])
        shifts = _refined(polars, shifts, movable=range(len(polars)))
        rolled = _rolled(polars, shifts)
        candidates.append((float((rolled.mean(dim=0) ** 2).sum()), shifts))
    return max(candidates, key=lambda candidate: candidate[0])[1]


def _settled(polars: Float[Tensor, "object z radius angle"], known: Mapping[int, int]) -> Int[Tensor, " object"]:
    """Turns that agree with those that are known."""
    shifts = torch.zeros(len(polars), dtype=torch.long)
    for number, shift in known.items():
        shifts[number] = shift % ANGLES
    fixed = sorted(known)
    mean = _rolled(polars[fixed], shifts[fixed]).mean(dim=0)
    others = [number for number in range(len(polars)) if number not in known]
    for number in others:
        shifts[number] = _agreements(polars[number], mean).argmax()
    return _refined(polars, shifts, others)


def _refined(
    polars: Float[Tensor, "object z radius angle"], shifts: Int[Tensor, " object"], movable: Sequence[int]
) -> Int[Tensor, " object"]:
    """Turns of which each agrees most with the mean of the others."""
    shifts = shifts.clone()
    total = _rolled(polars, shifts).sum(dim=0)
    for _ in range(_ROUNDS if len(polars) > 1 else 0):
        before = shifts.clone()
        for number in movable:
            total = total - polars[number].roll(int(shifts[number]), -1)
            shifts[number] = _agreements(polars[number], total / (len(polars) - 1)).argmax()
            total = total + polars[number].roll(int(shifts[number]), -1)
        if torch.equal(before, shifts):
            break
    return shifts


def _rolled(
    polars: Float[Tensor, "object z radius angle"], shifts: Int[Tensor, " object"]
) -> Float[Tensor, "object z radius angle"]:
    return torch.stack([polar.roll(int(shift), -1) for polar, shift in zip(polars, shifts, strict=True)])


def _agreements(polar: Polar, mean: Polar) -> Float[Tensor, " angle"]:
    """Dice's coefficient of a hull that is turned by each angle with another one."""
    spectrum = torch.fft.rfft(polar).conj() * torch.fft.rfft(mean)
    shared = torch.fft.irfft(spectrum.sum(dim=(0, 1)), n=ANGLES)
    return 2 * shared / ((polar**2).sum() + (mean**2).sum()).clamp_min(1e-12)


def _own_turn(mean: Polar) -> float:
    """By how many degrees to turn the mean of all."""
    angle = (torch.arange(ANGLES, dtype=torch.float64) + 0.5) * (2 * math.pi / ANGLES)
    radius = (torch.arange(_RADII, dtype=torch.float64) + 0.5)[:, None]
    solid = mean * radius.sqrt()  # back to volumes
    around = (solid * radius**2).sum(dim=(0, 1))
    long_side = 0.5 * math.atan2(float((around * (2 * angle).sin()).sum()), float((around * (2 * angle).cos()).sum()))
    height = torch.linspace(-0.5, 0.5, len(mean), dtype=torch.float64)[:, None, None]
    height = height - (solid * height).sum() / solid.sum().clamp_min(1e-12)
    is_higher_ahead = float((solid * height * radius * (angle - long_side).cos()).sum()) > 0
    return -math.degrees(long_side) + (180.0 if is_higher_ahead else 0.0)


def _front(
    polars: Float[Tensor, "object z radius angle"],
    shifts: Int[Tensor, " object"],
    number: int,
    known: float | None,
    turned: float,
) -> Front:
    others = [other for other in range(len(polars)) if other != number] or [number]
    agreements = _agreements(polars[number], _rolled(polars[others], shifts[others]).mean(dim=0))
    best = int(shifts[number])
    steps = (torch.arange(ANGLES) - best + ANGLES // 2) % ANGLES - ANGLES // 2
    rivals = torch.where(steps.abs() * (360 / ANGLES) >= _APART, agreements, -torch.inf)
    rival = int(rivals.argmax())
    degrees = (best + _peak(agreements, best)) * 360 / ANGLES + turned if known is None else known
    return Front(degrees % 360, float(agreements[best]), float(steps[rival]) * 360 / ANGLES, float(rivals[rival]))


def _peak(values: Float[Tensor, " angle"], place: int) -> float:
    """Where around a place the parabola through three values is highest, in steps."""
    left, middle, right = (float(values[(place + step) % ANGLES]) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    return max(-0.5, min(0.5, 0.5 * (left - right) / bend)) if bend < 0 else 0.0
