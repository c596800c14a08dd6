"""Writing datasets: one folder per scene, in the transforms.json layout that the parsers read back.

dataset.json                  box, splits and how the dataset was made
<scene>/transforms.json       intrinsics in pixels, one OpenGL camera-to-world matrix per view
<scene>/rgba/000.png ...      straight alpha
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from triptych.files import atomic_directory, write_json
from triptych.geometry import Cameras

FORMAT = "triptych-dataset"
VERSION = 1
DATASET_FILE = "dataset.json"
TRANSFORMS_FILE = "transforms.json"


def scene_is_written(root: Path, name: str) -> bool:
    """Whether ``write_scene`` has finished this scene in an earlier run (scenes appear whole or not at all)."""
    return (root / name / TRANSFORMS_FILE).is_file()


def write_scene(root: Path, name: str, cameras: Cameras, rgba: UInt8[np.ndarray, "view height width 4"]) -> None:
    """Write one scene, whole or not at all.

    Args:
        root: the dataset's folder.
        name: the scene's folder name.
        cameras: one camera per view.
        rgba: the pictures, straight (not premultiplied) alpha.
    """
    with atomic_directory(root / name) as folder:
        (folder / "rgba").mkdir()
        files = picture_files(len(rgba))
        for file, picture in zip(files, rgba, strict=True):
            Image.fromarray(picture, "RGBA").save(folder / file, compress_level=4)
        write_transforms(folder, files, cameras)


def picture_files(count: int) -> list[str]:
    """The pictures of a scene of so many views, relative to its folder."""
    return [f"rgba/{view:03d}.png" for view in range(count)]


def write_transforms(folder: Path, files: Sequence[str], cameras: Cameras) -> None:
    """Write the transforms.json of one scene.

    Args:
        folder: the scene's folder.
        files: the picture of each camera, relative to the folder.
        cameras: one camera per picture. Intrinsics shared by all go into the header, others into each frame.
    """
    opengl = cameras.c2w.double().cpu().numpy().copy()
    opengl[:, :, 1:3] *= -1  # OpenCV (y down, z forward) to OpenGL (y up, z backward)
    bottom = np.array([[0.0, 0.0, 0.0, 1.0]])
    intrinsics = [
        dict(zip(("fl_x", "fl_y", "cx", "cy"), values, strict=True)) for values in cameras.intrinsics.tolist()
    ]
    shared = intrinsics[0] if all(values == intrinsics[0] for values in intrinsics) else {}
    frames = [
        {"file_path": file, "transform_matrix": np.vstack([matrix, bottom]).tolist()} | ({} if shared else own)
        for file, matrix, own in zip(files, opengl, intrinsics, strict=True)
    ]
    header = shared | {"w": cameras.width, "h": cameras.height}
    write_json(folder / TRANSFORMS_FILE, header | {"frames": frames})


def write_dataset_file(
    root: Path,
    aabb: Sequence[Sequence[float]],
    splits: Mapping[str, Sequence[str]],
    made_by: Mapping[str, Any],
) -> None:
    """Write ``dataset.json``, the last step of making a dataset.

    Args:
        root: the dataset's folder.
        aabb: lower and upper corner of a box around every scene, in world units.
        splits: scene names by use: ``train`` for stage 1, ``test`` for stage 2. They must not overlap.
        made_by: the generator, its options and its seed.
    """
    write_json(
        root / DATASET_FILE,
        {
            "format": FORMAT,
            "version": VERSION,
            "aabb": [list(corner) for corner in aabb],
            "splits": {use: list(names) for use, names in splits.items()},
            "made_by": dict(made_by),
        },
    )
