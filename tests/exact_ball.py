"""A ball that a model of RGB tri-planes holds exactly, for tests that need to know where its surface is."""

import math

import torch

from triptych.autoencoder import LatentNormalization
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.bank import Scene
from triptych.model import CategoryModel, ModelConfig
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig

AABB = torch.tensor([[-0.5, -0.4, -0.45], [0.5, 0.4, 0.45]])
RADIUS = 0.3
_TEXELS = 48
_STEEPNESS = 3000.0


def exact_ball(
    center: tuple[float, float, float] = (0.1, -0.05, 0.0),
    hollow_radius: float = 0.0,
    size: tuple[int, int] = (48, 64),
) -> Scene:
    """A ball whose RGB at (x, y, z) is (1/2 + x, 1/2 + y, 1/2 + z), with a hollow in its middle if asked for.

    Its pictures are of ``size`` = (height, width).

    Features: squared distance from the center, x + 1, y + 1, z + 1, each the sum of its three planes.
    """
    config = ModelConfig(
        PlaneConfig(resolution=_TEXELS, micro_features=4, macro_features=0, base_planes=0),
        MLPConfig(hidden=5, hidden_activation="relu"),
        SamplingConfig(coarse=96, importance=0),
        *size,
    )
    unit = LatentNormalization("affine", torch.zeros(3), torch.ones(3))
    model = CategoryModel(config, IdentityAutoencoder(), unit, torch.zeros(config.planes.base_shape), AABB, {})
    with torch.no_grad():
        hidden, output = model.mlp.hidden, model.mlp.output
        hidden.weight.copy_(torch.cat([torch.eye(4), torch.tensor([[-1.0, 0, 0, 0]])]))
        hidden.bias.copy_(torch.tensor([0, 0, 0, 0, hollow_radius**2]))
        output.weight.zero_()
        output.weight[0, 0], output.weight[0, 4] = -_STEEPNESS, -4 * _STEEPNESS
        output.weight[1:, 1:4] = torch.eye(3)
        output.bias.fill_(-0.5)
        output.bias[0] = _STEEPNESS * RADIUS**2 - config.mlp.density_shift
    return Scene(model.requires_grad_(False).eval(), _planes(center), torch.zeros(0), "ball")


def surface_radius(threshold: float) -> float:
    """Where the density of ``exact_ball`` reaches a threshold."""
    return math.sqrt(RADIUS**2 - math.log(math.expm1(threshold / 30)) / _STEEPNESS)


def _planes(center: tuple[float, float, float]) -> torch.Tensor:
    middles = (torch.arange(_TEXELS) + 0.5) / _TEXELS
    x, y, z = (AABB[0, axis] + (AABB[1, axis] - AABB[0, axis]) * middles for axis in range(3))
    zero = torch.zeros(_TEXELS, _TEXELS)

    def plane(row: torch.Tensor, row_center: float, column: torch.Tensor, column_center: float) -> torch.Tensor:
        return ((row - row_center) ** 2 / 2)[:, None] + ((column - column_center) ** 2 / 2)[None, :]

    xy = [plane(y, center[1], x, center[0]), zero + x + 1, zero + y[:, None] + 1, zero]
    xz = [plane(z, center[2], x, center[0]), zero, zero, zero + z[:, None] + 1]
    yz = [plane(z, center[2], y, center[1]), zero, zero, zero]
    return torch.stack([torch.stack(plane_features, dim=-1) for plane_features in (xy, xz, yz)])
