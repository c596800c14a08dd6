"""The dataset's cameras in the 3D view of one browser."""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from viser import CameraFrustumHandle, ClientHandle

from triptych.geometry import Cameras
from triptych.training.provenance import Provenance
from triptych.viewer.cameras import quaternion
from triptych.viewer.known_pictures import KnownPictures, PicturedScene

_ROOT = "/cameras"
_SIZE = 0.11
"""Of a frustum, in longest sides of the dataset's scene box."""
_AT_EYE = 0.1
"""Cameras nearer to the eye than this, in sizes of a frustum, are the eye's own."""
_FITTED, _OTHER = (34, 139, 230), (230, 119, 0)
_PICTURE_SIDE = 96


class Frustums:
    """The cameras of one scene as frustums that hold their pictures: blue for those fitted to, orange for others.

    Args:
        client: the browser.
        pictures: those of scenes that are at hand, with their cameras.
        record_of: the record of a scene, which says what it was fitted to; else the dataset's split counts.
        on_click: called with the number of a camera that is clicked.
    """

    def __init__(
        self,
        client: ClientHandle,
        pictures: KnownPictures,
        record_of: Callable[[str], Mapping[str, Any]],
        on_click: Callable[[int], None],
    ) -> None:
        self._client, self._pictures, self._on_click = client, pictures, on_click
        self._record_of = record_of
        self._size = 0.0
        self._shown: PicturedScene | None = None
        self._frustums: list[CameraFrustumHandle] = []
        self._cameras: Cameras | None = None
        self._root = client.scene.add_frame(_ROOT, show_axes=False)

    def clear_sight(self, eye: Cameras, aabb: Float[torch.Tensor, "2 3"]) -> None:
        """Hide those that would cover the object.

        Args:
            eye: the one camera that the browser looks through.
            aabb: the scene box.
        """
        if self._cameras is None or not self._root.visible:
            return
        covering = covers(eye, self._cameras, aabb.cpu(), self._size)
        for frustum, hidden in zip(self._frustums, covering.tolist(), strict=True):
            if frustum.visible == hidden:
                frustum.visible = not hidden

    def show(self, name: str, *, visible: bool) -> None:
        """Show the cameras of a scene, if the dataset has it."""
        if self._root.visible != visible:
            self._root.visible = visible
        pictured = self._pictures.find(name)
        if pictured is self._shown or not visible:
            return
        self._shown, self._frustums, self._cameras = pictured, [], None
        self._root.remove()
        self._root = self._client.scene.add_frame(_ROOT, show_axes=False)
        if pictured is not None:
            self._add(pictured, Provenance.read(self._record_of(name), f"scene {name!r}"))

    def _add(self, pictured: PicturedScene, provenance: Provenance | None) -> None:
        dataset, number = pictured.dataset, pictured.number
        cameras, numbers = pictured.cameras, dataset.view_numbers(number)
        self._size = _SIZE * float((dataset.aabb[1] - dataset.aabb[0]).max())
        fitted = (provenance or Provenance.of(dataset, number)).fitted
        for view in range(len(cameras)):
            camera = cameras[[view]]
            picture = Image.fromarray(dataset.images(number, [view])[0])
            picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
            frustum = self._client.scene.add_camera_frustum(
                f"{_ROOT}/{view + 1}",
                2 * math.atan(camera.height / 2 / float(camera.intrinsics[0, 1])),
                camera.width / camera.height,
                scale=self._size,
                thickness=1.5,
                thickness_units="screen",
                color=_FITTED if numbers[view] in fitted else _OTHER,
                image=np.asarray(picture),
                wxyz=quaternion(camera.c2w[0, :, :3]),
                position=camera.c2w[0, :, 3].numpy(),
                cast_shadow=False,
                receive_shadow=False,
            )
            frustum.on_click(lambda event, view=view: self._on_click(view))
            self._frustums.append(frustum)
        self._cameras = cameras


def covers(
    eye: Cameras, cameras: Cameras, aabb: Float[torch.Tensor, "2 3"], size: float
) -> Bool[torch.Tensor, " view"]:
    """Which frustums lie over the scene box, before or behind it, as one camera ``eye`` sees them.

    That of a camera at the eye itself does not count: its picture is what the eye should see. If the box reaches behind
    the eye, all others count, and so does a frustum that does.

    Args:
        eye: what the browser looks through.
        cameras: those of the frustums.
        aabb: the scene box.
        size: of the frustums, as viser takes it.
    """
    sides = torch.tensor(list(itertools.product((0, 1), repeat=3)), dtype=aabb.dtype)
    box = eye.project(aabb[0] + sides * (aabb[1] - aabb[0]))
    outlines = _outlines(cameras, size)
    seen = eye.project(outlines.flatten(0, 1))
    corners, depth = seen.points[0].unflatten(0, outlines.shape[:2]), seen.depth[0].unflatten(0, outlines.shape[:2])
    left_above, right_below = box.points[0].amin(dim=0), box.points[0].amax(dim=0)
    beside = (corners.amin(dim=1) > right_below) | (corners.amax(dim=1) < left_above)
    over = ~beside.any(dim=1) | (depth <= 0).any(dim=1) | (box.depth <= 0).any()
    at_eye = (cameras.c2w[:, :, 3] - eye.c2w[:, :, 3]).norm(dim=1) < _AT_EYE * size
    return over & ~at_eye


def _outlines(cameras: Cameras, size: float) -> Float[torch.Tensor, "view point 3"]:
    """Where each camera stands, and the corners of its frustum; viser draws all with the same volume."""
    high = cameras.height / 2 / cameras.intrinsics[:, 1]
    wide = high * cameras.width / cameras.height
    length = size / (high * wide / 3) ** (1 / 3)
    signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    slopes = torch.cat([signs * torch.stack([wide, high], dim=1)[:, None], torch.ones(len(high), 4, 1)], dim=2)
    in_camera = torch.cat([torch.zeros(len(high), 1, 3), slopes * length[:, None, None]], dim=1)
    return torch.einsum("vij,vpj->vpi", cameras.c2w[:, :, :3], in_camera) + cameras.c2w[:, None, :, 3]
