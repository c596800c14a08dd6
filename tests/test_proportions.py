"""A ball is a circle in pictures that are not square, whatever shows it."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from exact_ball import AABB, RADIUS, exact_ball
from PIL import Image

from triptych import Cameras, Orbit, Scene, SceneBank, Scenes, StoredScene
from triptych.experiments.slides.figures import latent_video_frames
from triptych.export import comparison_frames, orbit_frames, write_images
from triptych.geometry.srn import SRN_FOCAL, SRN_RADIUS
from triptych.viewer.cameras import camera_of, view_of
from triptych.viewer.frames import draw
from triptych.viewer.sources import LoadedScenes
from triptych.viewer.thumbnails import SIDE, Thumbnails

HEIGHT, WIDTH = 96, 160
AROUND_BOX = 1.2 * float((AABB[1] - AABB[0]).max())


@pytest.fixture(scope="module")
def ball() -> Scene:
    return exact_ball(center=(0.0, 0.0, 0.0), size=(HEIGHT, WIDTH))


def diameter(distance: float, shorter_side: float = HEIGHT) -> float:
    """Of the ball's outline in pixels, in the middle of a picture."""
    return 2 * SRN_FOCAL * shorter_side * RADIUS / math.sqrt(distance**2 - RADIUS**2)


def assert_circle(picture: np.ndarray, expected: float, tolerance: float = 2.0) -> None:
    assert picture.shape[2] == 3
    rows, columns = np.nonzero((picture < 245).any(axis=-1))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert abs(height - width) <= tolerance
    assert (height, width) == (pytest.approx(expected, abs=tolerance), pytest.approx(expected, abs=tolerance))
    middle = (picture.shape[0] / 2, picture.shape[1] / 2)
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx(middle, abs=tolerance / 2)


def test_in_a_notebook(ball: Scene) -> None:
    assert_circle(np.asarray(ball.picture()), diameter(AROUND_BOX))


def test_in_the_first_view_of_the_viewer_and_its_thumbnails(ball: Scene) -> None:
    first = ball.model.along(Orbit.around(ball.model.aabb))
    for aspect in (0.5, 3.0):  # of a browser's window
        seen = camera_of(view_of(first, aspect), HEIGHT, WIDTH)
        assert_circle(draw(ball, seen), diameter(AROUND_BOX))
    thumbnails = Thumbnails()
    thumbnails.draw(1, "ball", LoadedScenes(ball.model, {"ball": ball}))
    kept = thumbnails.kept(1, "ball")
    assert kept is not None
    assert_circle(kept, diameter(AROUND_BOX, SIDE * HEIGHT / WIDTH))


def test_in_orbits(ball: Scene) -> None:
    for frame in orbit_frames([ball], Orbit(3, elevation_degrees=70.0)):
        assert_circle(frame, diameter(SRN_RADIUS))


def test_in_comparisons_of_image_space(ball: Scene) -> None:
    (frame,) = comparison_frames(ball, ball.model.along(Orbit(1)))
    picture = frame[28:]
    assert picture.shape == (3 * HEIGHT, 3 * WIDTH, 3)
    assert_circle(picture, 3 * diameter(SRN_RADIUS), tolerance=6)


def test_in_the_video_of_latents(ball: Scene) -> None:
    frame = next(latent_video_frames(ball))
    for picture in np.split(frame, 2, axis=1):
        assert picture.shape == (HEIGHT, WIDTH, 3)
        assert_circle(picture, diameter(SRN_RADIUS))


def test_in_exported_pictures(ball: Scene, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", ball.model)
    bank.add("ball", StoredScene(ball.micro, ball.coefficients, "f", {}))
    write_images(tmp_path / "out", Scenes(bank, ball.model), ball.model.along(Orbit(2)))
    with Image.open(tmp_path / "out" / "ball" / "001.png") as picture:
        assert_circle(np.asarray(picture.convert("RGB")), diameter(SRN_RADIUS))


@pytest.mark.parametrize(("height", "width"), [(HEIGHT, WIDTH), (WIDTH, HEIGHT), (64, 64)])
def test_an_orbit_sees_as_much_along_the_shorter_side_of_any_picture(height: int, width: int) -> None:
    orbit = Orbit(5, radius=2.0, elevation_degrees=10.0, azimuth_degrees=20.0, center=(1.0, 2.0, 3.0))
    cameras: Cameras = orbit.cameras(height, width)
    assert (len(cameras), cameras.height, cameras.width) == (5, height, width)
    seen = cameras.project(torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.5]]))
    pixels, depth = seen.points, seen.depth
    torch.testing.assert_close(pixels[:, 0], torch.tensor([width / 2, height / 2]).expand(5, 2), atol=1e-3, rtol=0)
    torch.testing.assert_close(depth[:, 0], torch.full((5,), 2.0))
    up = SRN_FOCAL * min(height, width) * 0.5 * math.cos(math.radians(10)) / (2 - 0.5 * math.sin(math.radians(10)))
    torch.testing.assert_close(pixels[:, 0, 1] - pixels[:, 1, 1], torch.full((5,), up), atol=1e-2, rtol=0)
    azimuths = torch.atan2(cameras.c2w[:, 1, 3] - 2.0, cameras.c2w[:, 0, 3] - 1.0).rad2deg() % 360
    torch.testing.assert_close(azimuths, 20.0 + 72.0 * torch.arange(5), atol=1e-3, rtol=0)
