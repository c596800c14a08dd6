"""What the shared parts of a category model look like."""

from dataclasses import dataclass
from typing import Annotated

from triptych.options import Options, Range
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig


@dataclass(frozen=True)
class ModelConfig(Options):
    """What the shared parts look like, the autoencoder apart."""

    planes: PlaneConfig
    mlp: MLPConfig
    sampling: SamplingConfig
    height: Annotated[int, Range(1, 16_384)]
    """Height of the pictures it was trained on, in pixels."""
    width: Annotated[int, Range(1, 16_384)]
    """Width of the pictures it was trained on, in pixels."""
