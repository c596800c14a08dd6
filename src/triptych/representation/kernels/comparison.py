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
        opacities: what share of its light each pixel should stop; None where nothing says so.
        opacity_weight: what the squared error of opacities counts, where that of a channel's mean counts 1.
    """

    targets: Float[Tensor, "pixel channel"]
    background: Float[Tensor, "row channel"]
    rays_per_pixel: int = 1
    opacities: Float[Tensor, " pixel"] | None = None
    opacity_weight: float = 0.0

    def error(self, integral: Integral) -> Float[Tensor, ""]:
        """The mean over pixels of the squared difference between what rays have gathered and targets.

        Of channels it is the mean, to which that of the opacity is added by its weight.
        """
        pixels, channels = self.targets.shape
        shape = pixels, self.rays_per_pixel, channels
        background = self.background.repeat(pixels // len(self.background), 1)[:, None]
        through = (1 - integral.opacity).reshape(*shape[:2], 1)
        rendered = (integral.channels.reshape(shape) + through * background).mean(dim=1)
        error = (rendered - self.targets).square().mean()
        if self.opacities is None:
            return error
        opacity = integral.opacity.view(shape[:2]).mean(dim=1)
        return error + self.opacity_weight * (opacity - self.opacities).square().mean()
