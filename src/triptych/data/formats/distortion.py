"""Lens distortion, undone by resampling pictures once, when they are read.

Resampling asks where the lens shows each pixel of the undistorted picture, so a lens is the function that bends.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from triptych.errors import InputError


@dataclass(frozen=True)
class Distortion:
    """Radial (k1, k2) and tangential (p1, p2) coefficients of the Brown-Conrady model, as in OpenCV."""

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    def __bool__(self) -> bool:
        """Whether the lens bends anything."""
        return any((self.k1, self.k2, self.p1, self.p2))

    def apply(self, points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Where the lens shows a point of the ideal image plane (z = 1).

        With r² = x² + y²:  x' = x (1 + k1 r² + k2 r⁴) + 2 p1 x y + p2 (r² + 2 x²), and
        y' = y (1 + k1 r² + k2 r⁴) + p1 (r² + 2 y²) + 2 p2 x y.
        """
        x, y = points[..., 0], points[..., 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (self.k1 + r2 * self.k2)
        return np.stack(
            [
                x * radial + 2 * self.p1 * x * y + self.p2 * (r2 + 2 * x * x),
                y * radial + self.p1 * (r2 + 2 * y * y) + 2 * self.p2 * x * y,
            ],
            axis=-1,
        )

    def check(self, intrinsics: Float[np.ndarray, "4"], height: int, width: int, where: str) -> None:
        """Refuse coefficients that fold the picture over itself, which no resampling can undo.

        The radius r (1 + k1 r² + k2 r⁴) must grow over the whole picture, and by more than the tangential part can
        take back: 1 + 3 k1 r² + 5 k2 r⁴ > 6 r (|p1| + |p2|).

        Raises:
            InputError: it does not.
        """
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], dtype=np.float64)
        farthest = (((corners - intrinsics[2:]) / intrinsics[:2]) ** 2).sum(axis=-1).max()
        r2 = np.linspace(0, farthest, 65)
        with np.errstate(over="ignore", invalid="ignore"):
            growth = 1 + r2 * (3 * self.k1 + r2 * 5 * self.k2) - 6 * np.sqrt(r2) * (abs(self.p1) + abs(self.p2))
        if not (growth > 0).all():
            raise InputError(
                f"{where}: k1 = {self.k1:g}, k2 = {self.k2:g}, p1 = {self.p1:g}, p2 = {self.p2:g} fold the picture "
                "over itself before its corners; expected a milder lens; undistort the pictures first"
            )


@dataclass(frozen=True)
class OpenCvLens:
    """A lens that OpenCV knows (extra ``photos``).

    Attributes:
        kind: ``fisheye``, the equidistant model with k1 k2 k3 k4, or ``rational``, k1 k2 p1 p2 k3 k4 k5 k6.
        coefficients: its numbers.
    """

    kind: Literal["fisheye", "rational"]
    coefficients: tuple[float, ...]

    def apply(self, points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Where the lens shows a point of the ideal image plane (z = 1)."""
        cv2, numbers = _opencv("this lens"), np.array(self.coefficients)
        flat = np.ascontiguousarray(points, dtype=np.float64).reshape(-1, 1, 2)
        if self.kind == "fisheye":
            bent = cv2.fisheye.distortPoints(flat, np.eye(3), numbers)
        else:
            ahead = np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)
            bent, _ = cv2.projectPoints(ahead, np.zeros(3), np.zeros(3), np.eye(3), numbers)
        return bent.reshape(points.shape)

    def check(self, intrinsics: Float[np.ndarray, "4"], height: int, width: int, where: str) -> None:
        """Refuse coefficients that fold the picture over itself, which no resampling can undo: along lines from the
        principal point to the edges, what is farther out must be shown farther out.

        Raises:
            InputError: they do, or OpenCV is not installed.
        """
        _opencv(where)
        sides = np.linspace(0, 1, 9)[:, None]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
        edges = np.concatenate([a + (b - a) * sides for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)])
        lines = np.linspace(0, 1, 65)[:, None, None] * ((edges - intrinsics[2:]) / intrinsics[:2])
        outward = np.diff(self.apply(lines), axis=0)
        if not ((outward * lines[-1]).sum(axis=-1) >= 0).all():
            raise InputError(
                f"{where}: the coefficients {', '.join(f'{number:g}' for number in self.coefficients)} fold the "
                "picture over itself before its edges; expected a milder lens; undistort the pictures first"
            )


Lens = Distortion | OpenCvLens


def _opencv(needed_by: str) -> Any:
    try:
        import cv2
    except ImportError:
        raise InputError(f'{needed_by}: fisheye lenses need OpenCV; pip install "triptych[photos]"') from None
    return cv2


@lru_cache(maxsize=4)
def _source_pixels(
    distortion: Lens, intrinsics: tuple[float, ...], height: int, width: int
) -> Float[np.ndarray, "height width 2"]:
    focal, center = np.array(intrinsics[:2]), np.array(intrinsics[2:])
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    ideal = (np.stack([x, y], axis=-1) - center) / focal
    return (distortion.apply(ideal) * focal + center - 0.5).astype(np.float32)


def undistort(
    picture: Float[np.ndarray, "height width channel"],
    intrinsics: Float[np.ndarray, "4"],
    distortion: Lens,
) -> Float[np.ndarray, "height width channel"]:
    """The picture a pinhole camera with the same intrinsics would have taken (bilinear; edges are repeated).

    Args:
        picture: linear in what it blends, so a composited or premultiplied picture.
        intrinsics: fx, fy, cx, cy in pixels.
        distortion: the lens.
    """
    height, width = picture.shape[:2]
    return sample(picture, _source_pixels(distortion, tuple(intrinsics.tolist()), height, width))


def sample(
    picture: Float[np.ndarray, "height width channel"], source: Float[np.ndarray, "rows columns 2"]
) -> Float[np.ndarray, "rows columns channel"]:
    """A picture at other places (bilinear; edges are repeated).

    Args:
        picture: see ``undistort``.
        source: column and row, the center of the first pixel at (0, 0).
    """
    height, width = picture.shape[:2]
    column = source[..., 0].clip(0, width - 1)
    row = source[..., 1].clip(0, height - 1)
    left, top = column.astype(np.intp), row.astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (column - left)[..., None], (row - top)[..., None]
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[bottom, left] * (1 - across) + picture[bottom, right] * across
    return upper * (1 - down) + lower * down
