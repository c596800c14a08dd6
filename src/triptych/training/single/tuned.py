"""Settings of RGB tri-planes that give the best scene within a number of steps; the trials are in docs/trials.md."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

from triptych.representation.config import SamplingConfig
from triptych.training.single.config import SingleTriPlanes


@dataclass(frozen=True)
class _Rates:
    """Learning rates at the start of a fit.

    Attributes:
        planes: of the planes.
        mlp: of the tiny MLP.
    """

    planes: float
    mlp: float


_RATES = {
    60: _Rates(8e-2, 2e-2),
    1000: _Rates(2e-2, 5e-3),
}
"""By number of steps: the best of those that were tried, and the defaults for many."""
_FEW_STEPS = 500
"""Up to so many steps, momentum does more harm than good."""
_MOMENTUM = 0.3
_SAMPLING = SamplingConfig(96, 0)
_FITTED_SAMPLES = 64
_CROP_SHARE = 0.9
_EDGE_SHARES = {60: 0.5, 250: 0.0}
"""By number of steps: along edges, 60 steps gain 0.6 dB, 125 hardly anything, 250 nothing."""
_OPACITY_WEIGHT = 0.1
_DIRECT_GAIN = 4.0
_DIGITS = 6
"""Rates are rounded: a fit that goes on must find the very same ones."""


def tuned_triplanes(steps: int) -> SingleTriPlanes:
    """RGB tri-planes that look mostly at the object, at learning rates that suit the number of steps.

    Between two numbers of steps, the logarithm of a rate is interpolated over that of the steps, as the share of pixels
    along edges is; beyond them, both are those of the nearest.
    """
    return replace(
        SingleTriPlanes(),
        steps=steps,
        sampling=_SAMPLING,
        samples=_FITTED_SAMPLES,
        crop_share=_CROP_SHARE,
        edge_share=round(_interpolated(steps, _EDGE_SHARES, list(_EDGE_SHARES.values())), _DIGITS),
        opacity_weight=_OPACITY_WEIGHT,
        direct_gain=_DIRECT_GAIN,
        rate=_between(steps, [rates.planes for rates in _RATES.values()]),
        mlp_rate=_between(steps, [rates.mlp for rates in _RATES.values()]),
        momentum=_MOMENTUM if steps <= _FEW_STEPS else SingleTriPlanes.momentum,
    )


def _between(steps: int, rates: list[float]) -> float:
    return round(exp(_interpolated(steps, _RATES, [log(rate) for rate in rates])), _DIGITS)


def _interpolated(steps: int, tried: Iterable[int], values: list[float]) -> float:
    """Between what is best at the numbers of steps that were tried, over the logarithm of steps."""
    return float(np.interp(log(steps), [log(number) for number in tried], values))
