"""Which rays render a pixel, and how they are sampled."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from triptych.geometry import Cameras, Rays
from triptych.representation.config import SamplingConfig
from triptych.representation.kernels import Backend


@dataclass(frozen=True)
class PixelRays:
    """The rays whose mean is a pixel: ``side`` x ``side``, spread evenly over it, or one diagonal of these.

    The diagonals of a pixel are as many as its rays along a side, share no ray, and have all of them together: the
    mean of the pixels that they give is the pixel that all rays give.

    Attributes:
        side: rays along each side of a pixel.
        diagonal: in row i the ray in column (i + diagonal) modulo ``side`` alone; None takes all.
    """

    side: int
    diagonal: int | None = None

    @property
    def across(self) -> int:
        """Rays of a pixel in each of its rows of rays."""
        return self.side if self.diagonal is None else 1

    @property
    def count(self) -> int:
        """Rays of a pixel."""
        return self.side * self.across

    def through(self, cameras: Cameras) -> Rays:
        """All rays [view, row of rays, ray in the row, 3] of cameras, row after row."""
        height, width, side = cameras.height, cameras.width, self.side
        rays = cameras.resized(height * side, width * side).rays()
        if self.diagonal is not None:
            rays = Rays(self._on_diagonal(rays.origins, height), self._on_diagonal(rays.directions, height))
        shape = (len(cameras), height * side, width * self.across, 3)
        return Rays(rays.origins.reshape(shape), rays.directions.reshape(shape))

    def repeat(self, pixels: Shaped[Tensor, "height width *value"]) -> Shaped[Tensor, "fine_height fine_width *value"]:
        """What belongs to each ray of something that has a value per pixel."""
        return pixels.repeat_interleave(self.side, 0).repeat_interleave(self.across, 1)

    def side_by_side(self, values: Float[Tensor, "ray value"], height: int, width: int) -> Float[Tensor, "ray value"]:
        """Values of the rays of pictures of this size with those of each pixel one after the other."""
        return (
            values.reshape(-1, height, self.side, width, self.across, values.shape[1])
            .transpose(2, 3)
            .reshape(values.shape)
        )

    def mean(self, values: Float[Tensor, "ray *value"], height: int, width: int) -> Float[Tensor, "pixel *value"]:
        """The pixels of one or several pictures of this size, from the values of their rays."""
        if self.side == 1:
            return values
        blocks = values.reshape(-1, height, self.side, width, self.across, values[0].numel()).mean(dim=(2, 4))
        return blocks.reshape(-1, *values.shape[1:])

    def _on_diagonal(self, rays: Float[Tensor, "view ray 3"], height: int) -> Float[Tensor, "view height side width 3"]:
        assert self.diagonal is not None
        blocks = rays.reshape(len(rays), height, self.side, -1, self.side, 3)
        columns = [(row + self.diagonal) % self.side for row in range(self.side)]
        return torch.stack([blocks[:, :, row, :, column] for row, column in enumerate(columns)], dim=2)


@dataclass(frozen=True)
class Sampler:
    """How the rays of latent pixels are chosen and sampled.

    Attributes:
        sampling: rays of a latent pixel, and samples of a ray.
        generators: random sample placement, for training, with one generator per scene; None places samples evenly.
        backend: which kernel renders.
        diagonal: which diagonal of the rays of a latent pixel is rendered; None takes all rays.
    """

    sampling: SamplingConfig
    generators: Sequence[torch.Generator] | None = None
    backend: Backend = "auto"
    diagonal: int | None = None

    @property
    def pixel_rays(self) -> PixelRays:
        """The rays of a latent pixel."""
        return PixelRays(self.sampling.supersample, self.diagonal)
