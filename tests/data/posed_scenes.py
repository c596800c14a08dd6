"""Tiny posed scenes written by hand, in each format's own convention."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from triptych.data import Dataset, DatasetConfig, open_dataset

SIDE = 32
FOCAL = 32.0

# The camera stands at x = 2 and looks back at the origin, upright: right is +y, up is +z, forward is -x.
EYE = (2.0, 0.0, 0.0)
OPENCV_C2W = [[0, 0, -1, 2], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]]
OPENGL_C2W = [[0, 0, 1, 2], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]

# 0.28125 to the right and 0.46875 up, 2 away: 16 pixels a unit put it 4.5 right of and 7.5 above (16, 16).
POINT = (0.0, 0.28125, 0.46875)
PIXEL = (20.5, 8.5)


def open_at(path: Path, **options: Any) -> Dataset:
    """A dataset with one test view, its cache beside it."""
    return open_dataset(DatasetConfig(path, **({"test_views": 1, "cache": path.parent / "cache"} | options)))


def picture_with_dot(side: int = SIDE, row: int = 8, column: int = 20, channels: int = 3) -> np.ndarray:
    """A white picture with one red pixel, where ``POINT`` must fall."""
    picture = np.full((side, side, channels), 255, dtype=np.uint8)
    picture[..., 3:] = 255
    picture[row, column, :3] = (255, 0, 0)
    return picture


def save(file: Path, picture: np.ndarray) -> None:
    """Write a picture, making its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(file)


def turned(degrees: float, c2w: list[list[int]]) -> list[list[float]]:
    """The camera, carried about the world's z axis."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]) @ np.array(c2w)).tolist()


def write_srn(folder: Path, views: int = 3, picture: np.ndarray | None = None) -> Path:
    """An SRN scene; view 0 is the camera above, the others stand around."""
    for view in range(views):
        save(folder / "rgb" / f"{view:06d}.png", picture_with_dot() if picture is None else picture)
        numbers = np.array(turned(view * 360 / views, OPENCV_C2W)).flatten()
        pose = folder / "pose" / f"{view:06d}.txt"
        pose.parent.mkdir(exist_ok=True)
        pose.write_text(" ".join(f"{number:.9f}" for number in numbers))
    (folder / "intrinsics.txt").write_text(f"{FOCAL:f} 16.0 16.0 0.\n0. 0. 0.\n1.\n{SIDE} {SIDE}\n")
    return folder


def frames(views: int = 3, directory: str = "images", ending: str = ".png") -> list[dict[str, Any]]:
    """Frames of a transforms.json; view 0 is the camera above, the others stand around."""
    return [
        {
            "file_path": f"{directory}/r_{view}{ending}",
            "transform_matrix": turned(view * 360 / views, OPENGL_C2W),
        }
        for view in range(views)
    ]


def write_transforms(
    folder: Path,
    header: dict[str, Any] | None = None,
    file: str = "transforms.json",
    picture: np.ndarray | None = None,
    **frames_options: Any,
) -> Path:
    """A transforms.json scene with its pictures; ``header`` may hold frames of its own."""
    header = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": 16, "cy": 16, "w": SIDE, "h": SIDE} if header is None else header
    content = {"frames": frames(**frames_options)} | header
    for frame in content["frames"]:
        path = folder / frame["file_path"]
        if path.resolve().is_relative_to(folder.resolve()):
            path = path if path.suffix else path.with_name(path.name + ".png")
            save(path, picture_with_dot() if picture is None else picture)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(json.dumps(content))
    return folder
