"""The options of drawing cars."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from triptych.options import Options, Range


@dataclass(frozen=True)
class CarsConfig(Options):
    """How many cars to draw, and how."""

    count: Annotated[int, Range(1, 100_000)] = 48
    """Number of scenes. A larger number later adds to the scenes already there."""
    train: Annotated[int, Range(0, 100_000)] = 36
    """The first so many scenes are for stage 1 (split `train`), the others for stage 2 (split `test`)."""
    views: Annotated[int, Range(2, 1000)] = 40
    """Pictures of each scene, from all around its upper half."""
    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the square pictures in pixels."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Another seed gives other cars."""
    samples_per_axis: Annotated[int, Range(1, 8)] = 2
    """Rays along each side of a pixel."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if self.train > self.count:
            yield "train", f"is {self.train}, expected at most {self.count}, the count"
