"""How an RGB scene is fitted by itself."""

from dataclasses import dataclass, field
from typing import Annotated

from triptych.options import Options, Range
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.training.config import FinalFactor, Rate, SkippingConfig, Weight


@dataclass(frozen=True)
class RGBConfig(Options):
    """How an RGB scene is fitted."""

    planes: PlaneConfig = field(default_factory=lambda: PlaneConfig(64, 32, 0))
    """Size of the planes, all of them the scene's own."""
    mlp: MLPConfig = field(default_factory=lambda: MLPConfig(hidden_activation="relu", channel_activation="sigmoid"))
    """The scene's tiny MLP."""
    sampling: SamplingConfig = field(default_factory=lambda: SamplingConfig(64, 0))
    """Samples a ray; those in empty space are left out."""
    skipping: SkippingConfig = field(default_factory=SkippingConfig)
    """When empty space is found."""
    steps: Annotated[int, Range(1, 10_000_000)] = 2000
    """Steps of Adam."""
    rays: Annotated[int, Range(1, 1_000_000)] = 4096
    """Random pixels of all training views in a step; those whose ray misses the scene box never take part."""
    rate: Rate = 2e-2
    """Step size of the planes at the start."""
    mlp_rate: Rate = 5e-3
    """Step size of the MLP at the start."""
    final_factor: FinalFactor = 0.03
    """Both rates fall exponentially to this share."""
    tv: Weight = 1e-4
    """Weight of the total variation of the planes."""
