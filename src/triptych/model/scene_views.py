"""What rendering a scene through a category model gives."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class SceneViews:
    """Renderings of one scene from several cameras.

    Attributes:
        images: RGB, not clamped.
        latents: normalised latent channels.
        opacity: share of light stopped by the scene, at latent resolution.
        depth: mean depth in world units, at latent resolution.
    """

    images: Float[Tensor, "view 3 height width"]
    latents: Float[Tensor, "view channel latent_height latent_width"]
    opacity: Float[Tensor, "view latent_height latent_width"]
    depth: Float[Tensor, "view latent_height latent_width"]
