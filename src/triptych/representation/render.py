"""Rendering: rays to channels, opacity and depth, the same code for RGB and for latents."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import SceneRays
from triptych.representation import kernels
from triptych.representation.config import SamplingConfig
from triptych.representation.field import Field
from triptych.representation.sampler import PixelRays
from triptych.runtime import sent


@dataclass(frozen=True)
class Rendering:
    """What rays see.

    Attributes:
        channels: RGB or latent channels over the background.
        opacity: share of the ray that the scene stops, in [0, 1].
        depth: mean distance at which it is stopped, in world units; 0 where opacity is 0.
    """

    channels: Float[Tensor, "ray channel"]
    opacity: Float[Tensor, " ray"]
    depth: Float[Tensor, " ray"]

    def averaged(self, pixel_rays: PixelRays, height: int, width: int) -> "Rendering":
        """The pixels of whole pictures of this size, from the rays through them."""
        parts = (self.channels, self.opacity, self.depth)
        return Rendering(*(pixel_rays.mean(part, height, width) for part in parts))


def render(
    field: Field,
    rays: SceneRays,
    background: Float[Tensor, "#ray channel"],
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator] | None = None,
    backend: kernels.Backend = "auto",
) -> Rendering:
    """Render rays through scenes by volume rendering (NeRF, equation 3).

    Rays that miss the scene box cost nothing and see the background alone.

    Args:
        field: the scenes.
        rays: what is rendered, scenes in the order of the field.
        background: channels behind everything, one row for all rays or one per ray.
        sampling: samples per ray.
        generators: random sample placement, for training, with one generator per scene (on the CPU whatever the
            device, so that devices agree); None places samples evenly.
        backend: which kernel computes it.
    """
    integral = kernels.render(field, rays, sampling, random_places(rays, generators), backend)
    channels = integral.channels + (1 - integral.opacity)[:, None] * background
    return Rendering(channels, integral.opacity, integral.depth / integral.opacity.clamp_min(1e-8))


def random_places(rays: SceneRays, generators: Sequence[torch.Generator] | None) -> Float[Tensor, "ray 2"]:
    """How the samples of each ray are jittered (see ``kernels.place_samples``), from one generator per scene."""
    origins = rays.flat.origins
    if generators is None:
        return origins.new_full((len(origins), 2), 0.5)
    parts = [
        torch.rand(count, 2, generator=generator, dtype=origins.dtype)
        for count, generator in zip(rays.per_scene, generators, strict=True)
    ]
    return sent(torch.cat(parts), origins.device)
