"""The tiny MLP that turns a tri-plane feature into a density and channels."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from triptych.representation.config import MLPConfig


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
