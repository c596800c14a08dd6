"""Every weight, rate and size of the training, with the presets."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from tyro.conf import arg

from triptych.autoencoder import ConvolutionalConfig, NormalizationKind
from triptych.errors import InputError
from triptych.options import Options, Range
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.training.schedule import Schedule

Epochs = Annotated[float, Range(0, 1_000_000)]
Steps = Annotated[int, Range(0, 10_000_000)]
Batch = Annotated[int, Range(1, 65_536)]
Rate = Annotated[float, Range(0, 10)]
Weight = Annotated[float, Range(0, 1_000_000)]
Share = Annotated[float, Range(0, 1)]
FinalFactor = Annotated[float, Range(1e-9, 1)]
Preset = Literal["quick", "general", "best", "paper"]
"""Names of the settings in ``presets``."""
Start = Literal["predicted", "mean"]
"""Where new scenes start."""


@dataclass(frozen=True)
class Rates(Options):
    """Adam's step sizes; 0 freezes the part."""

    micro: Rate = 0.0
    """Micro planes of the scenes."""
    coefficients: Rate = 0.0
    """Coefficients of the scenes."""
    base: Rate = 0.0
    """Base planes."""
    mlp: Rate = 0.0
    """Tiny MLP."""
    encoder: Rate = 0.0
    """Encoder."""
    decoder: Rate = 0.0
    """Decoder."""


@dataclass(frozen=True)
class LossWeights(Options):
    """Weights of the loss terms (means over pixels of squared errors)."""

    ae: Weight = 0.0
    """L_ae: image against its own decoded latent."""
    enc: Weight = 0.0
    """L_Enc: encoded latent against rendered latent."""
    dec: Weight = 0.0
    """L_Dec: image against decoded rendered latent."""
    tv: Weight = 0.0
    """Total variation of the planes of the scenes in the batch."""


