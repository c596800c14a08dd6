"""Conventions of other programs, turned into triptych's: axes of cameras, directions of matrices, fields of view."""

import math

import numpy as np
from jaxtyping import Float

from triptych.data.validation import check_intrinsics
from triptych.errors import InputError

OPENGL_TO_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
"""Of the right, the camera-to-world matrix of a camera with OpenGL axes (x right, y up, z backward)."""


def inverse(pose: Float[np.ndarray, "3 4"]) -> Float[np.ndarray, "3 4"]:
    """The other direction of a rigid motion."""
    rotation = pose[:, :3].T
    return np.concatenate([rotation, -rotation @ pose[:, 3:]], axis=1)


def focal_length(degrees: float, side: int) -> float:
    """In pixels, of a picture whose side is seen under this angle."""
    return 0.5 * side / math.tan(math.radians(degrees) / 2)


def centered_intrinsics(focal: float, size: tuple[int, int], where: str) -> Float[np.ndarray, "4"]:
    """fx, fy, cx, cy of a camera with square pixels that looks through the middle of a picture of (height, width).

    Raises:
        InputError: no camera has this focal length.
    """
    height, width = size
    intrinsics = np.array([focal, focal, width / 2, height / 2])
    check_intrinsics(intrinsics, size, where)
    return intrinsics


def check_skew(matrix: Float[np.ndarray, "rows columns"], where: str) -> None:
    """Refuse a matrix of intrinsics whose pixels are no upright rectangles.

    Raises:
        InputError: an entry that stands for a skew is not zero.
    """
    if not (abs(matrix[0, 1]) < 1e-6 * abs(matrix[0, 0]) and abs(matrix[1, 0]) < 1e-6 * abs(matrix[1, 1])):
        raise InputError(f"{where}: expected intrinsics without skew, found {matrix[0, 1]:g} and {matrix[1, 0]:g}")
