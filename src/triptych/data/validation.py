"""Checks of a dataset's numbers, and whether to stop at the first problem or to gather them all."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float

from triptych.errors import InputError
from triptych.text import shown

LARGEST = 1e12
"""The largest coordinate; squares of larger ones do not fit single precision."""
_FARTHEST = 1000
"""No camera has a focal length or a principal point beyond this many sides of the picture."""
ROTATION_TOLERANCE = 1e-3
"""Largest entry of R Rᵀ - I that still counts as a rotation (files hold as few as four digits)."""


class Problems:
    """What to do with a problem: raise it (to use a dataset), or keep it and go on (to inspect one).

    Code that reads one item puts it under ``guard()`` and raises ``InputError`` as usual. What can be used
    but is probably a mistake is a note, which is never raised.
    """

    def __init__(self, *, gather: bool = False) -> None:
        """Raise the first problem, unless ``gather``."""
        self.gather = gather
        self.messages: list[str] = []
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        """Keep one line about something that can be used but may be wrong."""
        self.notes.append(line)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run one item's checks; when gathering, an ``InputError`` ends the item only; a repeated one counts once."""
        try:
            yield
        except InputError as error:
            if not self.gather:
                raise
            if not self.messages or self.messages[-1] != str(error):
                self.messages.append(str(error))


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


def check_intrinsics(intrinsics: Float[np.ndarray, "4"], size: tuple[int, int], where: str) -> None:
    """Refuse intrinsics that no pinhole camera has.

    Args:
        intrinsics: fx, fy, cx, cy in pixels.
        size: height and width of the picture in pixels.
        where: the file and the field, for the message.

    Raises:
        InputError: a number is not finite, a focal length is not positive, or a number is out of all proportion to the
            picture.
    """
    if not np.isfinite(intrinsics).all():
        raise InputError(f"{where}: expected finite intrinsics, found {shown(intrinsics.tolist())}")
    focal, principal = intrinsics[:2], intrinsics[2:]
    if not (focal > 0).all():
        raise InputError(f"{where}: expected a positive focal length, found {focal.min():g}")
    side = max(size)
    if focal.max() > _FARTHEST * side or focal.min() * _FARTHEST < side or np.abs(principal).max() > _FARTHEST * side:
        raise InputError(
            f"{where}: expected intrinsics in pixels of a {size[1]}x{size[0]} picture, "
            f"found fx, fy, cx, cy = {shown(intrinsics.tolist())}"
        )


def check_pose(matrix: Float[np.ndarray, "rows 4"], where: str) -> Float[np.ndarray, "3 4"]:
    """Check a camera-to-world matrix of any axes convention and drop its bottom row.

    Args:
        matrix: [R | t], with or without the bottom row 0 0 0 1.
        where: the file and the field, for the message.

    Raises:
        InputError: a number is not finite or too large, R is no rotation (R Rᵀ = I, det R = 1), or the bottom row is
            wrong.
    """
    if matrix.shape[0] not in (3, 4):
        raise InputError(f"{where}: expected a 4x4 camera-to-world matrix, found {matrix.shape[0]} rows")
    if not np.isfinite(matrix).all():
        raise InputError(f"{where}: the camera-to-world matrix holds NaN or infinity; remove this view")
    if np.abs(matrix).max() > LARGEST:
        raise InputError(f"{where}: the camera-to-world matrix holds a number beyond {LARGEST:g}; expected world units")
    if matrix.shape[0] == 4 and np.abs(matrix[3] - [0, 0, 0, 1]).max() > ROTATION_TOLERANCE:
        raise InputError(f"{where}: expected the bottom row 0 0 0 1, found {shown(matrix[3].tolist())}")
    rotation = matrix[:3, :3]
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
