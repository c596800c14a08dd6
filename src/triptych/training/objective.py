"""The three losses of a batch of views (Schnepf, Kassab et al. 2024, section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Cameras, Rays, SceneRays
from triptych.model import CategoryModel
from triptych.representation.config import SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels import (
    Backend,
    Comparison,
    compares_in_one_pass,
    squared_error,
    total_variation,
)
from triptych.representation.render import random_places
from triptych.training.config import LossWeights


@dataclass(frozen=True)
class Losses:
    """The terms of a step, before their weights; zero where a term has none.

    Attributes:
        ae: L_ae = |x - D(E(x))|², the mean over pixels.
        enc: L_Enc = |E(x) - R(T, p)|².
        dec: L_Dec = |x - D(R(T, p))|².
        tv: total variation of the planes.
    """

    ae: Float[Tensor, ""]
    enc: Float[Tensor, ""]
    dec: Float[Tensor, ""]
    tv: Float[Tensor, ""]

    def total(self, weights: LossWeights) -> Float[Tensor, ""]:
        """The weighted sum that is minimized."""
        return weights.ae * self.ae + weights.enc * self.enc + weights.dec * self.dec + weights.tv * self.tv


@dataclass(frozen=True)
class Targets:
    """The views that a batch is compared with.

    Attributes:
        cameras: image cameras of the views, grouped by scene.
        views_per_scene: number of views of each scene.
        images: pictures of the views; None where only L_Enc counts and latents are cached.
        latents: cached normalized latents of a frozen encoder; None encodes the images where a loss calls for it,
            with gradient.
        background: latent of a white image.
    """

    cameras: Cameras
    views_per_scene: list[int]
    images: Float[Tensor, "view 3 height width"] | None
    latents: Float[Tensor, "view channel latent_height latent_width"] | None
    background: Float[Tensor, "pixel channel"]


@dataclass(frozen=True)
class Sampler:
    """How the rays of a step are sampled.

    Attributes:
        sampling: rays of a latent pixel, and samples of a ray.
        generators: random sample placement, one generator per scene.
        backend: which kernel renders.
    """

    sampling: SamplingConfig
    generators: Sequence[torch.Generator]
    backend: Backend = "auto"


def batch_losses(
    model: CategoryModel, field: TriPlaneField, targets: Targets, weights: LossWeights, sampler: Sampler
) -> Losses:
    """Render the scenes of a batch and compare them with its views; terms of weight 0 are not computed."""
    zero = targets.background.new_zeros(())
    variation = total_variation(field, sampler.backend) if weights.tv else zero
    if weights.enc and not (weights.ae or weights.dec):
        error = _error_in_one_pass(model, field, targets, sampler)
        if error is not None:
            return Losses(zero, error, zero, variation)
    rendering = model.render_latents(
        field,
        targets.cameras,
        targets.views_per_scene,
        targets.background,
        sampler.generators,
        sampler.backend,
        sampler.sampling,
    )
    rendered = model.as_images(rendering.channels)
    images, latents = targets.images, targets.latents
    if latents is None and (weights.enc or weights.ae):
        assert images is not None
        latents = model.encode(images)
    enc = _squared_error(rendered, latents) if weights.enc else zero
    ae = dec = zero
    if weights.ae and weights.dec:
        assert latents is not None
        # One pass of the decoder over both halves fills the cores better than two.
        from_encoder, from_scene = model.decode(torch.cat([latents, rendered])).chunk(2)
        ae, dec = _squared_error(from_encoder, images), _squared_error(from_scene, images)
    elif weights.ae:
        assert latents is not None
        ae = _squared_error(model.decode(latents), images)
    elif weights.dec:
        dec = _squared_error(model.decode(rendered), images)
    return Losses(ae, enc, dec, variation)


def _error_in_one_pass(
    model: CategoryModel, field: TriPlaneField, targets: Targets, sampler: Sampler
) -> Float[Tensor, ""] | None:
    """L_Enc where nothing else is asked of the rendered latents, so that they need not be kept.

    None if there are no cached latents, or if one pass is of no use here.
    """
    (height, width), fine = model.latent_size, sampler.sampling.supersample
    rays = model.latent_rays(targets.cameras, targets.views_per_scene, fine)
    if targets.latents is None or not compares_in_one_pass(field, rays, sampler.sampling, fine**2, sampler.backend):
        return None

    def pixel_by_pixel(values: Tensor) -> Tensor:
        """The rays of each latent pixel side by side, not row by row."""
        return values.reshape(-1, height, fine, width, fine, values.shape[1]).transpose(2, 3).reshape(values.shape)

    jitter = pixel_by_pixel(random_places(rays, sampler.generators))
    rays = SceneRays(Rays(*map(pixel_by_pixel, (rays.flat.origins, rays.flat.directions))), rays.per_scene)
    comparison = Comparison(targets.latents.permute(0, 2, 3, 1).flatten(0, 2), targets.background, fine**2)
    return squared_error(field, rays, sampler.sampling, jitter, comparison, sampler.backend)


def _squared_error(rendered: Tensor, target: Tensor | None) -> Float[Tensor, ""]:
    assert target is not None, "this loss needs the pictures"
    return F.mse_loss(rendered, target)
