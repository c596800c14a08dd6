"""The browser's camera and the model's see the same."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.geometry import Orbit, hemisphere_cameras
from triptych.model import CategoryModel
from triptych.viewer.cameras import BrowserView, camera_of, fill_window, quaternion, size_for, view_of

ASPECTS = (0.6, 1.0, 1.7)


@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_camera_comes_back_from_the_browser(aspect: float) -> None:
    cameras = hemisphere_cameras(20, 64, seed=3)
    for number in range(len(cameras)):
        camera = cameras[[number]]
        found = camera_of(view_of(camera, aspect), 64, 64)
        torch.testing.assert_close(found.c2w, camera.c2w, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.intrinsics, camera.intrinsics, atol=1e-3, rtol=0)


def test_a_scene_is_first_seen_whole(trained_balls: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    model.aabb.copy_(torch.tensor([[1.0, 2.0, 3.0], [5.0, 4.0, 4.0]]))  # any size, anywhere
    camera = model.along(Orbit.around(model.aabb))
    seen = camera.project(model.aabb.mean(dim=0)[None])
    pixels, depth = seen.points, seen.depth
    torch.testing.assert_close(pixels[0, 0], torch.tensor([16.0, 16.0]), atol=1e-3, rtol=0)
    middle, half = model.aabb.mean(dim=0), (model.aabb[1] - model.aabb[0]) / 2
    faces = torch.cat([middle + torch.diag(half), middle - torch.diag(half)])
    seen = camera.project(faces)
    pixels, depth = seen.points, seen.depth
    assert (depth > 0).all()
    assert ((pixels > 0) & (pixels < 32)).all()


def test_quaternions_of_known_turns() -> None:
    half = math.sqrt(0.5)
    assert quaternion(torch.eye(3)) == pytest.approx((1, 0, 0, 0), abs=1e-6)
    quarter_about_z = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert quaternion(quarter_about_z) == pytest.approx((half, 0, 0, half), abs=1e-6)
    half_about_x = torch.diag(torch.tensor([1.0, -1, -1]))
    assert np.abs(quaternion(half_about_x)) == pytest.approx((0, 1, 0, 0), abs=1e-6)


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("shape", [(64, 64), (48, 80)])
def test_what_viser_draws_lies_on_what_the_model_draws(aspect: float, shape: tuple[int, int]) -> None:
    """A world point drawn by the model and enlarged into the window lies where a pinhole camera of the window's own
    vertical opening, as three.js has it, sees the point."""
    view = BrowserView((0.0, 0.0, -2.0), (1.0, 0.0, 0.0, 0.0), 0.9, aspect)
    camera = camera_of(view, *shape)
    point = torch.tensor([[0.1, -0.2, 0.0]])
    column, row = camera.project(point).points[0, 0]
    rows = 600
    picture = fill_window(np.zeros((*shape, 3), dtype=np.uint8), aspect, rows, smooth=False)
    height, width = picture.shape[:2]
    assert width / height == pytest.approx(aspect, rel=3e-3)
    dark = np.argwhere(picture[..., 0] == 0)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
    found_x = left + float(column) / shape[1] * (right - left)
    found_y = top + float(row) / shape[0] * (bottom - top)
    focal = height / 2 / math.tan(view.fov / 2)
    assert found_x == pytest.approx(width / 2 + focal * 0.1 / 2, abs=1.0)
    assert found_y == pytest.approx(height / 2 - focal * 0.2 / 2, abs=1.0)


def test_the_picture_is_in_the_middle_of_a_window_of_its_background() -> None:
    picture = fill_window(np.zeros((8, 8, 3), dtype=np.uint8), 2.0, 16, smooth=False, around=(128, 144, 160))
    assert picture.shape == (16, 32, 3)
    assert (picture[:, 8:24] == 0).all()
    assert (picture[:, :8] == (128, 144, 160)).all()
    assert (picture[:, 24:] == (128, 144, 160)).all()


@pytest.mark.parametrize(
    ("aspect", "size"), [(1.0, (64, 64)), (1.5, (64, 96)), (0.5, (128, 64)), (9.0, (64, 128)), (0.1, (128, 64))]
)
def test_a_picture_has_the_shape_of_the_window(aspect: float, size: tuple[int, int]) -> None:
    """And shows at its middle what the model's own picture shows, as large."""
    view = BrowserView((1.0, 2.0, 3.0), (1.0, 0.0, 0.0, 0.0), 0.9, aspect)
    assert size_for(view, 64, 64) == size
    own, whole = camera_of(view, 64, 64), camera_of(view, *size)
    torch.testing.assert_close(whole.intrinsics[:, :2], own.intrinsics[:, :2])
    assert torch.equal(whole.c2w, own.c2w)
