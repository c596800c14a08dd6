"""What the predictor sees of a scene."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry import Cameras


@dataclass(frozen=True)
class EncodedViews:
    """Some views of one scene, encoded.

    Attributes:
        latents: normalized latents.
        shown: the latent pixels in which something differs from the background.
        cameras: of latent images.
    """

    latents: Float[Tensor, "view channel height width"]
    shown: Bool[Tensor, "view height width"]
    cameras: Cameras

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, views: Sequence[int]) -> "EncodedViews":
        """Some of the views."""
        chosen = torch.tensor(list(views), device=self.latents.device)
        return EncodedViews(self.latents[chosen], self.shown[chosen], self.cameras[chosen])
