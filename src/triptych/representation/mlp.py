"""The tiny MLP that turns a tri-plane feature into a density and channels."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from triptych.representation.config import MLPConfig

_LINEAR_FROM = 5.0
"""Minus the feature from which on a direct unit is linear: exactly with relu, within 1 % with softplus for features
above 0."""


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

    @torch.no_grad()
    def start_direct(self, gain: float) -> None:
        """Let the first features act on the outputs directly: feature j adds gain · f_j to raw_j, density first.

        Each has a hidden unit of its own, far in its linear range (f_j > -5), which changes one output alone; other
        units stay random. A scene can then raise its density, or change a channel, where the units that other scenes
        have trained are off. Channels get half the gain. All of this is a start: training moves it.

        Args:
            gain: of the density; 0 changes nothing.
        """
        if not gain:
            return
        hidden, output = self.hidden, self.output
        for j in range(min(hidden.in_features, hidden.out_features, output.out_features)):
            of_output = gain if j == 0 else gain / 2
            hidden.weight[j] = 0.0
            hidden.weight[j, j] = 1.0
            hidden.bias[j] = _LINEAR_FROM
            output.weight[:, j] = 0.0
            output.weight[j, j] = of_output
            output.bias[j] -= of_output * _LINEAR_FROM

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
