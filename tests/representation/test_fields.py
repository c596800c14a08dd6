"""NeRF and signed distances against closed forms."""

import math

import pytest
import torch

from triptych.geometry import Rays, SceneRays
from triptych.representation import kernels
from triptych.representation.config import MLPConfig, NeRFConfig, SamplingConfig
from triptych.representation.mlp import TinyMLP
from triptych.representation.nerf import NeRFField, NeRFNetwork, positional_encoding
from triptych.representation.render import render
from triptych.representation.sdf import FIRST_RADIUS, SDFField, eikonal_loss, laplace_density

AABB = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])


def ball(beta: float = 0.02) -> SDFField:
    """A fresh scene whose MLP says nothing: the ball that distances are added to."""
    mlp = TinyMLP(4, 3, MLPConfig(8))
    for parameter in mlp.parameters():
        torch.nn.init.zeros_(parameter)
    return SDFField(torch.zeros(1, 3, 8, 8, 4), mlp, torch.tensor(beta).log(), AABB)


def test_positional_encoding_is_equation_4() -> None:
    encoded = positional_encoding(torch.tensor([[0.25, 0.0, -0.5]]), 2)
    x, y, z = 0.25 * math.pi, 0.0, -0.5 * math.pi
    sines = [math.sin(value) for value in (x, y, z, 2 * x, 2 * y, 2 * z)]
    cosines = [math.cos(value) for value in (x, y, z, 2 * x, 2 * y, 2 * z)]
    torch.testing.assert_close(encoded[0], torch.tensor([0.25, 0.0, -0.5, *sines, *cosines]))


def test_laplace_density_is_half_at_the_surface_and_falls_outside() -> None:
    beta = torch.tensor(0.1)
    density = laplace_density(torch.tensor([-10.0, -0.1, 0.0, 0.1, 10.0]), beta)
    expected = [1.0, 1 - 0.5 / math.e, 0.5, 0.5 / math.e, 0.0]
    torch.testing.assert_close(density * beta, torch.tensor(expected))


def test_a_fresh_scene_is_a_ball_with_gradients_of_length_one() -> None:
    scene = ball()
    points = torch.tensor([[0.9, 0.0, 0.0], [0.0, -0.3, 0.4], [0.0, 0.0, 0.2]])
    expected = torch.tensor([0.9, 0.5, 0.2]) - FIRST_RADIUS
    torch.testing.assert_close(scene.distance(points, [3]), expected)
    gradients = scene.gradients(points[:2], [2])
    torch.testing.assert_close(gradients[0], torch.tensor([1.0, 0.0, 0.0]), rtol=0, atol=1e-4)
    assert eikonal_loss(gradients) < 1e-3


def test_a_ray_meets_the_ball_where_it_is() -> None:
    rays = Rays(torch.tensor([[-3.0, 0.0, 0.0], [-3.0, 0.9, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]]).repeat(2, 1))
    with torch.no_grad():
        found = render(ball(0.005), SceneRays.of_one(rays), torch.ones(1, 3), SamplingConfig(256, 0))
    assert found.opacity.tolist() == pytest.approx([1.0, 0.0], abs=1e-3)
    assert found.depth[0].item() == pytest.approx(3 - FIRST_RADIUS, abs=0.02)


def test_a_nerf_places_its_samples_by_the_coarse_network() -> None:
    torch.manual_seed(0)
    config = NeRFConfig(layers=4, width=16, position_octaves=3, direction_octaves=2)
    scene = NeRFField(NeRFNetwork(3, config), NeRFNetwork(3, config), AABB)
    assert scene.proposal.network is scene.coarse
    rays = SceneRays.of_one(Rays(torch.tensor([[-3.0, 0.1, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])))
    middle = torch.full((1, 2), 0.5)
    before = kernels.place_samples(scene, rays, SamplingConfig(8, 8), middle)
    with torch.no_grad():
        scene.network.density.bias += 5
    unchanged = kernels.place_samples(scene, rays, SamplingConfig(8, 8), middle)
    assert torch.equal(before.starts, unchanged.starts)


def test_a_nerf_sees_the_direction_in_channels_not_in_density() -> None:
    torch.manual_seed(0)
    network = NeRFNetwork(3, NeRFConfig(layers=4, width=16))
    points = torch.rand(5, 3)
    one, other = torch.tensor([1.0, 0.0, 0.0]).expand(5, 3), torch.tensor([0.0, 1.0, 0.0]).expand(5, 3)
    assert torch.equal(network(points, one)[0], network(points, other)[0])
    assert not torch.equal(network(points, one)[1], network(points, other)[1])
