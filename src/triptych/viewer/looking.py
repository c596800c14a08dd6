"""Where a browser looks, and how it is made to look elsewhere."""

import math

import numpy as np
from viser import ClientHandle

from triptych.errors import InputError
from triptych.geometry import Orbit
from triptych.model import CategoryModel
from triptych.viewer.cameras import BrowserView, camera_of, view_of

_FLATTEST = 100.0
"""Windows are at most so many times as wide as high, or as high as wide."""
_NO_CAMERA = "this window is too small to draw in, or its camera cannot be used: make it larger, or load the page again"


def first_view(model: CategoryModel, aspect: float = 1.0) -> BrowserView:
    """Where browsers look at first: at the scene box from in front, the left and above, whole in a window of any shape.

    Args:
        model: the category model.
        aspect: width of the window over its height.
    """
    return view_of(model.along(Orbit.around(model.aabb)).to("cpu"), aspect)


class BrowserCamera:
    """The camera of one browser.

    A browser that has just connected tells of a camera of its own before it takes the first view that it is given; and
    on a busy machine what it tells next may take seconds. As long as it tells nothing else, it counts as looking from
    the first view: the first picture is the right one.

    Args:
        client: the browser.
        model: the category model, whose scene box the browser looks at first.
    """

    def __init__(self, client: ClientHandle, model: CategoryModel) -> None:
        self._client = client
        self._model = model
        self._at_connection: BrowserView | None = None
        self._has_moved = False

    def view(self) -> BrowserView:
        """What the browser looks at.

        Raises:
            InputError: it has sent a camera that sees nothing, or none.
        """
        told = _told_by(self._client)
        if self._has_moved:
            return told
        first = first_view(self._model, told.aspect)
        if self._at_connection is None:
            self._at_connection = told
            self._client.camera.fov = first.fov  # the server's is the same for windows of all shapes
        before = self._at_connection
        self._has_moved = (told.position, told.wxyz) != (before.position, before.wxyz)
        return told if self._has_moved else first

    def look(self, view: BrowserView, model: CategoryModel) -> None:
        """Let the browser look at the world as ``view`` does, and turn around the middle of the scene box."""
        self._has_moved = True
        forward = view_direction(view)
        position = np.asarray(view.position)
        middle = model.aabb.mean(dim=0).cpu().numpy()
        distance = max(float((middle - position) @ forward), 1e-3)
        with self._client.atomic():
            self._client.camera.fov = view.fov
            self._client.camera.position = position
            self._client.camera.look_at = position + distance * forward


def view_direction(view: BrowserView) -> np.ndarray:
    """Where a view looks, a unit vector."""
    return camera_of(view, 2, 2).c2w[0, :, 2].double().numpy()


def _told_by(client: ClientHandle) -> BrowserView:
    camera = client.camera
    try:
        position, wxyz = (np.asarray(part, dtype=np.float64) for part in (camera.position, camera.wxyz))
        fov, aspect = float(camera.fov), float(camera.aspect)
    except (TypeError, ValueError, ZeroDivisionError):
        raise InputError(_NO_CAMERA) from None
    placed = position.shape == (3,) and wxyz.shape == (4,) and np.isfinite([*position, *wxyz]).all() and wxyz.any()
    if not placed or not 0 < fov < math.pi or not 1 / _FLATTEST < aspect < _FLATTEST:
        raise InputError(_NO_CAMERA)
    (x, y, z), (turn_w, turn_x, turn_y, turn_z) = position.tolist(), wxyz.tolist()
    return BrowserView((x, y, z), (turn_w, turn_x, turn_y, turn_z), fov, aspect)
