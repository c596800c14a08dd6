"""What several commands share: options, and how they speak."""

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from triptych.errors import InputError
from triptych.options import Range, problems
from triptych.runtime import DeviceName, Products
from triptych.text import one_line
from triptych.training.watching import LogName

Seed = Annotated[int, Range(0, 2**32 - 1)]
Logs = Annotated[
    tuple[LogName, ...],
    tyro.conf.arg(
        help="Which programs keep the log as well, beside log.jsonl; wandb and mlflow take their own settings from the "
        "environment."
    ),
]


@dataclass(frozen=True)
class Machine:
    """Where to compute, and from which random numbers."""

    device: DeviceName = "auto"
    """Device to compute on."""
    seed: Seed = 0
    """All random numbers follow from it."""


@dataclass(frozen=True)
class TrainingMachine(Machine):
    """Where to train, and how exactly."""

    deterministic: bool = False
    """The same numbers, bit by bit, whenever the same is computed on a GPU again; its training steps then take longer
    (docs/performance.md). On a CPU it is so anyway. Not for the workers of a Ray cluster."""
    products: Products = "float32"
    """What a GPU multiplies matrices in; sums are in float32. tf32 and bfloat16 are faster and less accurate
    (docs/performance.md). Not for the workers of a Ray cluster."""

    @property
    def asks_for_arithmetic(self) -> bool:
        """Whether torch is to compute otherwise than it does."""
        return self.deterministic or self.products != "float32"


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
