"""Datasets whose pictures are in memory."""

import hashlib

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.data.dataset import Dataset
from triptych.data.index import UNDECLARED, SceneIndex
from triptych.data.splits import split_by_rule
from triptych.errors import InputError
from triptych.geometry import Cameras


def dataset_from_arrays(
    pictures: UInt8[np.ndarray, "row height width 3"],
    cameras: Cameras,
    views_per_scene: int,
    aabb: Float[Tensor, "2 3"],
    *,
    test_views: int | None = None,
) -> Dataset:
    """A dataset of scenes with equally many views each, named by their numbers; nothing is copied.

    Args:
        pictures: the views of all scenes one after another, over white.
        cameras: one for each picture, of its size.
        views_per_scene: how many of them belong to each scene.
        aabb: lower and upper corner of the box around every scene, in world units.
        test_views: views held out of each scene for testing, spread evenly; see ``split_by_rule`` for None.

    Raises:
        InputError: numbers or sizes do not fit, or no view remains for training.
    """
    rows, height, width, _ = pictures.shape
    if len(cameras) != rows or rows % views_per_scene or (cameras.height, cameras.width) != (height, width):
        raise InputError(
            f"{rows} pictures of {width}x{height} pixels, {views_per_scene} per scene, and {len(cameras)} cameras of "
            f"{cameras.width}x{cameras.height}: expected a camera for each picture, and whole scenes"
        )
    count = rows // views_per_scene
    c2w = cameras.c2w.numpy().astype(np.float32)
    starts = np.arange(count + 1) * views_per_scene
    index = SceneIndex(
        names=tuple(f"{scene:05d}" for scene in range(count)),
        fingerprints=tuple(
            hashlib.sha256(c2w[start : start + views_per_scene].tobytes() + pictures[start].tobytes()).hexdigest()
            for start in starts[:-1]
        ),
        starts=starts,
        c2w=c2w,
        intrinsics=cameras.intrinsics.numpy().astype(np.float32),
        uses=np.full(rows, UNDECLARED, dtype=np.uint8),
        height=height,
        width=width,
    )
    return Dataset(
        names=index.names,
        fingerprints=index.fingerprints,
        declared_splits={},
        aabb=aabb,
        height=height,
        width=width,
        _rows=tuple(index.rows(scene) for scene in range(count)),
        _splits=(split_by_rule(views_per_scene, test_views, "spread", "scenes"),) * count,
        _index=index,
        _pictures=pictures,
    )
