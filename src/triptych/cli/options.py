"""What several commands share: options, and how they speak."""

import sys
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from triptych.runtime import DeviceName

Preset = Literal["quick", "best", "paper"]
chosen_preset: ContextVar[Preset] = ContextVar("preset", default="quick")
"""It decides the defaults of other options, so it is set before these are parsed."""


@dataclass(frozen=True)
class Machine:
    """Where to compute, and from which random numbers."""

    device: DeviceName = "auto"
    """Device to compute on."""
    seed: int = 0
    """All random numbers follow from it."""


def say(message: str) -> None:
    """A line on standard output."""
    sys.stdout.write(message + "\n")
