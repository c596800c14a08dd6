"""Datasets and cameras from arrays that are in memory already, of numpy or torch."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.data.backgrounds import Color, parse_color
from triptych.data.box import check_box_is_seen, note_cameras_inside
from triptych.data.dataset import Dataset
from triptych.data.index import NO_BOX, UNDECLARED, SceneIndex
from triptych.data.notes import few_views_note
from triptych.data.pictures import over_color, with_alpha
from triptych.data.splits import split_by_rule
from triptych.data.stacked_pictures import StackedPictures
from triptych.data.validation import Problems, check_intrinsics, check_pose
from triptych.errors import InputError
from triptych.geometry import Cameras

Numbers = Any
"""An array of numpy, a tensor of torch, or nested sequences of numbers."""
Axes = Literal["opencv", "opengl"]
_ROUNDING = 1e-3
"""By so much colors between 0 and 1 may lie outside."""


def cameras_from_arrays(
    c2w: Numbers, intrinsics: Numbers, height: int, width: int, *, axes: Axes = "opencv"
) -> Cameras:
    """Cameras from camera-to-world matrices and intrinsics, checked.

    Args:
        c2w: camera-to-world matrices [view, 3, 4] or [view, 4, 4].
        intrinsics: fx, fy, cx, cy in pixels, or matrices K; of each view, [view, 4] or [view, 3, 3], or of all, [4] or
            [3, 3]. The center of the first pixel lies at (0.5, 0.5).
        height: picture height in pixels.
        width: picture width in pixels.
        axes: of the cameras: OpenCV's (x right, y down, z forward), or OpenGL's (x right, y up, z backward), which
            Blender, nerfstudio and instant-ngp write.

    Raises:
        InputError: a shape is another one, a matrix holds no rotation, or no camera has such intrinsics.
    """
    poses = _array(c2w, "c2w").astype(np.float64)
    if poses.ndim != 3 or poses.shape[1:] not in ((3, 4), (4, 4)) or not len(poses):
        raise InputError(f"c2w: expected matrices [view, 3, 4] or [view, 4, 4], found shape {list(poses.shape)}")
    if axes not in ("opencv", "opengl"):
        raise InputError(f"axes: expected opencv or opengl, found {axes!r}")
    poses = np.stack([check_pose(pose, f"c2w, view {view}") for view, pose in enumerate(poses)])
    if axes == "opengl":
        poses = poses * np.array([1, -1, -1, 1])
    focal = _intrinsics(_array(intrinsics, "intrinsics").astype(np.float64), len(poses))
    for view, values in enumerate(focal):
        check_intrinsics(values, (height, width), f"intrinsics, view {view}")
    return Cameras(torch.from_numpy(poses).float(), torch.from_numpy(focal).float(), height, width)


def dataset_from_arrays(
    scenes: Mapping[str, tuple[Numbers, Cameras]],
    aabb: Numbers,
    *,
    splits: Mapping[str, Sequence[str]] | None = None,
    test_views: int | None = None,
    background: str = "white",
) -> Dataset:
    """A dataset of scenes whose pictures are in memory; arrays of RGB bytes are not copied.

    Args:
        scenes: the pictures of each scene, by name, and a camera for each (``cameras_from_arrays``). Pictures are
            [view, height, width, 3 or 4], bytes or numbers from 0 to 1, of one size in all scenes. A fourth channel is
            straight alpha, laid over ``background``; objects without it have to stand before one color.
        aabb: lower and upper corner [2, 3] of the box around every scene, in world units; one number h means ±h.
        splits: names by use, ``{"train": [...], "test": [...]}``, for ``Dataset.select``.
        test_views: views held out of each scene for testing, spread evenly; by default 8, and a third of fewer than 24.
        background: color that pictures with alpha are laid over: a name, or #rrggbb.

    Raises:
        InputError: shapes, colors, cameras or names do not fit, no view would remain for training, or a camera looks
            past the box.
    """
    if not scenes:
        raise InputError("scenes: expected at least one, found none")
    color = parse_color(background, "background")
    parts = {name: _pictures(scenes[name], f"scene {name!r}", color) for name in sorted(scenes)}
    has_alpha = [part.shape[-1] == 4 for part in parts.values()]
    if any(has_alpha):
        parts = {name: with_alpha(part) for name, part in parts.items()}
    cameras = {name: _checked_cameras(scenes[name][1], parts[name], name) for name in parts}
    index = _index(parts, cameras, has_alpha)
    box = _box(aabb)
    rows, doubts = np.arange(index.starts[-1]), Problems()
    check_box_is_seen(index, rows, box, doubts)
    note_cameras_inside(index, rows, box, doubts)
    views = [split_by_rule(len(part), test_views, "spread", f"scene {name!r}") for name, part in parts.items()]
    few_views = few_views_note(index.names, views)
    return Dataset(
        names=index.names,
        fingerprints=index.fingerprints,
        declared_splits=_declared(splits or {}, index.names),
        aabb=box,
        height=index.height,
        width=index.width,
        _rows=index.every_row(),
        _splits=tuple(views),
        _index=index,
        _pictures=StackedPictures(list(parts.values()), index.starts),
        notes=(*doubts.notes, *filter(None, [few_views])),
        laid_over=color,
    )


def _array(values: Numbers, where: str) -> np.ndarray:
    try:
        array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
    except (TypeError, ValueError):
        raise InputError(f"{where}: expected an array of numbers, found {type(values).__name__}") from None
    if array.dtype.kind not in "fiu":
        raise InputError(f"{where}: expected an array of numbers, found one of {array.dtype}")
    return array


def _intrinsics(values: Float[np.ndarray, "..."], views: int) -> Float[np.ndarray, "view 4"]:
    """fx, fy, cx, cy of each view."""
    if values.shape[-2:] == (3, 3):
        values = values[..., [0, 1, 0, 1], [0, 1, 2, 2]]
    if values.shape not in ((4,), (views, 4)):
        raise InputError(
            f"intrinsics: expected fx, fy, cx, cy or a matrix K, for all {views} views or for each, found shape "
            f"{list(values.shape)}"
        )
    return np.broadcast_to(values, (views, 4)).copy()


def _pictures(scene: object, where: str, color: Color) -> UInt8[np.ndarray, "view height width channel"]:
    if not isinstance(scene, tuple) or len(scene) != 2:
        raise InputError(f"{where}: expected a pair of pictures and cameras, found {type(scene).__name__}")
    pictures = _array(scene[0], where)
    shape = list(pictures.shape)
    if len(shape) != 4 or shape[-1] not in (3, 4) or not pictures.size:
        hint = "; move the channels to the end" if len(shape) == 4 and shape[1] in (3, 4) else ""
        raise InputError(f"{where}: expected pictures [view, height, width, 3 or 4], found shape {shape}{hint}")
    if pictures.dtype != np.uint8:
        pictures = _as_bytes(pictures, where)
    if pictures.shape[-1] == 3:
        return pictures
    return np.concatenate([(over_color(pictures, color) + 0.5).astype(np.uint8), pictures[..., 3:]], axis=-1)


def _as_bytes(pictures: np.ndarray, where: str) -> UInt8[np.ndarray, "view height width channel"]:
    low, high = pictures.min(), pictures.max()
    if pictures.dtype.kind != "f" or not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # NaN is neither
        raise InputError(
            f"{where}: expected pictures of bytes (uint8), or of numbers from 0 to 1, found {pictures.dtype} from "
            f"{low:g} to {high:g}"
        )
    return (pictures.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _checked_cameras(cameras: object, pictures: UInt8[np.ndarray, "view height width channel"], name: str) -> Cameras:
    if not isinstance(cameras, Cameras):
        raise InputError(f"scene {name!r}: expected Cameras (cameras_from_arrays), found {type(cameras).__name__}")
    views, height, width, _ = pictures.shape
    if (len(cameras), cameras.height, cameras.width) != (views, height, width):
        raise InputError(
            f"scene {name!r}: {views} pictures of {width}x{height} pixels, and {len(cameras)} cameras of "
            f"{cameras.width}x{cameras.height}: expected a camera for each picture, of its size"
        )
    try:
        return cameras_from_arrays(cameras.c2w, cameras.intrinsics, height, width)
    except InputError as error:
        raise InputError(f"scene {name!r}: {error}") from None


def _index(
    parts: Mapping[str, UInt8[np.ndarray, "_ _ _ channel"]], cameras: Mapping[str, Cameras], has_alpha: Sequence[bool]
) -> SceneIndex:
    first = next(iter(parts))
    height, width = parts[first].shape[1:3]
    for name, part in parts.items():
        if part.shape[1:3] != (height, width):
            raise InputError(
                f"scene {name!r}: pictures of {part.shape[2]}x{part.shape[1]} pixels, those of scene {first!r} have "
                f"{width}x{height}; expected one size"
            )
    starts = np.cumsum([0, *map(len, parts.values())])
    c2w = np.concatenate([part.c2w.numpy() for part in cameras.values()])
    return SceneIndex(
        names=tuple(parts),
        fingerprints=tuple(
            hashlib.sha256(c2w[start:stop].tobytes() + part[0, ..., :3].tobytes()).hexdigest()
            for (start, stop), part in zip(pairwise(starts), parts.values(), strict=True)
        ),
        starts=starts,
        c2w=c2w,
        intrinsics=np.concatenate([part.intrinsics.numpy() for part in cameras.values()]),
        uses=np.full(starts[-1], UNDECLARED, dtype=np.uint8),
        height=height,
        width=width,
        has_alpha=np.array(has_alpha),
        boxes=np.stack([NO_BOX] * len(parts)),
    )


def _box(aabb: Numbers) -> Float[Tensor, "2 3"]:
    corners = _array(aabb, "aabb").astype(np.float32)
    if corners.ndim == 0:
        corners = corners * np.array([[-1] * 3, [1] * 3], dtype=np.float32)
    if corners.shape != (2, 3) or not (np.isfinite(corners).all() and (corners[0] < corners[1]).all()):
        raise InputError(f"aabb: expected a lower and an upper corner [2, 3], or a positive number, found {aabb}")
    return torch.from_numpy(corners)


def _declared(splits: Mapping[str, Sequence[str]], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    uses: dict[str, str] = {}
    for use, chosen in splits.items():
        for name in chosen:
            if name not in names:
                raise InputError(f"splits, {use}: there is no scene {name!r} among the {len(names)}")
            if uses.setdefault(name, use) != use:
                raise InputError(f"splits: the scene {name!r} is in both {uses[name]!r} and {use!r}")
    return {use: tuple(sorted(chosen)) for use, chosen in splits.items()}
