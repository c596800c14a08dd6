"""Checks of what a dataset file says, and the choice to stop at the first problem or to gather them all."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float

from triptych.errors import InputError

ROTATION_TOLERANCE = 1e-3
"""Largest entry of R Rᵀ - I that still counts as a rotation (files hold as few as four digits)."""


class Problems:
    """What to do with a problem: raise it (to use a dataset), or note it and go on (to inspect one).

    Code that reads one item puts it under ``guard()`` and raises ``InputError`` as usual.
    """

    def __init__(self, *, gather: bool = False) -> None:
        """Raise the first problem, unless ``gather``."""
        self.gather = gather
        self.messages: list[str] = []

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run one item's checks; when gathering, an ``InputError`` ends the item only."""
        try:
            yield
        except InputError as error:
            if not self.gather:
                raise
            self.messages.append(str(error))


def shown(value: object) -> str:
    """A value from a file as an error message quotes it, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def finite_number(value: object, where: str) -> float:
    """Read one number of a JSON file.

    Args:
        value: what the file holds.
        where: the file and the field, for the message.

    Raises:
        InputError: it is not a number (booleans and strings are not), or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: expected a number, found {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{where}: expected a finite number, found {shown(value)}")
    return number


def optional_number(record: Mapping[str, Any], field: str, where: str) -> float | None:
    """The finite number under ``field``, or None where the field is missing or null."""
    value = record.get(field)
    return None if value is None else finite_number(value, f"{where}, {field}")


def check_intrinsics(intrinsics: Float[np.ndarray, "4"], where: str) -> None:
    """Refuse intrinsics (fx, fy, cx, cy, in pixels) that no pinhole camera has.

    Raises:
        InputError: a number is not finite, or a focal length is not positive.
    """
    if not np.isfinite(intrinsics).all():
        raise InputError(f"{where}: expected finite intrinsics, found {shown(intrinsics.tolist())}")
    if not (intrinsics[:2] > 0).all():
        raise InputError(f"{where}: expected a positive focal length, found {intrinsics[:2].min():g}")


def check_pose(matrix: Float[np.ndarray, "rows 4"], where: str) -> Float[np.ndarray, "3 4"]:
    """Check a camera-to-world matrix of any axes convention and drop its bottom row.

    Args:
        matrix: [R | t], with or without the bottom row 0 0 0 1.
        where: the file and the field, for the message.

    Raises:
        InputError: a number is not finite, R is no rotation (R Rᵀ = I, det R = 1) or the bottom row is wrong.
    """
    if matrix.shape[0] not in (3, 4):
        raise InputError(f"{where}: expected a 4x4 camera-to-world matrix, found {matrix.shape[0]} rows")
    if not np.isfinite(matrix).all():
        raise InputError(f"{where}: the camera-to-world matrix holds NaN or infinity; remove this view")
    if matrix.shape[0] == 4 and np.abs(matrix[3] - [0, 0, 0, 1]).max() > ROTATION_TOLERANCE:
        raise InputError(f"{where}: expected the bottom row 0 0 0 1, found {shown(matrix[3].tolist())}")
    rotation = matrix[:3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if not deviation <= ROTATION_TOLERANCE:
        raise InputError(
            f"{where}: the camera-to-world matrix holds no rotation (R Rᵀ differs from I by "
            f"{deviation:.2g}); remove any scale or shear"
        )
    if np.linalg.det(rotation) < 0:
        raise InputError(
            f"{where}: the camera-to-world matrix mirrors (determinant -1); expected a right-handed camera"
        )
    return matrix[:3]


def at_picture_size(
    intrinsics: Float[np.ndarray, "4"], declared: tuple[int, int], actual: tuple[int, int], where: str
) -> Float[np.ndarray, "4"]:
    """Intrinsics stated for one picture size, rescaled to the size the pictures really have.

    Args:
        intrinsics: fx, fy, cx, cy in pixels of the declared size.
        declared: height and width the file states.
        actual: height and width of the picture.
        where: the file, for the message.

    Raises:
        InputError: the two sizes have different proportions.
    """
    if declared == actual:
        return intrinsics
    vertical, horizontal = actual[0] / declared[0], actual[1] / declared[1]
    if abs(declared[0] * horizontal - actual[0]) > 1:
        raise InputError(
            f"{where}: the picture is {actual[1]}x{actual[0]}, but its intrinsics are stated for "
            f"{declared[1]}x{declared[0]}, which has other proportions"
        )
    return intrinsics * np.array([horizontal, vertical, horizontal, vertical])