@dataclass(frozen=True)
class Phase(Options):
    """One stretch of optimization."""

    epochs: Epochs
    """Passes over all training views; 0 leaves the phase out."""
    batch: Batch
    """Views in a step."""
    rates: Rates
    """Step sizes at the start."""
    weights: LossWeights
    """Which losses count, and how much."""
    ramp_steps: Steps = 0
    """Steps over which the rates rise from 0."""
    final_factor: FinalFactor = 1.0
    """The rates fall exponentially to this share of their start."""
    milestones: tuple[Epochs, ...] = ()
    """Epochs at which the rates are multiplied by `milestone_factor`."""
    milestone_factor: Share = 0.3
    """What each milestone multiplies the rates by."""
    freeze_mlp_from: Epochs | None = None
    """Epoch from which the tiny MLP is frozen; never if not given."""
    one_ray_share: Share = 0.0
    """Share of the phase, from its start, in which a latent pixel is rendered by one ray, through its middle, even
    where the model's sampling has several: much faster, and less accurate between the views."""
    shift_views: bool = False
    """Move each picture by a random part of a latent pixel, in whole image pixels, so that rays pass everywhere
    between those through the middles of the latent pixels; latents are then encoded in each step, not cached."""
    samples: Annotated[int, Range(1, 4096)] | None = None
    """Stratified samples of a ray; as many as the model renders with if not given."""
    diagonal_rays: bool = False
    """Where a latent pixel has several rays, render those on one of its diagonals, on another one in each step."""
    whole_share: Share = 1.0
    """Share of the steps that compare whole views. The others encode, render and decode only the part of each view
    that shows something before the background; where that is none, or where the autoencoder looks at all of a picture
    at once, they compare whole views, too."""
    step_count: Steps | None = None
    """Steps of the phase, however many views there are; if not given, `epochs` decide."""
    pixels: Annotated[int, Range(1, 1_000_000)] | None = None
    """Random latent pixels of each scene in a step, from all of the step's views of it, in place of whole views; with a
    ray through the middle of each. For L_Enc alone, with the encoder frozen: many views in a small step converge faster
    than few in a large one."""
    crop_share: Share = 0.9
    """Share of these pixels from the box around what each view shows; the rest is from everywhere."""
    least_views: Annotated[int, Range(1, 1_000_000)] = 1
    """Views that an epoch counts as at least: a scene of few views then takes as many steps as one of so many."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        weights = self.weights
        if self.pixels and (not weights.enc or weights.ae or weights.dec or self.rates.encoder or self.shift_views):
            yield "pixels", "are for L_Enc alone, with the encoder frozen and views that stay in place"

    @property
    def is_empty(self) -> bool:
        """Whether it has no steps at all."""
        return not (self.epochs if self.step_count is None else self.step_count)

    def steps(self, views: int) -> int:
        """Number of steps over ``views`` training views."""
        if self.step_count is not None:
            return self.step_count
        return math.ceil(self.epochs * self._counted(views) / self.batch)

    def sampling(self, of_model: SamplingConfig, step: int, views: int) -> SamplingConfig:
        """How rays are sampled at a step, where scenes are rendered with ``of_model``."""
        one_ray = bool(self.pixels) or step < self.one_ray_share * self.steps(views)
        return replace(
            of_model,
            coarse=of_model.coarse if self.samples is None else self.samples,
            supersample=1 if one_ray else of_model.supersample,
        )

    def diagonal(self, step: int, sampling: SamplingConfig) -> int | None:
        """Which diagonal of the rays of a latent pixel is rendered at a step; None for all rays."""
        return step % sampling.supersample if self.diagonal_rays else None

    def compares_whole_views(self, step: int) -> bool:
        """Whether a step compares whole views, not only the parts that show the objects."""
        return math.floor((step + 1) * self.whole_share) > math.floor(step * self.whole_share)

    def mlp_is_frozen(self, step: int, views: int) -> bool:
        """Whether the tiny MLP stays as it is at a step."""
        return self.freeze_mlp_from is not None and step * self.batch / self._counted(views) >= self.freeze_mlp_from

    def schedule(self, views: int) -> Schedule:
        """What the rates are multiplied by over ``views`` training views."""
        milestones = tuple(epoch * self._counted(views) / self.batch for epoch in self.milestones)
        return Schedule(
            self.steps(views),
            ramp=self.ramp_steps,
            final=self.final_factor,
            milestones=milestones,
            milestone_factor=self.milestone_factor,
        )

    def longer(self, factor: float) -> "Phase":
        """The same with so many times the epochs or steps, milestones included."""
        frozen, steps = self.freeze_mlp_from, self.step_count
        return replace(
            self,
            epochs=factor * self.epochs,
            step_count=None if steps is None else round(factor * steps),
            milestones=tuple(factor * epoch for epoch in self.milestones),
            freeze_mlp_from=None if frozen is None else factor * frozen,
        )

    def _counted(self, views: int) -> int:
        return max(views, self.least_views)


@dataclass(frozen=True)
class SkippingConfig(Options):
    """Empty-space skipping while scenes are trained. Updates count the steps that a scene takes part in."""

    first_update: Annotated[int, Range(1, 10**9)] = 32
    """Steps before a scene is first sampled by its own occupancy; until then by that of its category, if any."""
    update_every: Annotated[int, Range(1, 10**9)] = 16
    """Steps between updates; at each of them the scene is sampled everywhere once."""


@dataclass(frozen=True)
class Pretraining(Options):
    """Training of the autoencoder alone on the views, before any scene is learned."""

    epochs: Epochs = 0.0
    """Passes over all training views; 0 leaves it out."""
    batch: Batch = 16
    """Views in a step."""
    rate: Rate = 1e-3
    """Adam's step size after the ramp; it falls along a cosine to a hundredth."""
    ramp_steps: Steps = 50
    """Steps over which the rate rises from 0."""
    clip: Annotated[float, Range(1e-9, 1_000_000)] = 1.0
    """Largest gradient norm."""
    latent_noise: Annotated[float, Range(0, 10)] = 0.0
    """Gaussian noise added to the latents before decoding, in their standard deviations."""
    ae: Weight = 1.0
    """Weight of L_ae beside the next two; whole pictures have no other loss."""
    turned: Weight = 0.0
    """Weight of the squared error of a piece of a picture decoded from the latents of another piece of it, around the
    same place but rotated, scaled and stretched otherwise. It makes latents follow such maps, as those that are
    rendered do, so that scenes can explain them."""
    latents: Weight = 0.0
    """Weight of the squared error between the latents of the two, in variances of each channel."""
    zoom: Annotated[float, Range(0.25, 16)] = 1.0
    """Pixels of the pictures to one of these pieces, on average: 2 makes the most of pictures of twice the size."""
    recolored: Share = 0.0
    """Share of the pictures that are shown in other colors, for an autoencoder that is to serve many categories."""

    @property
    def on_pieces(self) -> bool:
        """Whether it trains on pairs of pieces, not on whole pictures."""
        return self.turned > 0 or self.latents > 0

    def schedule(self, views: int) -> Schedule:
        """What the rate is multiplied by over ``views`` training views."""
        steps = math.ceil(self.epochs * views / self.batch)
        return Schedule(steps, ramp=self.ramp_steps, final=0.01, decay="cosine")


