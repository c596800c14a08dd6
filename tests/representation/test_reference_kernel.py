"""The reference kernel against formulas and brute force."""

import numpy as np
import torch

from triptych.geometry import Intervals, Rays, SceneRays
from triptych.representation.config import MLPConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels import reference
from triptych.representation.mlp import TinyMLP
from triptych.representation.planes import triplane_features

AABB = torch.tensor([[-1.0, -0.5, -0.25], [1.0, 0.5, 0.25]], dtype=torch.float64)


def bilinear(plane: np.ndarray, row: float, column: float) -> np.ndarray:
    """Value at (row, column), counted in texels from the first center, clamped to the border."""
    size = len(plane)
    row, column = np.clip(row, 0, size - 1), np.clip(column, 0, size - 1)
    r, c = int(row), int(column)
    down, right = min(r + 1, size - 1), min(c + 1, size - 1)
    y, x = row - r, column - c
    top = (1 - x) * plane[r, c] + x * plane[r, right]
    return (1 - y) * top + y * ((1 - x) * plane[down, c] + x * plane[down, right])


def test_features_are_the_sum_of_the_planes_xy_xz_yz() -> None:
    generator = torch.Generator().manual_seed(0)
    planes = torch.randn(3, 5, 5, 2, generator=generator, dtype=torch.float64)
    points = AABB[0] + (AABB[1] - AABB[0]) * torch.rand(50, 3, generator=generator, dtype=torch.float64)
    x, y, z = (((points - AABB[0]) / (AABB[1] - AABB[0])) * 5 - 0.5).T.numpy()
    table = planes.numpy()
    expected = [
        bilinear(table[0], y[i], x[i]) + bilinear(table[1], z[i], x[i]) + bilinear(table[2], z[i], y[i])
        for i in range(50)
    ]
    assert np.allclose(triplane_features(planes, points, AABB).numpy(), expected)


def test_gradients_in_double_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    planes = torch.randn(2, 3, 4, 4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(0)
    mlp = TinyMLP(3, 2, MLPConfig(hidden=5, density_scale=2.0, density_shift=0.0)).double()
    rays = Rays(torch.randn(5, 3, generator=generator).double(), torch.eye(3).double()[[0, 1, 2, 0, 1]])
    grouped = SceneRays(rays, [3, 2])
    edges = torch.linspace(0.0, 1.0, 5, dtype=torch.float64).repeat(5, 1)

    def rendered(values: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        field = TriPlaneField(values, mlp, AABB)
        integral = reference.integrate(field, grouped, Intervals.between(edges))
        return torch.cat([integral.channels, integral.opacity[:, None], integral.depth[:, None]], dim=1)

    assert torch.autograd.gradcheck(rendered, (planes, *mlp.parameters()))


def test_a_constant_density_follows_beer_lambert() -> None:
    mlp = TinyMLP(4, 3, MLPConfig(density_scale=1.0, density_shift=0.0))
    with torch.no_grad():
        mlp.output.weight.zero_()
        mlp.output.bias.copy_(torch.tensor([1.0, 0.2, 0.4, 0.6]))
    edges = torch.linspace(0.0, 2.0, 65)[None]
    rays = Rays(torch.tensor([[-1.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]]))
    mlp.requires_grad_(False)
    field = TriPlaneField(torch.zeros(1, 3, 4, 4, 4), mlp, AABB.float())
    integral = reference.integrate(field, SceneRays.of_one(rays), Intervals.between(edges))
    density = float(torch.nn.functional.softplus(torch.tensor(1.0)))
    opacity = 1 - np.exp(-2 * density)
    assert np.isclose(float(integral.opacity[0]), opacity, atol=1e-5)
    assert np.allclose(integral.channels[0].numpy(), opacity * np.array([0.2, 0.4, 0.6]), atol=1e-5)
    depth = 1 / density - np.exp(-2 * density) * (2 + 1 / density)
    assert np.isclose(float(integral.depth[0]), depth, atol=1e-3)


def test_total_variation_of_a_ramp_is_its_squared_slope() -> None:
    rows = torch.arange(6.0)[None, None, :, None, None].expand(1, 3, 6, 6, 2)
    assert torch.isclose(reference.total_variation(0.5 * rows), torch.tensor(0.25))
