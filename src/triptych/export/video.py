"""Orbit videos of the scenes of a bank."""

import math
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from jaxtyping import UInt8

from triptych.bank import SceneBank
from triptych.errors import InputError
from triptych.geometry import orbit_cameras
from triptych.geometry.cameras import SRN_FOCAL, SRN_RADIUS
from triptych.model import CategoryModel
from triptych.training.pictures import as_pixels


def orbit_frames(
    model: CategoryModel,
    bank: SceneBank,
    names: list[str],
    count: int = 60,
    *,
    radius: float = SRN_RADIUS,
    focal: float = SRN_FOCAL,
    elevation_degrees: float = 25.0,
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Frames of a full circle around several scenes at once, laid out in a grid that is wider than high.

    Args:
        model: the bank's category model.
        bank: fitted scenes.
        names: which of them.
        count: frames of the circle.
        radius: distance of the camera from the origin, in world units.
        focal: focal length in image widths.
        elevation_degrees: height of the camera above the horizon.

    Raises:
        InputError: the model's pictures are not square, or there is no scene.
    """
    if model.config.height != model.config.width:
        raise InputError("video: orbits need a model of square pictures")
    if not names:
        raise InputError(f"{bank.folder}: the bank is empty; fit scenes first")
    cameras = orbit_cameras(count, model.config.width, radius=radius, focal=focal, elevation_degrees=elevation_degrees)
    device = model.aabb.device
    clips = []
    for name in names:
        scene = bank.scene(name)
        views = model.render_scene(scene.micro.to(device), scene.coefficients.to(device), cameras.to(device))
        clips.append(as_pixels(views.images))
    columns = math.ceil(math.sqrt(len(clips) * 4 / 3))
    rows = math.ceil(len(clips) / columns)
    blank = np.full_like(clips[0][0], 255)
    for frame in range(count):
        cells = [clip[frame] for clip in clips] + [blank] * (rows * columns - len(clips))
        lines = [np.concatenate(cells[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
        yield np.concatenate(lines)


def write_video(path: Path, frames: Iterator[UInt8[np.ndarray, "height width 3"]], frames_per_second: int = 20) -> None:
    """Write an mp4 (H.264, plays in any browser). The file appears when it is whole.

    Args:
        path: the file, ending in .mp4.
        frames: pictures of one size, with even sides.
        frames_per_second: speed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp.mp4")
    try:
        writer = None
        for frame in frames:
            if writer is None:
                height, width = frame.shape[:2]
                writer = imageio_ffmpeg.write_frames(
                    str(temporary),
                    (width, height),
                    fps=frames_per_second,
                    quality=8,
                    macro_block_size=2,
                    ffmpeg_log_level="error",
                )
                writer.send(None)
            writer.send(np.ascontiguousarray(frame))
        if writer is not None:
            writer.close()
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
