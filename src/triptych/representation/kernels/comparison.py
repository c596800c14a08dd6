"""Rendered pixels compared with their targets: the definition, on which a fused kernel must agree."""

from dataclasses import dataclass

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
    """

    targets: Float[Tensor, "pixel channel"]
    background: Float[Tensor, "row channel"]
    rays_per_pixel: int = 1

    def error(self, integral: Integral) -> Float[Tensor, ""]:
        """The mean over pixels and channels of the squared difference between what rays have gathered and targets."""
        pixels, channels = self.targets.shape
        shape = pixels, self.rays_per_pixel, channels
        background = self.background.repeat(pixels // len(self.background), 1)[:, None]
        through = (1 - integral.opacity).reshape(*shape[:2], 1)
        rendered = (integral.channels.reshape(shape) + through * background).mean(dim=1)
        return (rendered - self.targets).square().mean()
