"""How learning rates change over an optimization: one place for ramp, decay and milestones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Decay = Literal["exponential", "cosine"]


@dataclass(frozen=True)
class Schedule:
    """What learning rates are multiplied by at each step, from 0.

    Attributes:
        steps: length of the optimization.
        ramp: steps over which the rates rise linearly from 0.
        final: share of the rates that the decay ends at.
        decay: exponential: final^(step / steps); cosine: half a period of it.
        milestones: steps from which the rates are multiplied by ``milestone_factor`` once more.
        milestone_factor: see ``milestones``.
    """

    steps: int
    ramp: int = 0
    final: float = 1.0
    decay: Decay = "exponential"
    milestones: Sequence[float] = ()
    milestone_factor: float = 1.0

    def factor(self, step: int) -> float:
        """The product of ramp, decay and milestones passed."""
        rise = min(1.0, (step + 1) / self.ramp) if self.ramp else 1.0
        passed = sum(step >= milestone for milestone in self.milestones)
        return rise * self._decayed(step / max(self.steps, 1)) * self.milestone_factor**passed

    def _decayed(self, share: float) -> float:
        if self.decay == "exponential":
            return self.final**share
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * share))
