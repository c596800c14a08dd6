"""NeRF: a scene as a multilayer perceptron of encoded positions and directions (Mildenhall et al. 2020).

Two networks of one shape: a coarse one whose density places importance samples, and a fine one that is rendered.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from triptych.representation.config import NeRFConfig


def positional_encoding(values: Float[Tensor, "point 3"], octaves: int) -> Float[Tensor, "point feature"]:
    """The values, and sine and cosine of them times pi, 2 pi, 4 pi ... (NeRF, equation 4): 3 + 6 L features."""
    frequencies = math.pi * 2.0 ** torch.arange(octaves, dtype=values.dtype, device=values.device)
    angles = (values[:, None] * frequencies[:, None]).flatten(1)
    return torch.cat([values, angles.sin(), angles.cos()], dim=-1)


class NeRFNetwork(nn.Module):
    """Position and direction to density and channels; the encoded position enters again in the middle."""

    def __init__(self, channels: int, config: NeRFConfig) -> None:
        super().__init__()
        self.config = config
        position, direction = 3 + 6 * config.position_octaves, 3 + 6 * config.direction_octaves
        self._again = config.layers // 2
        inputs = [position] + [config.width] * (config.layers - 1)
        inputs[self._again] += position if self._again else 0
        self.layers = nn.ModuleList(nn.Linear(count, config.width) for count in inputs)
        self.density = nn.Linear(config.width, 1)
        self.feature = nn.Linear(config.width, config.width)
        self.view = nn.Linear(config.width + direction, config.width // 2)
        self.channels = nn.Linear(config.width // 2, channels)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):  # torch's own start shrinks the signal from layer to layer
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(
        self, points: Float[Tensor, "point 3"], directions: Float[Tensor, "point 3"]
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "point channel"]]:
        """Density per world unit and channels of points in [-1, 1]^3 seen along unit directions."""
        encoded = hidden = positional_encoding(points, self.config.position_octaves)
        for number, layer in enumerate(self.layers):
            again = number == self._again and number > 0
            hidden = F.relu(layer(torch.cat([hidden, encoded], dim=-1) if again else hidden))
        density = self.config.density_scale * F.softplus(self.density(hidden)[:, 0] - 1)
        seen_from = positional_encoding(directions, self.config.direction_octaves)
        raw = self.channels(F.relu(self.view(torch.cat([self.feature(hidden), seen_from], dim=-1))))
        return density, torch.sigmoid(raw) if self.config.channel_activation == "sigmoid" else raw


@dataclass(frozen=True)
class NeRFField:
    """One scene of a NeRF, as a ``Field``.

    Attributes:
        network: what is rendered.
        coarse: what places importance samples.
        aabb: the scene box, which the networks see as [-1, 1]^3.
    """

    network: NeRFNetwork
    coarse: NeRFNetwork
    aabb: Float[Tensor, "2 3"]
    occupancy: None = None

    @property
    def proposal(self) -> "NeRFField":
        """The coarse network's field."""
        return NeRFField(self.coarse, self.coarse, self.aabb)

    def query(
        self, points: Float[Tensor, "point 3"], directions: Float[Tensor, "point 3"], points_per_scene: Sequence[int]
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "point channel"]]:
        """See ``Field``; there is one scene."""
        lower, upper = self.aabb
        return self.network((points - lower) / (upper - lower) * 2 - 1, directions)
