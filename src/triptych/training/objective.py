"""The three losses of a batch of views (Schnepf, Kassab et al. 2024, section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Cameras
from triptych.model import CategoryModel
from triptych.representation.field import SamplingConfig, TriPlaneField
from triptych.representation.kernels import Backend, total_variation
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
        """The weighted sum that is minimised."""
        return weights.ae * self.ae + weights.enc * self.enc + weights.dec * self.dec + weights.tv * self.tv


def batch_losses(
    model: CategoryModel,
    field: TriPlaneField,
    cameras: Cameras,
    views_per_scene: list[int],
    images: Float[Tensor, "view 3 height width"] | None,
    latents: Float[Tensor, "view channel latent_height latent_width"] | None,
    background: Float[Tensor, "pixel channel"],
    weights: LossWeights,
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator],
    backend: Backend = "auto",
) -> Losses:
    """Render the batch and compare it with what its weights call for.

    Args:
        model: autoencoder and tiny MLP.
        field: the batch's scenes.
        cameras: image cameras of the views, grouped by scene.
        views_per_scene: number of views of each scene.
        images: pictures of the views; not needed where only L_Enc counts and latents are cached.
        latents: cached normalised latents of a frozen encoder; None encodes the images here where a loss calls for
            it, with gradient.
        background: latent of a white image.
        weights: terms of weight 0 are not computed.
        sampling: rays of a latent pixel, and samples of a ray.
        generators: random sample placement, one generator a scene.
        backend: which kernel renders.
    """
    zero = background.new_zeros(())
    rendering = model.render_latents(field, cameras, views_per_scene, background, generators, backend, sampling)
    rendered = model.as_images(rendering.channels)
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
    return Losses(ae, enc, dec, total_variation(field, backend) if weights.tv else zero)


def _squared_error(found: Tensor, wanted: Tensor | None) -> Float[Tensor, ""]:
    assert wanted is not None, "this loss needs the pictures"
    return F.mse_loss(found, wanted)
