"""What rendering a scene through a category model gives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from triptych.pictures import as_pixels, as_png

_COLUMNS = 8
"""Views in a row of what a notebook shows."""


@dataclass(frozen=True)
class SceneViews:
    """Renderings from several cameras; a notebook shows them.

    Attributes:
        images: RGB, not clamped: as the decoder makes them, around [0, 1]; ``pixels`` are ready to be shown.
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

    def __len__(self) -> int:
        return len(self.images)

    def split(self, sizes: Sequence[int]) -> "list[SceneViews]":
        """The views in parts of these sizes, in their order."""
        tensors = (self.images, self.latents, self.opacity, self.depth)
        return [SceneViews(*parts) for parts in zip(*(tensor.split(list(sizes)) for tensor in tensors), strict=True)]

    def pixels(self) -> UInt8[np.ndarray, "view height width 3"]:
        """The images as bytes, clamped, to be shown or written."""
        return as_pixels(self.images)

    def picture(self) -> Image.Image:
        """All views on one picture, up to eight in a row."""
        pixels = self.pixels()
        count, height, width, _ = pixels.shape
        columns = min(count, _COLUMNS)
        sheet = Image.new("RGB", (columns * width, -(-count // columns) * height), "white")
        for number, view in enumerate(pixels):
            sheet.paste(Image.fromarray(view), (number % columns * width, number // columns * height))
        return sheet

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        return as_png(self.picture())
