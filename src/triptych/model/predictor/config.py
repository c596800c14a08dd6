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
    second_widths: tuple[Width, ...] = (32, 64)
    """The same of the network that corrects the first prediction, from the size of the planes on."""
    first_views: Annotated[int, Range(1, 1000)] = 4
    """Most of the given views whose rendering error is looked at before the first prediction."""
    second_views: Annotated[int, Range(1, 1000)] = 8
    """Most of the given views whose rendering error is looked at to correct it."""
    samples: Annotated[int, Range(1, 4096)] = 24
    """Samples of each ray, one a latent pixel, by which they are rendered."""
