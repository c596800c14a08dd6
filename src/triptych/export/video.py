"""Videos of the scenes of a bank: orbits around many of them, or one of them beside what it is compared with."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from triptych.bank import Scene, Scenes
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.export.encoding import write_video
from triptych.export.left_out import LeftOut
from triptych.geometry import Cameras, Orbit
from triptych.pictures import as_pixels, channel_range, from_pixels, latent_colors

_COLUMN_HEIGHT = 256
"""Columns of a comparison are enlarged to at least this many pixels."""
_LABEL_HEIGHT = 28


def write_orbit(
    path: str | Path, scenes: Mapping[str, Scene], orbit: Orbit | None = None, size: tuple[int, int] | None = None
) -> None:
    """Film a full circle around several scenes at once, as ``orbit_frames``, to an mp4.

    Args:
        path: the file, ending in .mp4.
        scenes: scenes by name.
        orbit: the circle, one frame per camera.
        size: height and width of the picture of each scene, by default those of the first scene's.

    Raises:
        InputError: there is no scene, or the video cannot be written; or some scenes are damaged: the others are
            filmed.
    """
    left_out = LeftOut(scenes)
    readable = list(left_out.readable())
    left_out.require_some()
    write_video(path, orbit_frames(readable, orbit, size))
    left_out.report()


def orbit_frames(
    scenes: Sequence[Scene], orbit: Orbit | None = None, size: tuple[int, int] | None = None
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Frames of a full circle around several scenes at once, laid out in a grid that is wider than high.

    Args:
        scenes: at least one.
        orbit: the circle, one frame per camera.
        size: as for ``write_orbit``.
    """
    orbit = orbit or Orbit()
    cameras = orbit.cameras(*(size or scenes[0].picture_size))
    clips = [as_pixels(scene.render(cameras).images) for scene in scenes]
    columns = min(math.ceil(math.sqrt(len(clips) * 4 / 3)), len(clips))
    rows = math.ceil(len(clips) / columns)
    blank = np.full_like(clips[0][0], 255)
    for frame in range(orbit.count):
        cells = [clip[frame] for clip in clips] + [blank] * (rows * columns - len(clips))
        lines = [np.concatenate(cells[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
        yield np.concatenate(lines)


def comparison_frames(
    scene: Scene, cameras: Cameras, *, other: Scene | None = None, truth: Tensor | None = None
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Frames of one scene, side by side: decoded, by another model, ground truth, and its latents; with labels.

    Latents are shown as three channels, each stretched over the range that holds 98 % of its values.

    Args:
        scene: the scene.
        cameras: one camera per frame.
        other: the same scene fitted with another model, of RGB tri-planes for instance; its pictures are of its own
            model's size where this has the cameras' proportions, else of the cameras'.
        truth: pictures in [0, 1] that the cameras have taken [view, 3, row, column], see ``true_path``.
    """
    views = scene.render(cameras)
    columns = {"ours": _enlarged(views.images, cameras, "bicubic")}
    if other is not None:
        columns[_label(other)] = _enlarged(_seen_by(other, cameras), cameras, "bicubic")
    if truth is not None:
        columns["ground truth"] = _enlarged(truth, cameras, "bicubic")
    if not scene.model.is_image_space:
        colored = latent_colors(views.latents, *channel_range(views.latents))
        columns["latents"] = _enlarged(colored, cameras, "nearest")
    header = np.concatenate([_label_picture(text, pixels.shape[2]) for text, pixels in columns.items()], axis=1)
    for frame in range(len(cameras)):
        yield np.concatenate([header, np.concatenate([pixels[frame] for pixels in columns.values()], axis=1)])


def true_path(dataset: Dataset, fingerprint: str) -> tuple[Cameras, Float[Tensor, "view 3 height width"]]:
    """The cameras of a dataset's scene by their azimuth around the box's middle, and the pictures that they took.

    Args:
        dataset: the dataset.
        fingerprint: which of its scenes, see ``StoredScene``.

    Raises:
        InputError: the scene is not in the dataset.
    """
    if fingerprint not in dataset.fingerprints:
        raise InputError("video: this scene is not in the dataset given; give the one that it was fitted to")
    scene = dataset.fingerprints.index(fingerprint)
    cameras = dataset.cameras(scene)
    offset = cameras.c2w[:, :, 3] - dataset.aabb.mean(dim=0)
    order = torch.atan2(offset[:, 1], offset[:, 0]).argsort()
    return cameras[order], from_pixels(dataset.images(scene, order.tolist()))


def counterpart(scenes: Scenes, name: str, others: Scenes) -> Scene:
    """A scene of one bank as another bank has it.

    Raises:
        InputError: the other bank has none of this name, or one that was fitted to other pictures.
    """
    other = others.only(name)[name]
    if others.bank.about(name).fingerprint != scenes.bank.about(name).fingerprint:
        raise InputError(f"{others.bank.folder}: its scene {name!r} was fitted to other pictures; give another bank")
    return other


def _label(other: Scene) -> str:
    return "RGB tri-planes" if other.model.is_image_space else "other model"


def _seen_by(other: Scene, cameras: Cameras) -> Float[Tensor, "view 3 height width"]:
    height, width = other.picture_size
    alike = height * cameras.width == width * cameras.height
    return other.render(cameras.resized(height, width) if alike else cameras).images


def _enlarged(
    pictures: Float[Tensor, "view 3 h w"], cameras: Cameras, mode: str
) -> UInt8[np.ndarray, "view height width 3"]:
    scale = math.ceil(_COLUMN_HEIGHT / cameras.height)
    size = (scale * cameras.height, scale * cameras.width)
    if tuple(pictures.shape[2:]) == size:
        return as_pixels(pictures)
    smooth = {"align_corners": False} if mode == "bicubic" else {}
    return as_pixels(torch.nn.functional.interpolate(pictures, size=size, mode=mode, **smooth))


def _label_picture(text: str, width: int) -> UInt8[np.ndarray, "height width 3"]:
    picture = Image.new("RGB", (width, _LABEL_HEIGHT), "white")
    center = (width / 2, _LABEL_HEIGHT / 2)
    ImageDraw.Draw(picture).text(center, text, fill="black", font=ImageFont.load_default(16), anchor="mm")
    return np.asarray(picture)
