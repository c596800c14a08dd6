"""Lens distortion, undone by resampling pictures once, when they are read.

Resampling asks where the lens shows each pixel of the undistorted picture, so a lens is the function that bends.
"""

from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from triptych.errors import InputError

_IN_THE_MIDDLE = 1e-9
"""A radius below which an angle is its tangent."""


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
        """Refuse coefficients that fold the picture over itself (see `_require_unfolded`).

        Raises:
            InputError: they do, or OpenCV is not installed.
        """
        _opencv(where)
        _require_unfolded(self, self.coefficients, (intrinsics, height, width), where)


@dataclass(frozen=True)
class FieldOfViewLens:
    """The FOV model (Devernay and Faugeras 2001): a point at distance r from the middle is shown at
    atan(2 r tan(omega / 2)) / omega.

    Attributes:
        omega: the lens's field of view in radians.
    """

    omega: float

    def apply(self, points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Where the lens shows a point of the ideal image plane (z = 1)."""
        radius, slope = np.linalg.norm(points, axis=-1, keepdims=True), 2 * np.tan(self.omega / 2)
        middle = radius * slope < _IN_THE_MIDDLE
        bent = np.where(middle, slope, np.arctan(radius * slope) / np.where(middle, 1.0, radius))
        return points * bent / self.omega

    def check(self, intrinsics: Float[np.ndarray, "4"], height: int, width: int, where: str) -> None:
        """Refuse an angle that no lens has.

        Raises:
            InputError: it is not between 0 and pi.
        """
        if not 0 < self.omega < np.pi:
            raise InputError(f"{where}: expected an omega between 0 and pi, found {self.omega:g}")


@dataclass(frozen=True)
class ThinPrismFisheye:
    """An equidistant fisheye whose glass is decentered and tilted (Weng, Cohen and Herniou 1992), as COLMAP has it."""

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    sx1: float = 0.0
    sy1: float = 0.0

    def apply(self, points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Where the lens shows a point of the ideal image plane (z = 1).

        With (x, y) as far from the middle as the angle to the axis, and r² = x² + y²:
        x' = x (1 + k1 r² + k2 r⁴ + k3 r⁶ + k4 r⁸) + 2 p1 x y + p2 (r² + 2 x²) + sx1 r², and
        y' = y (1 + k1 r² + k2 r⁴ + k3 r⁶ + k4 r⁸) + p1 (r² + 2 y²) + 2 p2 x y + sy1 r².
        """
        by_angle = _by_angle(points)
        r2 = (by_angle**2).sum(axis=-1)
        higher = r2**2 * (self.k3 * r2 + self.k4 * r2**2)
        bent = Distortion(self.k1, self.k2, self.p1, self.p2).apply(by_angle)
        return bent + by_angle * higher[..., None] + r2[..., None] * np.array([self.sx1, self.sy1])

    def check(self, intrinsics: Float[np.ndarray, "4"], height: int, width: int, where: str) -> None:
        """Refuse coefficients that fold the picture over itself (see `_require_unfolded`).

        Raises:
            InputError: they do.
        """
        _require_unfolded(self, astuple(self), (intrinsics, height, width), where)


@dataclass(frozen=True)
class RadialTangentialThinPrismFisheye:
    """Project Aria's Fisheye624, as COLMAP has it: the glass is decentered and tilted behind the equidistant fisheye.

    Attributes:
        radial: k0 to k5.
        tangential: p0 and p1.
        prism: s0 to s3.
    """

    radial: tuple[float, ...]
    tangential: tuple[float, ...] = (0.0, 0.0)
    prism: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)

    def apply(self, points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Where the lens shows a point of the ideal image plane (z = 1).

        With a as the angle to the axis, (x, y) as far from the middle as a (1 + k0 a² + k1 a⁴ ... + k5 a¹²), and
        r² = x² + y²:  x' = x + 2 p1 x y + p0 (r² + 2 x²) + s0 r² + s1 r⁴, and
        y' = y + p1 (r² + 2 y²) + 2 p0 x y + s2 r² + s3 r⁴.
        """
        by_angle = _by_angle(points)
        angle2 = (by_angle**2).sum(axis=-1, keepdims=True)
        at = by_angle * np.polynomial.Polynomial((1.0, *self.radial))(angle2)
        r2 = (at**2).sum(axis=-1, keepdims=True)
        (p0, p1), (s0, s1, s2, s3) = self.tangential, self.prism
        return Distortion(p1=p1, p2=p0).apply(at) + r2 * np.array([s0, s2]) + r2**2 * np.array([s1, s3])

    def check(self, intrinsics: Float[np.ndarray, "4"], height: int, width: int, where: str) -> None:
        """Refuse coefficients that fold the picture over itself (see `_require_unfolded`).

        Raises:
            InputError: they do.
        """
        numbers = (*self.radial, *self.tangential, *self.prism)
        _require_unfolded(self, numbers, (intrinsics, height, width), where)


Lens = Distortion | OpenCvLens | FieldOfViewLens | ThinPrismFisheye | RadialTangentialThinPrismFisheye


def _by_angle(points: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
    """Points as far from the middle as their angle to the axis."""
    radius = np.linalg.norm(points, axis=-1, keepdims=True)
    middle = radius < _IN_THE_MIDDLE
    return points * np.where(middle, 1.0, np.arctan(radius) / np.where(middle, 1.0, radius))


def _require_unfolded(
    lens: Lens,
    coefficients: tuple[float, ...],
    picture: tuple[Float[np.ndarray, "4"], int, int],
    where: str,
) -> None:
    """Along lines from the principal point to the edges, what is farther out must be shown farther out.

    Args:
        lens: what bends.
        coefficients: its numbers.
        picture: intrinsics, height and width.
        where: what to name in the message.

    Raises:
        InputError: it is not: the lens folds the picture over itself, which no resampling can undo.
    """
    intrinsics, height, width = picture
    sides = np.linspace(0, 1, 9)[:, None]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    edges = np.concatenate([a + (b - a) * sides for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)])
    lines = np.linspace(0, 1, 65)[:, None, None] * ((edges - intrinsics[2:]) / intrinsics[:2])
    outward = np.diff(lens.apply(lines), axis=0)
    if not ((outward * lines[-1]).sum(axis=-1) >= 0).all():
        raise InputError(
            f"{where}: the coefficients {', '.join(f'{number:g}' for number in coefficients)} fold the "
            "picture over itself before its edges; expected a milder lens; undistort the pictures first"
        )


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
