"""What several commands share: options, and how they speak."""

import sys
from dataclasses import dataclass
from typing import Annotated, Any

from triptych.errors import InputError
from triptych.options import Range, problems
from triptych.runtime import DeviceName
from triptych.text import one_line

Seed = Annotated[int, Range(0, 2**32 - 1)]


@dataclass(frozen=True)
class Machine:
    """Where to compute, and from which random numbers."""

    device: DeviceName = "auto"
    """Device to compute on."""
    seed: Seed = 0
    """All random numbers follow from it."""


@dataclass(frozen=True)
class Cluster:
    """Who fits scenes."""

    ray: str | None = None
    """Fit scenes on the workers of a Ray cluster: HOST:PORT of one that runs, or auto for that of this machine, which
    is started if there is none. Needs `pip install "triptych[ray]"`, everywhere the same versions."""


def check_options(command: Any) -> None:
    """Refuse values that cannot be, by the names under which the user has typed them.

    Raises:
        InputError: there is one.
    """
    for path, complaint in problems(command):
        raise InputError(f"--{'.'.join(path).replace('_', '-')} {complaint}")


def say(*lines: str) -> None:
    """Lines on standard output, each safe for a terminal whatever names it holds."""
    sys.stdout.write("".join(f"{one_line(line)}\n" for line in lines))
