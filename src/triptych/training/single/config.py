"""How a scene is fitted by itself: a configuration for each kind of field, with what all of them share."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from triptych.options import Options, Range
from triptych.representation.config import MLPConfig, NeRFConfig, PlaneConfig, SamplingConfig
from triptych.training.config import SkippingConfig
from triptych.training.move import MOMENTUM
from triptych.training.phase import FinalFactor, Momentum, PixelCounts, Rate, Share, Weight


@dataclass(frozen=True)
class OwnPlanesConfig(Options):
    """Size of the planes of a scene that shares none."""

    resolution: Annotated[int, Range(2, 4096)] = 64
    """Texels along each side of a plane (K)."""
    micro_features: Annotated[int, Range(1, 1024)] = 32
    """Features per plane, all of them the scene's own."""

    def without_shared(self) -> PlaneConfig:
        """The same as planes of a category model, without macro planes."""
        return PlaneConfig(self.resolution, self.micro_features, 0)


@dataclass(frozen=True)
class SingleConfig(Options):
    """What fitting takes whatever the scene is made of."""

    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    """Samples per ray."""
    steps: Annotated[int, Range(1, 10_000_000)] = 2000
    """Steps of Adam."""
    rays: Annotated[int, Range(1, 1_000_000)] = 1024
    """Pixels per step, spread evenly over all training views; those whose ray misses the scene box never take part."""
    crop_share: Share = 0.0
    """Share of them from the object's part of each picture, the box around what is not background and a few pixels
    more; the rest is from everywhere."""
    edge_share: Share = 0.0
    """Share of those from the object's part that lie where pictures change from pixel to pixel instead, in proportion
    to the root of how much."""
    opacity_weight: Weight = 0.0
    """What the squared error of a pixel's opacity counts beside that of its channels, where pictures have alpha or
    masks."""
    random_background: bool = False
    """Lay each pixel, and what is rendered there, over a random color of its own, another one in each step: matter of
    the background's color does not pass for nothing. In image space alone, for pictures with alpha or masks."""
    final_factor: FinalFactor = 0.03
    """All rates fall exponentially to this share."""

    @property
    def fitted_sampling(self) -> SamplingConfig:
        """How rays are sampled while the scene is fitted."""
        return self.sampling

    @property
    def pixel_counts(self) -> PixelCounts:
        """How many pixels a step takes."""
        return PixelCounts.shared_out(self.rays, self.crop_share, self.edge_share)


@dataclass(frozen=True)
class _OnPlanes(SingleConfig):
    """Planes of the scene's own, and a tiny MLP."""

    planes: OwnPlanesConfig = field(default_factory=OwnPlanesConfig)
    """Size of the planes."""
    mlp: MLPConfig = field(default_factory=MLPConfig)
    """The scene's tiny MLP; in a latent space its channel activation is that of the category model."""
    tv: Weight = 1e-4
    """Weight of the total variation of the planes."""


@dataclass(frozen=True)
class SingleTriPlanes(_OnPlanes):
    """A scene as tri-planes; samples in empty space are left out."""

    kind: Literal["triplanes"] = "triplanes"
    """What the scene is made of, triplanes, nerf, sdf or installed; each has its own options."""
    sampling: SamplingConfig = field(default_factory=lambda: SamplingConfig(64, 0))
    rays: Annotated[int, Range(1, 1_000_000)] = 4096
    mlp: MLPConfig = field(default_factory=lambda: MLPConfig(hidden_activation="relu", channel_activation="sigmoid"))
    skipping: SkippingConfig = field(default_factory=SkippingConfig)
    """When empty space is found."""
    rate: Rate = 2e-2
    """Learning rate of the planes at the start."""
    mlp_rate: Rate = 5e-3
    """Learning rate of the MLP at the start."""
    direct_gain: Annotated[float, Range(0, 1000)] = 0.0
    """How strongly the first features act on density and channels through units of the MLP that begin linear; channels
    by half of it. 0 begins with random units alone."""
    momentum: Momentum = MOMENTUM
    """What Adam's running mean of the planes' gradients keeps per step (beta1): less suits few steps."""
    samples: Annotated[int, Range(1, 4096)] | None = None
    """Stratified samples of a ray while the scene is fitted; as many as it is rendered with if not given."""

    @property
    def fitted_sampling(self) -> SamplingConfig:
        return replace(self.sampling, coarse=self.samples or self.sampling.coarse)


@dataclass(frozen=True)
class SingleNeRF(SingleConfig):
    """A scene as a NeRF: a coarse network that places samples, and a fine one that is rendered."""

    kind: Literal["nerf"] = "nerf"
    """What the scene is made of, triplanes, nerf, sdf or installed; each has its own options."""
    network: NeRFConfig = field(default_factory=NeRFConfig)
    """Size of each of the two; in a latent space the channel activation is that of the category model."""
    rate: Rate = 5e-4
    """Learning rate of the networks at the start."""


@dataclass(frozen=True)
class SingleSDF(_OnPlanes):
    """A scene as signed distances on tri-planes."""

    kind: Literal["sdf"] = "sdf"
    """What the scene is made of, triplanes, nerf, sdf or installed; each has its own options."""
    mlp: MLPConfig = field(
        default_factory=lambda: MLPConfig(hidden_activation="softplus", channel_activation="sigmoid")
    )
    """The scene's tiny MLP, whose softplus keeps the surface from being faceted; in a latent space its channel
    activation is that of the category model."""
    rate: Rate = 5e-3
    """Learning rate of planes, tiny MLP and log(beta) at the start."""
    eikonal: Weight = 0.02
    """Weight of the eikonal loss."""


@dataclass(frozen=True)
class SingleInstalled(SingleConfig):
    """A scene as a module of another installed package."""

    name: str = ""
    """Of its entry point in the group triptych.fields."""
    kind: Literal["installed"] = "installed"
    """What the scene is made of, triplanes, nerf, sdf or installed; each has its own options."""
    rate: Rate = 1e-3
    """Learning rate of all its parameters at the start."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.name:
            yield "name", "is empty, expected the name of a field that an installed package adds"


AnySingleConfig = SingleNeRF | SingleTriPlanes | SingleSDF | SingleInstalled
"""How a scene by itself is fitted; ``kind`` tells what it is made of, in files and on the command line."""
