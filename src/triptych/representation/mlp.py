"""The tiny MLP that turns a tri-plane feature into a density and channels."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from triptych.options import Options, Range


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


class TinyMLP(nn.Module):
    """One hidden layer: F features -> hidden -> 1 density and C channels.

    density = density_scale · softplus(raw_0 + density_shift), channels = activation(raw_1..C).
    """

    def __init__(self, features: int, channels: int, config: MLPConfig) -> None:
        super().__init__()
        self.config = config
        self.channels = channels
        self.hidden = nn.Linear(features, config.hidden)
        self.output = nn.Linear(config.hidden, 1 + channels)

    def forward(
        self, features: Float[Tensor, "*batch feature"]
    ) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch channel"]]:
        """Density (per world unit, non-negative) and channels at points with these features."""
        raw = self.raw(features)
        density = self.config.density_scale * F.softplus(raw[..., 0] + self.config.density_shift)
        return density, self.activated(raw[..., 1:])

    def raw(self, features: Float[Tensor, "*batch feature"]) -> Float[Tensor, "*batch output"]:
        """What comes before the activations of density and channels."""
        activation = F.softplus if self.config.hidden_activation == "softplus" else F.relu
        return self.output(activation(self.hidden(features)))

    def activated(self, channels: Float[Tensor, "*batch channel"]) -> Float[Tensor, "*batch channel"]:
        """Channels after their activation."""
        return torch.sigmoid(channels) if self.config.channel_activation == "sigmoid" else channels
