"""What is rendered: tri-plane scenes, and how finely rays sample them."""

from dataclasses import dataclass

from jaxtyping import Float, Int32
from torch import Tensor

from triptych.errors import InputError
from triptych.representation.mlp import TinyMLP


@dataclass(frozen=True)
class SamplingConfig:
    """How many samples a ray gets inside the scene box."""

    coarse: int = 48
    """Stratified samples from where the ray enters the box to where it leaves."""
    importance: int = 48
    """Further samples where the coarse ones found matter; 0 renders in one pass."""
    supersample: int = 1
    """Rays along each side of a latent pixel, averaged: a latent pixel covers a patch of image, not a point."""

    def __post_init__(self) -> None:
        if self.coarse < 1 or self.importance < 0 or self.supersample < 1:
            raise InputError("sampling: expected coarse and supersample of at least 1, importance of at least 0")


@dataclass(frozen=True)
class TriPlaneField:
    """Several scenes that can be rendered: their tri-planes, the tiny MLP and the box they live in.

    Attributes:
        planes: full tri-planes, channels last.
        mlp: the tiny MLP all of them share.
        aabb: lower and upper corner of the scene box.
        occupancy: which cells of the box may hold matter, in the bits of `triptych.geometry.bit_grid`; samples in
            other cells are left out. None samples everywhere.
    """

    planes: Float[Tensor, "scene 3 row column feature"]
    mlp: TinyMLP
    aabb: Float[Tensor, "2 3"]
    occupancy: Int32[Tensor, "scene z y"] | None = None
