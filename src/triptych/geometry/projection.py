"""Where cameras see points."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Projection:
    """Points as cameras see them; nothing hides another.

    Attributes:
        x: to the right, in pixels.
        y: down, in pixels.
        depth: along the camera's axis; what is not positive is behind it.
        height: of the pictures in pixels.
        width: of the pictures in pixels.
    """

    x: Float[Tensor, "view point"]
    y: Float[Tensor, "view point"]
    depth: Float[Tensor, "view point"]
    height: int
    width: int

    @property
    def points(self) -> Float[Tensor, "view point 2"]:
        """Places (x, y) in the pictures, in pixels."""
        return torch.stack([self.x, self.y], dim=-1)

    @property
    def inside(self) -> Bool[Tensor, "view point"]:
        """Which points are in the picture: before the camera and within the edges."""
        return (self.depth > 0) & (self.x >= 0) & (self.x < self.width) & (self.y >= 0) & (self.y < self.height)

    def pixels(self, size: int = 1) -> Int[Tensor, "view point"]:
        """The number of the pixel that a point falls on, row by row, of pixels so many times as large; 0 outside."""
        columns = -(-self.width // size)
        number = (self.y / size).floor() * columns + (self.x / size).floor()
        return torch.where(self.inside, number, 0).long()

    def on(self, mask: Bool[Tensor, "view height width"]) -> Bool[Tensor, "view point"]:
        """Which points fall on the set pixels of a mask of the pictures; those outside do not."""
        return self.inside & mask.flatten(1).gather(1, self.pixels())
