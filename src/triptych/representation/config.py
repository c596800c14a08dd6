"""Configuration of what is rendered: samples per ray, planes, networks, and what counts as empty."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from triptych.options import Options, Range

EMPTY_OPTICAL_DEPTH = 25.0
"""A cell is empty when matter of its density, filling the box from corner to corner, would have a smaller optical depth
than this; filling the cell alone, it would stop half of the light. What is thinner, and not beside something denser, is
mostly fog that no fitted view forbids and other views see. Surfaces are ten times denser."""
EMPTY_SHARE = 0.1
"""Nor is a cell empty that has this share of the density of the densest: all of a scene may be thin, as in its first
steps."""


@dataclass(frozen=True)
class SamplingConfig(Options):
    """How many samples a ray gets inside the scene box."""

    coarse: Annotated[int, Range(1, 4096)] = 48
    """Stratified samples from where the ray enters the box to where it leaves."""
    importance: Annotated[int, Range(0, 4096)] = 48
    """Further samples where the coarse ones found matter; 0 renders in one pass."""
    supersample: Annotated[int, Range(1, 16)] = 1
    """Rays along each side of a latent pixel, averaged: a latent pixel covers a patch of image, not a point."""


@dataclass(frozen=True)
class PlaneConfig(Options):
    """Size of the tri-planes, and which part of them is shared."""

    resolution: Annotated[int, Range(2, 4096)] = 64
    """Texels along each side of a plane (K)."""
    micro_features: Annotated[int, Range(0, 1024)] = 10
    """Features that belong to one scene alone (F_mic); 0 leaves the micro planes out."""
    macro_features: Annotated[int, Range(0, 1024)] = 22
    """Features combined from the base planes (F_mac); 0 leaves the macro planes out."""
    base_planes: Annotated[int, Range(0, 65_536)] = 50
    """Number of shared base planes (M)."""
    combine: Literal["concat", "sum"] = "concat"
    """How micro and macro planes meet: side by side, or added (then both need the same number of features)."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if self.features == 0:
            yield "micro_features", "is 0, and so is macro_features; expected one of them (or both) above 0"
        if self.macro_features and self.base_planes < 1:
            yield "base_planes", f"is {self.base_planes}, expected at least 1 where macro_features is above 0"
        both = self.micro_features and self.macro_features
        if self.combine == "sum" and both and self.micro_features != self.macro_features:
            yield "combine", f"is sum, which needs {self.micro_features} micro_features equal to macro_features"

    @property
    def features(self) -> int:
        """Features a lookup returns (F)."""
        if self.combine == "sum":
            return max(self.micro_features, self.macro_features)
        return self.micro_features + self.macro_features

    @property
    def micro_shape(self) -> tuple[int, int, int, int]:
        """Shape of one scene's micro planes."""
        return (3, self.resolution, self.resolution, self.micro_features)

    @property
    def base_shape(self) -> tuple[int, int, int, int, int]:
        """Shape of all base planes together."""
        count = self.base_planes if self.macro_features else 0
        return (count, 3, self.resolution, self.resolution, self.macro_features)

    @property
    def coefficients(self) -> int:
        """Coefficients of one scene (M, or 0 without macro planes)."""
        return self.base_planes if self.macro_features else 0


@dataclass(frozen=True)
class MLPConfig(Options):
    """The tiny MLP shared by every scene."""

    hidden: Annotated[int, Range(1, 4096)] = 64
    """Width of the one hidden layer."""
    hidden_activation: Literal["softplus", "relu"] = "softplus"
    """Activation of the hidden layer; relu is cheaper on a CPU."""
    channel_activation: Literal["linear", "sigmoid"] = "linear"
    """Activation of the channels: sigmoid for RGB and for latents within (0, 1), else linear."""
    density_scale: Annotated[float, Range(1e-6, 1_000_000)] = 30.0
    """Density per unit of softplus, per world unit of length: an opaque surface needs a few hundred."""
    density_shift: Annotated[float, Range(-1000, 1000)] = -4.0
    """Added to the raw density before its softplus, so that a fresh scene starts nearly transparent."""


@dataclass(frozen=True)
class NeRFConfig(Options):
    """The networks; the published ones have 8 layers of 256."""

    layers: Annotated[int, Range(1, 64)] = 8
    """Hidden layers before the density."""
    width: Annotated[int, Range(2, 8192)] = 256
    """Features of each; half as many in the layer that sees the direction."""
    position_octaves: Annotated[int, Range(0, 24)] = 10
    """Frequencies of the positional encoding of points, L."""
    direction_octaves: Annotated[int, Range(0, 24)] = 4
    """Frequencies of the encoding of directions."""
    channel_activation: Literal["linear", "sigmoid"] = "sigmoid"
    """Activation of the channels: sigmoid for RGB, linear for latents."""
    density_scale: Annotated[float, Range(1e-6, 1_000_000)] = 30.0
    """Density per unit of softplus, per world unit of length."""
