"""Pictures of another camera at the same place: without distortion, aimed elsewhere, of another size.

What a camera sees from one place does not depend on where it looks, so pixels alone move, whatever the depth.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from triptych.data.formats.distortion import Lens, sample


@dataclass(frozen=True)
class Taken:
    """How a picture has been taken.

    Attributes:
        rotation: camera to world, OpenCV axes.
        intrinsics: fx, fy, cx, cy in pixels.
        lens: the distortion, if any.
    """

    rotation: Float[np.ndarray, "3 3"]
    intrinsics: Float[np.ndarray, "4"]
    lens: Lens | None = None


@dataclass(frozen=True)
class Retaken:
    """A picture of another camera.

    Attributes:
        rgba: straight alpha; transparent and black beyond the picture that was taken.
        inside: which pixels that picture shows.
    """

    rgba: UInt8[np.ndarray, "height width 4"]
    inside: Bool[np.ndarray, "height width"]


def retake(rgba: UInt8[np.ndarray, "rows columns 4"], taken: Taken, wanted: Taken, size: tuple[int, int]) -> Retaken:
    """The picture that a pinhole camera at the same place would have taken, each pixel a mean of what it covers.

    Args:
        rgba: what was taken, straight alpha.
        taken: how.
        wanted: the pinhole camera.
        size: height and width of its picture.
    """
    rows, columns = rgba.shape[:2]
    across = (taken.intrinsics[:2] / wanted.intrinsics[:2]).max()
    factor = max(1, int(across))
    samples = max(1, ceil(across / factor))
    source, shown = _source(taken, wanted, size, samples, (rows, columns))
    premultiplied = np.asarray(Image.fromarray(rgba).convert("RGBa").reduce(factor), dtype=np.float32)
    values = sample(premultiplied, source / factor - 0.5) * shown[..., None]
    return Retaken(_straight(_means(values, samples)), _means(shown[..., None].astype(float), samples)[..., 0] > 0.5)


def _source(
    taken: Taken, wanted: Taken, size: tuple[int, int], samples: int, limits: tuple[int, int]
) -> tuple[Float[np.ndarray, "rows columns 2"], Bool[np.ndarray, "rows columns"]]:
    """Where (x, y) the samples of a picture lie in the one that was taken, and which lie in it at all."""
    (height, width), (fx, fy, cx, cy) = size, wanted.intrinsics
    x, y = np.meshgrid((np.arange(width * samples) + 0.5) / samples, (np.arange(height * samples) + 0.5) / samples)
    rays = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], axis=-1) @ (wanted.rotation.T @ taken.rotation)
    ahead = rays[..., 2] > 1e-6
    ideal = rays[..., :2] / np.where(ahead, rays[..., 2], 1.0)[..., None]
    # A lens is only known to bend without folds up to here.
    corners = np.array([[0, 0], [limits[1], 0], [0, limits[0]], [limits[1], limits[0]]])
    farthest = (((corners - taken.intrinsics[2:]) / taken.intrinsics[:2]) ** 2).sum(axis=-1).max()
    shown = ahead & ((ideal**2).sum(axis=-1) <= farthest * (1 + 1e-9))
    ideal = np.where(shown[..., None], ideal, 0.0)
    source = (ideal if taken.lens is None else taken.lens.apply(ideal)) * taken.intrinsics[:2] + taken.intrinsics[2:]
    shown &= ((source >= 0) & (source <= [limits[1], limits[0]])).all(axis=-1)
    return source, shown


def _means(
    values: Float[np.ndarray, "rows columns channel"], samples: int
) -> Float[np.ndarray, "height width channel"]:
    rows, columns, channels = values.shape
    return values.reshape(rows // samples, samples, columns // samples, samples, channels).mean(axis=(1, 3))


def _straight(premultiplied: Float[np.ndarray, "height width 4"]) -> UInt8[np.ndarray, "height width 4"]:
    alpha = premultiplied[..., 3:]
    colors = premultiplied[..., :3] * (255 / np.maximum(alpha, 0.5))
    return np.concatenate([np.where(alpha >= 0.5, colors, 0), alpha], axis=-1).clip(0, 255).round().astype(np.uint8)
