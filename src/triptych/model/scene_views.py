"""What rendering a scene through a category model gives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class SceneViews:
    """Renderings of one scene from several cameras.

    Attributes:
        images: RGB, not clamped.
        latents: normalized latent channels.
        opacity: share of light stopped by the scene, at latent resolution. Where the autoencoder does not divide the
            pictures' size, the last latent pixels reach beyond the pictures.
        depth: mean depth in world units, at latent resolution.
    """

    images: Float[Tensor, "view 3 height width"]
    latents: Float[Tensor, "view channel latent_height latent_width"]
    opacity: Float[Tensor, "view latent_height latent_width"]
    depth: Float[Tensor, "view latent_height latent_width"]

    def cut(self, height: int, width: int) -> "SceneViews":
        """With pictures of this size, as far as they go, without what lies to the right or below."""
        return replace(self, images=self.images[:, :, :height, :width])

    @classmethod
    def cat(cls, parts: "Sequence[SceneViews]") -> "SceneViews":
        """Several parts as one, in their order."""
        return cls(
            torch.cat([part.images for part in parts]),
            torch.cat([part.latents for part in parts]),
            torch.cat([part.opacity for part in parts]),
            torch.cat([part.depth for part in parts]),
        )
