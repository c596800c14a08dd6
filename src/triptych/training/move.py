"""How one step of an optimizer moves scenes."""

from dataclasses import dataclass

MOMENTUM = 0.9
"""What Adam's running mean of gradients keeps per step (beta1) where nothing else is asked for."""


@dataclass(frozen=True)
class Move:
    """How one step moves scenes.

    Attributes:
        micro: Adam's step size for micro planes.
        coefficients: that for coefficients.
        modes: that along modes of variation.
        momentum: what the running mean of the micro planes' gradients keeps (beta1).
        smoothing: deviation, in texels, of the Gaussian that smooths these gradients; 0 for none.
        as_learned: whether to go along modes and base planes as the category has learned instead.
    """

    micro: float = 0.0
    coefficients: float = 0.0
    modes: float = 0.0
    momentum: float = MOMENTUM
    smoothing: float = 0.0
    as_learned: bool = False
