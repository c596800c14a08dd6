"""What the predictor sees of a scene."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry import Cameras

VIEWS_AT_ONCE = 8
"""Views of a scene that are looked at together: more take longer and show little more."""


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

    def part(self, look: int) -> "EncodedViews":
        """Those of one look at the scene, of which each takes other views in turn: every n-th, for the least n that
        leaves at most ``VIEWS_AT_ONCE``."""
        apart = -(-len(self) // VIEWS_AT_ONCE)
        return self if apart == 1 else self[range(look % apart, len(self), apart)]

    def within(self, side: int) -> "EncodedViews":
        """The same views with at most so many pixels along each side: means of latents, and all that any part of a
        pixel shows."""
        size = shrunk(self.cameras.height, self.cameras.width, side)
        if size == (self.cameras.height, self.cameras.width):
            return self
        shown = F.adaptive_max_pool2d(self.shown[:, None].float(), size)[:, 0] > 0
        return EncodedViews(F.adaptive_avg_pool2d(self.latents, size), shown, self.cameras.resized(*size))


def shrunk(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width of a picture of the same proportions whose sides are at most so long."""
    longest = max(height, width, side)
    return max(1, height * side // longest), max(1, width * side // longest)
