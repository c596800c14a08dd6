"""Rendered pixels compared with their targets: the definition, on which a fused kernel must agree."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.representation.kernels.reference import Integral


@dataclass(frozen=True)
class Comparison:
    """What the rays of a call are compared with; a pixel is the mean of some rays that lie side by side.

    Attributes:
        targets: what the pixels should be.
        background: channels behind everything, row after row for pixel after pixel, from the first row again after
            the last.
        rays_per_pixel: how many rays there are to each pixel.
        opacities: what share of its light each pixel should stop, below 0 where that is not known; None where it is
            known of none.
        opacity_weight: what the squared error of an opacity counts beside the mean of those of the channels.
        cutoff: share of a ray's light below which one pass may end it. Up to so much of a pixel is then counted as
            background.
    """

    targets: Float[Tensor, "pixel channel"]
    background: Float[Tensor, "row channel"]
    rays_per_pixel: int = 1
    opacities: Float[Tensor, " pixel"] | None = None
    opacity_weight: float = 0.0
    cutoff: float = 1e-3

    def error(self, integral: Integral) -> Float[Tensor, ""]:
        """The mean over pixels of the squared difference between what rays have gathered and targets: its mean over
        channels, and that of the opacity by its weight."""
        pixels, channels = self.targets.shape
        shape = pixels, self.rays_per_pixel, channels
        background = self.background.repeat(pixels // len(self.background), 1)[:, None]
        through = (1 - integral.opacity).reshape(*shape[:2], 1)
        rendered = (integral.channels.reshape(shape) + through * background).mean(dim=1)
        error = (rendered - self.targets).square().mean()
        opacity = integral.opacity.reshape(shape[:2]).mean(dim=1)
        return error + self.opacity_weight * opacity_error(opacity, self.opacities)


def opacity_error(opacity: Float[Tensor, " pixel"], targets: Float[Tensor, " pixel"] | None) -> Float[Tensor, ""]:
    """The mean over pixels of the squared difference of opacities; 0 where the target is below 0: not known."""
    if targets is None:
        return opacity.new_zeros(())
    return torch.where(targets < 0, 0, opacity - targets).square().mean()