_KINDS = arg(metavar="{convolutional,pretrained,identity}")


@dataclass(frozen=True)
class NewAutoencoder(Options):
    """A small autoencoder of our own, from random weights."""

    kind: Annotated[Literal["convolutional"], _KINDS] = "convolutional"
    """Ours from random weights, a pre-trained one, or none (RGB tri-planes in image space); each has own options."""
    network: Annotated[ConvolutionalConfig, arg(name="")] = field(default_factory=ConvolutionalConfig)
    """Its size."""
    normalization: NormalizationKind = "affine"
    """How latents are scaled for rendering."""

    @property
    def downscale(self) -> int:
        """Image size divided by latent size."""
        return self.network.downscale


@dataclass(frozen=True)
class PretrainedAutoencoder(Options):
    """An autoencoder that was trained elsewhere."""

    source: str
    """A category model, of another category for instance, whose autoencoder to start from; or a folder or a hub id in
    diffusers' format (AutoencoderKL or AutoencoderTiny)."""
    kind: Annotated[Literal["pretrained"], _KINDS] = "pretrained"
    """Ours from random weights, a pre-trained one, or none (RGB tri-planes in image space); each has own options."""
    normalization: NormalizationKind = "affine"
    """How latents are scaled for rendering."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.source:
            yield "source", "is empty, expected a model, a folder or a hub id"

    @property
    def downscale(self) -> None:
        """Known once it is loaded."""
        return None


@dataclass(frozen=True)
class NoAutoencoder(Options):
    """None: the latents are the pictures themselves, for RGB tri-planes in image space."""

    kind: Annotated[Literal["identity"], _KINDS] = "identity"
    """Ours from random weights, a pre-trained one, or none (RGB tri-planes in image space); each has own options."""

    @property
    def downscale(self) -> int:
        """A latent pixel is a pixel."""
        return 1


AutoencoderConfig = NewAutoencoder | PretrainedAutoencoder | NoAutoencoder
"""Where the latent space comes from; ``kind`` tells which it is in files and on the command line."""


@dataclass(frozen=True)
class Stage1Config(Options):
    """Stage 1: a category model from many scenes."""

    autoencoder: AutoencoderConfig
    planes: PlaneConfig
    mlp: MLPConfig
    sampling: SamplingConfig
    pretraining: Pretraining
    warmup: Phase
    joint: Phase
    skipping: SkippingConfig = field(default_factory=SkippingConfig)
    stage2: Preset = "quick"
    """Preset of stage 2 that suits the model's scenes: the model keeps it, and `triptych fit` starts from it."""


@dataclass(frozen=True)
class Stage2Config(Options):
    """Stage 2: further scenes, fitted one by one with everything shared frozen (by default)."""

    latent: Phase
    """L_Enc on cached latents."""
    image: Phase
    """L_Dec through the decoder."""
    scenes_at_once: Annotated[int, Range(1, 65_536)] = 8
    """Scenes fitted side by side; it changes the speed, not the result."""
    skipping: SkippingConfig = field(default_factory=SkippingConfig)
    finetune_shared: bool = False
    """The published recipe: train base planes, MLP and decoder along on all new scenes together."""
    start: Start = "predicted"
    """Where scenes start: where the model's predictor says, if it has one, or at the mean of the trained scenes. With
    finetune_shared, whose tiny MLP is a new one, always at the mean."""

    def longer(self, factor: float) -> "Stage2Config":
        """The same with so many times the epochs of both phases."""
        return replace(self, latent=self.latent.longer(factor), image=self.image.longer(factor))

    def lasting(self, epochs: float) -> "Stage2Config":
        """The same with so many epochs in both phases together, shared out as they are now.

        Raises:
            InputError: there are none to share out.
        """
        now = self.latent.epochs + self.image.epochs
        if not epochs:
            return self.longer(0.0)
        if not now:
            raise InputError("--epochs shares out the epochs of both phases, which have none")
        return self.longer(epochs / now)
