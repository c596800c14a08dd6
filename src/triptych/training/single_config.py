"""How one scene is fitted by itself, whatever it is made of."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from triptych.options import Options, Range
from triptych.representation.config import SamplingConfig
from triptych.training.config import FinalFactor, Rate, Weight

FieldKind = Literal["triplanes", "nerf", "sdf"]


@dataclass(frozen=True)
class SingleConfig(Options):
    """How one scene is fitted by itself."""

    kind: FieldKind = "nerf"
    """What the scene is made of."""
    plane_resolution: Annotated[int, Range(2, 4096)] = 64
    """Texels along each side of a plane, for triplanes and sdf."""
    features: Annotated[int, Range(1, 1024)] = 32
    """Features of a plane, for triplanes and sdf."""
    hidden: Annotated[int, Range(1, 4096)] = 64
    """Width of the tiny MLP, for triplanes and sdf."""
    layers: Annotated[int, Range(1, 64)] = 8
    """Hidden layers of the networks, for nerf."""
    width: Annotated[int, Range(2, 8192)] = 256
    """Features of each, for nerf."""
    octaves: Annotated[int, Range(0, 24)] = 10
    """Frequencies of the positional encoding, for nerf: 10 as published; fewer are learned sooner, with less
    detail."""
    sampling: SamplingConfig = field(default_factory=lambda: SamplingConfig(48, 48))
    """Samples a ray."""
    steps: Annotated[int, Range(1, 10_000_000)] = 2000
    """Steps of Adam."""
    rays: Annotated[int, Range(1, 1_000_000)] = 1024
    """Random pixels of all training views in a step; those whose ray misses the scene box never take part."""
    rate: Rate = 5e-4
    """Step size of the networks at the start, for nerf."""
    planes_rate: Rate = 5e-3
    """Step size of planes, tiny MLP and log(beta) at the start, for triplanes and sdf."""
    final_factor: FinalFactor = 0.03
    """All rates fall exponentially to this share."""
    tv: Weight = 1e-4
    """Weight of the total variation of the planes, for triplanes and sdf."""
    eikonal: Weight = 0.02
    """Weight of the eikonal loss, for sdf."""
