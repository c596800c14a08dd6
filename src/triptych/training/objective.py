"""The three losses of a batch of views (Schnepf, Kassab et al. 2024, section 3.1)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Rays, SceneRays
from triptych.model import CategoryModel
from triptych.model.reach import Reach
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels import Comparison, compares_in_one_pass, squared_error, total_variation
from triptych.representation.render import random_places
from triptych.representation.sampler import Sampler
from triptych.training.phase import LossWeights
from triptych.training.pixels import LatentPixels
from triptych.training.targets import Part, Targets, rendered_parts


@dataclass(frozen=True)
class Losses:
    """The terms of a step, before their weights; zero where a term has none.

    Attributes:
        ae: L_ae = |x - D(E(x))|², the mean over pixels.
        enc: L_Enc = |E(x) - R(T, p)|², on random pixels with the weighted error of opacities.
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

    def detached(self) -> "Losses":
        """The same numbers, without the graph that they come from."""
        return Losses(self.ae.detach(), self.enc.detach(), self.dec.detach(), self.tv.detach())

    def shares(self, of_pixels: float, of_scenes: float) -> "Losses":
        """What a part of a step's pixels, of a part of its scenes, adds to the terms of the whole step."""
        return Losses(of_pixels * self.ae, of_pixels * self.enc, of_pixels * self.dec, of_scenes * self.tv)


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
    terms = [_terms(model, part, weights, targets.reach) for part in rendered_parts(model, field, targets, sampler)]
    ae, enc, dec = (sum(term, zero) for term in zip(*terms, strict=True))
    return Losses(ae, enc, dec, variation)


def pixel_losses(field: TriPlaneField, pixels: LatentPixels, weights: LossWeights, sampler: Sampler) -> Losses:
    """L_Enc on random pixels of a batch's views, and what there is beside it."""
    zero = pixels.background.new_zeros(())
    variation = total_variation(field, sampler.backend) if weights.tv else zero
    return Losses(zero, pixels.error(field, sampler, weights.opacity), zero, variation)


def _error_in_one_pass(
    model: CategoryModel, field: TriPlaneField, targets: Targets, sampler: Sampler
) -> Float[Tensor, ""] | None:
    """L_Enc where nothing else is asked of the rendered latents, so that they need not be kept.

    None if there are no cached latents of whole views, or if one pass is of no use here.
    """
    if targets.latents is None or targets.windows is not None:
        return None
    cameras, pixel_rays = targets.cameras, sampler.pixel_rays
    height, width = model.latent_size_of(cameras.height, cameras.width)
    rays = model.latent_rays(cameras, targets.views_per_scene, pixel_rays)
    if not compares_in_one_pass(field, sampler.sampling, pixel_rays.count, sampler.backend):
        return None
    origins, directions, jitter = (
        pixel_rays.side_by_side(values, height, width)
        for values in (rays.flat.origins, rays.flat.directions, random_places(rays, sampler.generators))
    )
    rays = SceneRays(Rays(origins, directions), rays.per_scene)
    comparison = Comparison(model.as_pixels(targets.latents), targets.background, pixel_rays.count)
    return squared_error(field, rays, sampler.sampling, jitter, comparison, sampler.backend)


def _terms(model: CategoryModel, part: Part, weights: LossWeights, reach: Reach) -> tuple[Tensor, Tensor, Tensor]:
    """L_ae, L_Enc and L_Dec of some views."""
    ae = enc = dec = part.rendered.new_zeros(())
    images, latents, encoded = part.images, part.latents, 0
    if latents is None and (weights.enc or weights.ae):
        assert images is not None
        latents, encoded = model.encode(images), reach.encoder
    if weights.enc:
        enc = part.error(part.rendered, latents, encoded)
    if weights.ae and weights.dec:
        assert latents is not None
        # One pass of the decoder over both halves fills the cores better than two.
        from_encoder, from_scene = model.decode(torch.cat([latents, part.rendered])).chunk(2)
        ae, dec = (
            part.error(from_encoder, images, encoded + reach.decoder),
            part.error(from_scene, images, reach.decoder),
        )
    elif weights.ae:
        assert latents is not None
        ae = part.error(model.decode(latents), images, encoded + reach.decoder)
    elif weights.dec:
        dec = part.error(model.decode(part.rendered), images, reach.decoder)
    return ae, enc, dec
