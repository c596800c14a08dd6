"""Which way each object faces: all are turned about the vertical axis until their hulls agree with the mean of all.

A hull in cylindrical coordinates is turned by rolling it along the angle, and one Fourier transform tells its agreement
with another for all angles at once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from triptych.data.evenly import evenly
from triptych.data.photos.placing import CUBE

ANGLES = 144
_LAYERS, _RADII = 32, 24
_ROUNDS = 20
_SEEDS = 8
_APART = 45.0
"""Degrees from which on a turn counts as another one."""
CLEAR = 0.02
"""By so much the agreement of a turn must exceed that of all others for it to be sure."""

Polar = Float[Tensor, "layer radius angle"]
Spectrum = Complex[Tensor, "row frequency"]
"""Fourier transforms along the angle, of all heights and distances."""


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
    radius = _radii()[:, None]
    cells = (torch.stack([radius * _angles().cos(), radius * _angles().sin()]) / CUBE + 0.5) * side
    column, row = cells.floor().long().clamp(0, side - 1)
    layers = hull.float().unflatten(0, (_LAYERS, -1)).mean(dim=1)
    return layers[:, row, column] * radius.sqrt()


def _angles() -> Float[Tensor, " angle"]:
    return (torch.arange(ANGLES) + 0.5) * (2 * math.pi / ANGLES)


def _radii() -> Float[Tensor, " radius"]:
    return (torch.arange(_RADII) + 0.5) * (CUBE / 2 / _RADII)


def find_fronts(polars: Sequence[Polar], known: Mapping[int, float]) -> list[Front]:
    """The turn of every object.

    Args:
        polars: their hulls.
        known: turns in degrees that stay, by the number of their object. Where there are none, the longer
            horizontal side of the mean lies along x, and its higher end at the back: toward -x.
    """
    spectra = [torch.fft.rfft(polar).flatten(0, 1) for polar in polars]
    shifts = {number: round(degrees * ANGLES / 360) % ANGLES for number, degrees in known.items()}
    chosen = _settled(spectra, shifts) if shifts else _best_of_seeds(spectra)
    total = _total(spectra, chosen)
    turned = 0.0 if shifts else _own_turn(total)
    fronts = []
    for number, (spectrum, shift) in enumerate(zip(spectra, chosen, strict=True)):
        others = total if len(spectra) == 1 else (total - _rolled(spectrum, shift)) / (len(spectra) - 1)
        front = _front(_agreements(spectrum, others), shift, turned)
        fronts.append(replace(front, degrees=known.get(number, front.degrees)))
    return fronts


def _best_of_seeds(spectra: Sequence[Spectrum]) -> list[int]:
    """Turns that agree with each other, whichever object they are first compared with."""
    candidates = []
    for seed in evenly(spectra, _SEEDS):
        first = [int(_agreements(spectrum, seed).argmax()) for spectrum in spectra]
        shifts = _refined(spectra, first, movable=range(len(spectra)))
        candidates.append((_power(_total(spectra, shifts)), shifts))
    return max(candidates, key=lambda candidate: candidate[0])[1]


def _settled(spectra: Sequence[Spectrum], known: Mapping[int, int]) -> list[int]:
    """Turns that agree with those that are known."""
    mean = _total([spectra[number] for number in known], list(known.values())) / len(known)
    shifts = [known.get(number, int(_agreements(each, mean).argmax())) for number, each in enumerate(spectra)]
    return _refined(spectra, shifts, [number for number in range(len(spectra)) if number not in known])


def _refined(spectra: Sequence[Spectrum], first: Sequence[int], movable: Sequence[int]) -> list[int]:
    """Turns of which each agrees most with the mean of the others."""
    shifts, total = list(first), _total(spectra, first)
    for _ in range(_ROUNDS if len(spectra) > 1 else 0):
        before = list(shifts)
        for number in movable:
            others = total - _rolled(spectra[number], shifts[number])
            shifts[number] = int(_agreements(spectra[number], others / (len(spectra) - 1)).argmax())
            total = others + _rolled(spectra[number], shifts[number])
        if before == shifts:
            break
    return shifts


def _rolled(spectrum: Spectrum, shift: int) -> Spectrum:
    """Of a hull that is turned by so many steps."""
    frequency = torch.arange(spectrum.shape[1])
    return spectrum * torch.polar(torch.ones(len(frequency)), -2 * math.pi * shift / ANGLES * frequency)


def _total(spectra: Sequence[Spectrum], shifts: Sequence[int]) -> Spectrum:
    return torch.stack([_rolled(spectrum, shift) for spectrum, shift in zip(spectra, shifts, strict=True)]).sum(dim=0)


def _agreements(spectrum: Spectrum, mean: Spectrum) -> Float[Tensor, " angle"]:
    """Dice's coefficient of a hull that is turned by each angle with another one."""
    shared = torch.fft.irfft((spectrum.conj() * mean).sum(dim=0), n=ANGLES)
    return 2 * shared / max(_power(spectrum) + _power(mean), 1e-12)


def _power(spectrum: Spectrum) -> float:
    """The sum of the squares of what it is the transform of (Parseval's theorem)."""
    squares = (spectrum.real**2 + spectrum.imag**2).sum(dim=0)
    return float(2 * squares.sum() - squares[0] - squares[-1]) / ANGLES


def _own_turn(total: Spectrum) -> float:
    """By how many degrees to turn the mean of all."""
    radius, angle = _radii()[:, None], _angles()
    solid = torch.fft.irfft(total, n=ANGLES).unflatten(0, (_LAYERS, _RADII)) * radius.sqrt()  # back to volumes
    around = (solid * radius**2).sum(dim=(0, 1))
    long_side = 0.5 * math.atan2(float((around * (2 * angle).sin()).sum()), float((around * (2 * angle).cos()).sum()))
    height = torch.linspace(-0.5, 0.5, _LAYERS)[:, None, None]
    height = height - (solid * height).sum() / solid.sum().clamp_min(1e-12)
    is_higher_ahead = float((solid * height * radius * (angle - long_side).cos()).sum()) > 0
    return -math.degrees(long_side) + (180.0 if is_higher_ahead else 0.0)


def _front(agreements: Float[Tensor, " angle"], best: int, turned: float) -> Front:
    """The turn of an object by so many steps, and then by what turns all."""
    steps = (torch.arange(ANGLES) - best + ANGLES // 2) % ANGLES - ANGLES // 2
    rivals = torch.where(steps.abs() * (360 / ANGLES) >= _APART, agreements, -torch.inf)
    rival = int(rivals.argmax())
    return Front(
        degrees=((best + _peak(agreements, best)) * 360 / ANGLES + turned) % 360,
        agreement=float(agreements[best]),
        rival=float(steps[rival]) * 360 / ANGLES,
        rival_agreement=float(rivals[rival]),
    )


def _peak(values: Float[Tensor, " angle"], place: int) -> float:
    """Where around a place the parabola through three values is highest, in steps."""
    left, middle, right = (float(values[(place + step) % ANGLES]) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    return max(-0.5, min(0.5, 0.5 * (left - right) / bend)) if bend < 0 else 0.0
