"""What is drawn of a scene, on a ball whose true surface is known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.autoencoder import IdentityAutoencoder, LatentNormalization
from triptych.bank import Scene, open_scenes
from triptych.geometry import Cameras, orbit_cameras
from triptych.model import CategoryModel, ModelConfig
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.viewer.frames import FRAME_KINDS, FrameKind, LatentRange, draw, sampling_for, surface_normals

RADIUS = 0.3
SIDE = 48


@pytest.fixture(scope="module")
def ball() -> Scene:
    """A red ball in a box of side 1: the planes add up to x² + y² + z², of which the MLP makes a density."""
    planes = PlaneConfig(64, 1, 0)
    mlp = MLPConfig(hidden=1, hidden_activation="relu", density_scale=30.0, density_shift=0.0)
    model = CategoryModel(
        ModelConfig(planes, mlp, SamplingConfig(128, 0), SIDE, SIDE),
        IdentityAutoencoder(),
        LatentNormalization("affine", torch.zeros(3), torch.ones(3)),
        torch.zeros(planes.base_shape),
        torch.tensor([[-0.5] * 3, [0.5] * 3]),
        {},
    ).requires_grad_(False)
    model.mlp.hidden.weight.fill_(1.0)
    model.mlp.hidden.bias.fill_(0.0)
    model.mlp.output.weight.copy_(torch.tensor([[-400.0], [0.0], [0.0], [0.0]]))
    model.mlp.output.bias.copy_(torch.tensor([400 * RADIUS**2, 1.0, 0.0, 0.0]))
    place = (torch.arange(64) + 0.5) / 64 - 0.5
    squares = (place[:, None] ** 2 + place**2) / 2  # each axis lies in two planes
    return Scene(model.eval(), squares.expand(3, 64, 64)[..., None].contiguous(), torch.zeros(0), "ball")


def camera() -> Cameras:
    return orbit_cameras(8, SIDE)[[1]]


def drawn(ball: Scene, kind: FrameKind) -> np.ndarray:
    return draw(ball, camera(), kind).astype(int)


def true_ball() -> tuple[np.ndarray, np.ndarray]:
    """Which rays surely hit the ball, and where they do, by the equation of the sphere."""
    rays = camera().rays()
    along = (rays.origins * rays.directions).sum(-1)
    under = along**2 - (rays.origins**2).sum(-1) + RADIUS**2
    points = rays.origins + (-along - under.clamp_min(0).sqrt())[..., None] * rays.directions
    return (under[0] > 0.01).reshape(SIDE, SIDE).numpy(), points.reshape(SIDE, SIDE, 3).numpy()


def test_rgb_is_the_ball_over_white(ball: Scene) -> None:
    inside, _ = true_ball()
    picture = drawn(ball, "RGB")
    assert (picture[inside] == (255, 0, 0)).all(axis=-1).mean() > 0.95
    assert (picture[0, 0] == 255).all()


def test_opacity_goes_from_white_to_black(ball: Scene) -> None:
    inside, _ = true_ball()
    picture = drawn(ball, "opacity")
    assert picture[inside].max() < 10
    assert picture[0].min() > 250


def test_depth_is_nearest_in_the_middle(ball: Scene) -> None:
    picture = drawn(ball, "depth")
    middle, edge = picture[SIDE // 2, SIDE // 2], picture[SIDE // 2, SIDE // 2 - 9]
    assert middle[0] > edge[0]  # yellow is near, violet far
    assert (picture[0, 0] == 255).all()


def test_normals_of_a_ball_point_outward(ball: Scene) -> None:
    inside, points = true_ball()
    views = ball.render(camera())
    normals = surface_normals(ball.field, camera(), views).numpy()
    cosines = (normals * points / RADIUS).sum(axis=-1)[inside]
    assert cosines.min() > 0.97
    shown = drawn(ball, "normals")[inside] / 255 * 2 - 1
    assert np.abs(shown - points[inside] / RADIUS).max() < 0.25


def test_latents_are_shown_in_a_range_that_stays(ball: Scene) -> None:
    latent_range = LatentRange(torch.zeros(3), torch.tensor([2.0, 1.0, 1.0]))
    inside, _ = true_ball()
    colors = draw(ball, camera(), "latents", latent_range=latent_range)
    gray = draw(ball, camera(), "latents", latent_range=latent_range, channel=1)
    assert (colors[inside] == (128, 0, 0)).all(axis=-1).mean() > 0.95
    assert (gray[inside] == 0).mean() > 0.95
    assert (gray[0, 0] == 255).all()


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_a_trained_scene_can_be_drawn_in_every_way(trained_balls: Path, kind: FrameKind) -> None:
    scene = open_scenes(trained_balls / "trained_scenes", trained_balls)["ball_0"]
    side = 32 if kind == "RGB" else scene.model.latent_size[0]
    for quality in ("moving", "still"):
        picture = draw(scene, orbit_cameras(1, 32), kind, quality, LatentRange.of(scene))
        assert picture.shape == (side, side, 3)
        assert picture.std() > 1


def test_a_camera_at_rest_is_sampled_more_finely() -> None:
    usual = SamplingConfig(40, 8)
    assert sampling_for(usual, "moving", "RGB") == usual
    assert sampling_for(usual, "still", "RGB") == SamplingConfig(80, 16, 2)
    assert sampling_for(usual, "still", "depth") == SamplingConfig(80, 16, 1)

    of_many_rays = SamplingConfig(40, 8, 3)
    assert sampling_for(of_many_rays, "moving", "RGB") == usual
    assert sampling_for(of_many_rays, "still", "RGB") == SamplingConfig(80, 16, 3)
    assert sampling_for(of_many_rays, "still", "depth") == SamplingConfig(80, 16, 1)


def test_a_sharp_frame_in_image_space_has_more_pixels(ball: Scene) -> None:
    assert draw(ball, camera(), "RGB", "still").shape == (2 * SIDE, 2 * SIDE, 3)
    assert draw(ball, camera(), "depth", "still").shape == (SIDE, SIDE, 3)
