"""Where a browser looks before and after it has been told, and what of the cameras it sees."""

import math
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from exact_ball import RADIUS, exact_ball

from triptych.errors import InputError
from triptych.geometry import Cameras, Orbit
from triptych.viewer.cameras import BrowserView, camera_of, view_of

viser = pytest.importorskip("viser", reason="needs viser")

from triptych.viewer.frustums import covers  # noqa: E402
from triptych.viewer.looking import BrowserCamera, first_view  # noqa: E402

CENTER = (0.1, -0.05, 0.0)
BOX = torch.tensor([[-0.5] * 3, [0.5] * 3])


class Client(viser.ClientHandle):
    """A browser that tells of one camera."""

    def __init__(self, camera: Any) -> None:
        self.camera = camera


def told(view: BrowserView, **changes: Any) -> SimpleNamespace:
    """A camera of viser that looks at the world like this."""
    return SimpleNamespace(**{**asdict(view), **changes})


def test_a_browser_counts_as_looking_from_the_first_view_until_it_tells_of_another() -> None:
    model = exact_ball().model
    own = BrowserView((-5.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), 1.3, 1.5)
    client = Client(told(own))
    camera = BrowserCamera(client, model)
    assert camera.view() == first_view(model, 1.5)
    client.camera = told(own, aspect=1.1)  # the panel is docked
    assert camera.view() == first_view(model, 1.1)
    client.camera = told(own, position=(0.0, 2.0, 1.0))
    assert camera.view() == replace(own, position=(0.0, 2.0, 1.0))
    client.camera = told(own)  # back to where it began, by its own will
    assert camera.view() == own


def test_a_narrow_window_sees_the_whole_object_at_first() -> None:
    scene = exact_ball(CENTER)
    client = Client(told(BrowserView((-5.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), 1.3, 0.5)))
    view = BrowserCamera(client, scene.model).view()
    assert client.camera.fov == view.fov > first_view(scene.model, 2.0).fov
    surface = torch.tensor(CENTER) + RADIUS * torch.cat([torch.eye(3), -torch.eye(3)])
    seen = camera_of(view, 200, 100).project(surface).points
    assert ((seen > 0) & (seen < torch.tensor([100.0, 200.0]))).all()


def test_a_camera_that_sees_nothing_is_refused_in_plain_words() -> None:
    camera = told(BrowserView((1.0, 1.0, 1.0), (1.0, 0.0, 0.0, 0.0), 0.9, math.nan))
    with pytest.raises(InputError, match="too small to draw in"):
        BrowserCamera(Client(camera), exact_ball().model).view()


def ring(radius: float, count: int = 8) -> Cameras:
    return Orbit(count, radius, elevation_degrees=0.0).cameras(64, 64)


def test_frustums_beside_the_object_are_seen_and_those_over_it_are_not() -> None:
    eye, cameras = ring(6.0, count=1), ring(2.0)
    over = covers(eye, cameras, BOX, 0.1).tolist()
    # Camera 0 stands before the box, 4 behind it, 2 and 6 beside it.
    assert (over[0], over[4]) == (True, True)
    assert (over[2], over[6]) == (False, False)


def test_through_one_of_the_cameras_only_its_own_frustum_is_seen() -> None:
    cameras = ring(2.0)
    over = covers(cameras[[3]], cameras, BOX, 0.1).tolist()
    assert not over[3]
    assert over[7]  # behind the box
    seen = view_of(cameras[[3]], aspect=1.5)
    assert seen.position == tuple(cameras.c2w[3, :, 3].tolist())
