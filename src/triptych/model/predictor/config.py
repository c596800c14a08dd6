"""Size of the predictor."""

from dataclasses import dataclass
from typing import Annotated

from triptych.options import Options, Range

Width = Annotated[int, Range(1, 4096)]


@dataclass(frozen=True)
class PredictorConfig(Options):
    """Size of the network that predicts where new scenes start."""

    cells: Annotated[int, Range(64, 16_777_216)] = 56_000
    """About how many cubic cells the scene box is divided into."""
    cell_features: Width = 16
    """Features of a cell, from what the views show of it."""
    cell_hidden: Width = 64
    """Width of the hidden layer that makes them."""
    widths: tuple[Width, ...] = (48, 80, 128)
    """Features of the planes in the network, at full size, half, a quarter and so on."""
    blocks: Annotated[int, Range(1, 64)] = 2
    """Residual blocks at each size on the way down; one less on the way up."""
    expansion: Annotated[int, Range(1, 16)] = 3
    """Width of a block's hidden layer, in widths of the block."""
    corrections: Annotated[int, Range(0, 64)] = 3
    """Networks that correct the first prediction, one after the other."""
    repeats: Annotated[int, Range(0, 64)] = 5
    """How often the last of them corrects again."""
    damping: Annotated[float, Range(0, 1)] = 0.5
    """Share of what it says that is then taken."""
    correction_widths: tuple[Width, ...] = (32, 64)
    """Features of the planes in each of them, from the size of the planes on."""
    side: Annotated[int, Range(1, 4096)] = 64
    """Most pixels along a side of the views; larger ones are shrunk."""
    slope_side: Annotated[int, Range(1, 4096)] = 64
    """The same where their rendering error is looked at, before the first prediction and each correction."""
    samples: Annotated[int, Range(1, 4096)] = 16
    """Samples of each ray, one a pixel, by which they are rendered."""
