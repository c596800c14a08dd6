"""The dataset's cameras in the 3D view of one browser."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image
from viser import ClientHandle

from triptych.data import Dataset
from triptych.training.provenance import Provenance
from triptych.viewer.cameras import quaternion

_ROOT = "/cameras"
_SCALE = 0.12
_FITTED, _OTHER = (34, 139, 230), (230, 119, 0)
_PICTURE_SIDE = 96


class Frustums:
    """The cameras of one scene as frustums that hold their pictures: blue for those fitted to, orange for others.

    Args:
        client: the browser.
        dataset: cameras and pictures, or None to show nothing.
        record_of: the record of a scene, which says what it was fitted to; else the dataset's split counts.
        on_click: called with the number of a camera that is clicked.
    """

    def __init__(
        self,
        client: ClientHandle,
        dataset: Dataset | None,
        record_of: Callable[[str], Mapping[str, Any]],
        on_click: Callable[[int], None],
    ) -> None:
        self._client, self._dataset, self._on_click = client, dataset, on_click
        self._record_of = record_of
        self._shown: str | None = None
        self._root = client.scene.add_frame(_ROOT, show_axes=False)

    def show(self, name: str, *, visible: bool) -> None:
        """Show the cameras of a scene, if the dataset has it."""
        if self._root.visible != visible:
            self._root.visible = visible
        if name == self._shown or not visible:
            return
        self._shown = name
        self._root.remove()
        self._root = self._client.scene.add_frame(_ROOT, show_axes=False)
        if self._dataset is not None and name in self._dataset.names:
            provenance = Provenance.read(self._record_of(name), f"scene {name!r}")
            self._add(self._dataset, self._dataset.names.index(name), provenance)

    def _add(self, dataset: Dataset, number: int, provenance: Provenance | None) -> None:
        cameras, numbers = dataset.cameras(number), dataset.view_numbers(number)
        fitted = (provenance or Provenance.of(dataset, number)).fitted
        for view in range(len(cameras)):
            camera = cameras[[view]]
            picture = Image.fromarray(dataset.images(number, [view])[0])
            picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
            frustum = self._client.scene.add_camera_frustum(
                f"{_ROOT}/{view + 1}",
                2 * math.atan(camera.height / 2 / float(camera.intrinsics[0, 1])),
                camera.width / camera.height,
                scale=_SCALE,
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
