"""Where a browser looks before and after it has been told, and what of the cameras it sees."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from triptych.errors import InputError
from triptych.geometry import Cameras, Orbit
from triptych.viewer.cameras import BrowserView, view_of

viser = pytest.importorskip("viser", reason="needs viser")

from triptych.viewer.frustums import covers  # noqa: E402
from triptych.viewer.looking import BrowserCamera  # noqa: E402

FIRST = BrowserView((1.0, 1.0, 1.0), (1.0, 0.0, 0.0, 0.0), 0.9, 1.0)
BOX = torch.tensor([[-0.5] * 3, [0.5] * 3])


class Client(viser.ClientHandle):
    """A browser that tells of one camera."""

    def __init__(self, camera: Any) -> None:
        self.camera = camera


def test_a_browser_counts_as_looking_from_the_first_view_until_it_tells_of_another() -> None:
    own = BrowserView((-5.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), 1.3, 1.5)
    client = Client(own)
    camera = BrowserCamera(client, FIRST)
    assert camera.view() == replace(FIRST, aspect=1.5)
    client.camera = replace(own, aspect=1.1)  # the panel is docked
    assert camera.view() == replace(FIRST, aspect=1.1)
    client.camera = moved = replace(own, position=(0.0, 2.0, 1.0))
    assert camera.view() == moved
    client.camera = own  # back to where it began, by its own will
    assert camera.view() == own


def test_a_camera_that_sees_nothing_is_refused_in_plain_words() -> None:
    client = Client(replace(FIRST, aspect=float("nan")))
    with pytest.raises(InputError, match="too small to draw in"):
        BrowserCamera(client, FIRST).view()


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
