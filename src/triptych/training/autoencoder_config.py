"""Where the latent space of stage 1 comes from, and how its autoencoder is trained before any scene."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from tyro.conf import arg

from triptych.autoencoder import ConvolutionalConfig, NormalizationKind
from triptych.options import Options, Range
from triptych.training.phase import Batch, Epochs, Rate, Share, Steps, Weight
from triptych.training.schedule import Schedule

_KINDS = arg(metavar="{convolutional,pretrained,installed,identity}")


@dataclass(frozen=True)
class NewAutoencoder(Options):
    """A small autoencoder of our own, from random weights."""

    kind: Annotated[Literal["convolutional"], _KINDS] = "convolutional"
    """Ours from random weights, a pre-trained one, another package's, or none (RGB tri-planes in image space)."""
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
    """Ours from random weights, a pre-trained one, another package's, or none (RGB tri-planes in image space)."""
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
class InstalledAutoencoder(Options):
    """An autoencoder that another installed package adds, from its initial weights."""

    name: str
    """Of its entry point in the group triptych.autoencoders."""
    kind: Annotated[Literal["installed"], _KINDS] = "installed"
    """Ours from random weights, a pre-trained one, another package's, or none (RGB tri-planes in image space)."""
    normalization: NormalizationKind = "affine"
    """How latents are scaled for rendering."""

    @property
    def downscale(self) -> None:
        """Known once it is loaded."""
        return None


@dataclass(frozen=True)
class NoAutoencoder(Options):
    """None: the latents are the pictures themselves, for RGB tri-planes in image space."""

    kind: Annotated[Literal["identity"], _KINDS] = "identity"
    """Ours from random weights, a pre-trained one, another package's, or none (RGB tri-planes in image space)."""

    @property
    def downscale(self) -> int:
        """A latent pixel is a pixel."""
        return 1


AutoencoderConfig = NewAutoencoder | PretrainedAutoencoder | InstalledAutoencoder | NoAutoencoder
"""Where the latent space comes from; ``kind`` tells which it is in files and on the command line."""


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
