"""What COLMAP writes of a reconstruction: cameras, images and points, as text or in binary (COLMAP's "Output Format").

Both kinds hold the same: of each camera its model, width, height and parameters; of each image a rotation as a
quaternion (w x y z) and a translation, world to camera with OpenCV axes, its camera and its name; of each point its
place. Pixel centers are at half-integers.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float

from triptych.data.validation import LARGEST
from triptych.errors import InputError
from triptych.files import is_file
from triptych.files.reading import open_regular
from triptych.text import shown

CAMERA_MODELS = {
    "SIMPLE_PINHOLE": "f cx cy",
    "PINHOLE": "fx fy cx cy",
    "SIMPLE_RADIAL": "f cx cy k1",
    "RADIAL": "f cx cy k1 k2",
    "OPENCV": "fx fy cx cy k1 k2 p1 p2",
    "OPENCV_FISHEYE": "fx fy cx cy k1 k2 k3 k4",
    "FULL_OPENCV": "fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6",
    "FOV": "fx fy cx cy omega",
    "SIMPLE_RADIAL_FISHEYE": "f cx cy k1",
    "RADIAL_FISHEYE": "f cx cy k1 k2",
    "THIN_PRISM_FISHEYE": "fx fy cx cy k1 k2 p1 p2 k3 k4 sx1 sy1",
    "RAD_TAN_THIN_PRISM_FISHEYE": "fx fy cx cy k0 k1 k2 k3 k4 k5 p0 p1 s0 s1 s2 s3",
}
"""The parameters of each camera model, in the order of their numbers in binary files."""
_WORDS_BEFORE_NAME = 9
"""In a line of ``images.txt``; the name is the rest, with whatever blanks it has."""
_LONGEST_LINE = 1 << 24
_LONGEST_NAME = 4096
_MOST_POINTS = 2_000_000
_POINTS_2D, _TRACK = 24, 8
"""Bytes of an observation in an image, and of one of a point."""


@dataclass(frozen=True)
class ColmapCamera:
    """A camera: its model's name, (height, width) of its pictures, and the model's parameters in pixels."""

    model: str
    size: tuple[int, int]
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class ColmapImage:
    """An image: the number of its camera, its rotation (w x y z) and translation, world to camera, and its name."""

    name: str
    camera: int
    rotation: tuple[float, ...]
    translation: tuple[float, ...]


def read_cameras(model: Path) -> dict[int, ColmapCamera]:
    """The cameras of a model's folder, by number.

    Raises:
        InputError: the file is missing, cut off or damaged.
    """
    file = _either(model, "cameras")
    return dict(_cameras_in_text(file) if file.suffix == ".txt" else _cameras_in_binary(file))


def read_images(model: Path) -> list[ColmapImage]:
    """The images of a model's folder; see ``read_cameras``."""
    file = _either(model, "images")
    return list(_images_in_text(file) if file.suffix == ".txt" else _images_in_binary(file))


def read_points(model: Path) -> Float[np.ndarray, "point 3"]:
    """The points of a model's folder, the first two million; none where it has none. See ``read_cameras``."""
    if not any(is_file(model / f"points3D{ending}") for ending in (".bin", ".txt")):
        return np.empty((0, 3))
    file = _either(model, "points3D")
    points = _points_in_text(file) if file.suffix == ".txt" else _points_in_binary(file)
    places = np.array([place for place, _ in zip(points, range(_MOST_POINTS), strict=False)]).reshape(-1, 3)
    return places[(np.abs(places) <= LARGEST).all(axis=1)]  # NaN is not


def _either(model: Path, name: str) -> Path:
    found = (model / f"{name}{ending}" for ending in (".bin", ".txt"))
    file = next((file for file in found if is_file(file)), None)
    if file is None:
        raise InputError(f"{model}: {name}.bin or {name}.txt is missing; a COLMAP model holds cameras and images")
    return file


def _another_model(where: str, model: str) -> InputError:
    return InputError(
        f"{where}: the camera model {model} is not read, only {', '.join(CAMERA_MODELS)}; undistort the pictures first "
        "(colmap image_undistorter)"
    )


def _cameras_in_text(file: Path) -> Iterator[tuple[int, ColmapCamera]]:
    for where, words in _lines(file):
        if len(words) < 4:
            raise InputError(f"{where}: expected a camera's number, model, width, height, parameters")
        if words[1] not in CAMERA_MODELS:
            raise _another_model(str(where), shown(words[1]))
        numbers = _numbers([words[0], *words[2:]], where)
        yield int(numbers[0]), _camera(words[1], numbers[1], numbers[2], numbers[3:], where)


def _cameras_in_binary(file: Path) -> Iterator[tuple[int, ColmapCamera]]:
    with open_regular(file) as opened:
        content = _Content(opened, file)
        for _ in range(content.count(24)):
            number, kind, width, height = content.take("<IiQQ")
            if not 0 <= kind < len(CAMERA_MODELS):
                raise _another_model(f"{file}, camera {number}", str(kind))
            model, fields = list(CAMERA_MODELS.items())[kind]
            parameters = content.take(f"<{len(fields.split())}d")
            yield number, _camera(model, width, height, parameters, f"{file}, camera {number}")


def _camera(
    model: str, width: int | float, height: int | float, parameters: tuple[float, ...], where: str
) -> ColmapCamera:
    if not all(1 <= side < 1e9 for side in (width, height)):
        raise InputError(f"{where}: expected width and height in pixels, found {shown([width, height])}")
    expected = len(CAMERA_MODELS[model].split())
    if len(parameters) != expected:
        raise InputError(f"{where}: expected {expected} parameters of {model}, found {len(parameters)}")
    return ColmapCamera(model, (int(height), int(width)), parameters)


def _images_in_text(file: Path) -> Iterator[ColmapImage]:
    lines = _lines(file, observations=True)
    for where, words in lines:
        if len(words) <= _WORDS_BEFORE_NAME:
            raise InputError(f"{where}: expected an image's number, quaternion, translation, camera and name")
        *before, name = words
        numbers = _numbers(before, where)
        yield ColmapImage(name, int(numbers[8]), numbers[1:5], numbers[5:8])


def _images_in_binary(file: Path) -> Iterator[ColmapImage]:
    with open_regular(file) as opened:
        content = _Content(opened, file)
        for _ in range(content.count(73)):
            _, *pose, camera = content.take("<I7dI")
            name = content.text()
            content.skip(content.take("<Q")[0], _POINTS_2D)
            yield ColmapImage(name, camera, tuple(pose[:4]), tuple(pose[4:]))


def _points_in_text(file: Path) -> Iterator[tuple[float, ...]]:
    for where, words in _lines(file):
        if len(words) < 4:
            raise InputError(f"{where}: expected a point's number, x, y, z")
        yield _numbers(words[1:4], where)


def _points_in_binary(file: Path) -> Iterator[tuple[float, ...]]:
    with open_regular(file) as opened:
        content = _Content(opened, file)
        for _ in range(content.count(51)):
            _, x, y, z, *_, track = content.take("<Q3d3BdQ")
            content.skip(track, _TRACK)
            yield x, y, z


def _lines(file: Path, *, observations: bool = False) -> Iterator[tuple[str, list[str]]]:
    """The words of each line that is no comment; without the observations, which may be empty, or left out, in the line
    after each of ``images.txt``."""
    with open_regular(file) as opened:
        number, due = 0, False
        while line := opened.readline(_LONGEST_LINE):
            number += 1
            if due and not _names_an_image(line):
                due = False
                while not line.endswith(b"\n") and (line := opened.readline(_LONGEST_LINE)):
                    continue
                continue
            where, text = f"{file}, line {number}", line.strip()
            if not text or text.startswith(b"#"):
                continue
            try:
                words = text.decode().split(maxsplit=_WORDS_BEFORE_NAME if observations else -1)
            except UnicodeDecodeError:
                raise InputError(f"{where}: expected text in UTF-8; this is damaged or a binary file") from None
            yield where, words
            due = observations


def _names_an_image(line: bytes) -> bool:
    """Whether a line of ``images.txt`` has a name where one of observations has a number."""
    words = line.split(maxsplit=_WORDS_BEFORE_NAME)
    if len(words) <= _WORDS_BEFORE_NAME:
        return False
    try:
        float(words[-1].split(maxsplit=1)[0])
    except ValueError:
        return True
    return False


def _numbers(words: list[str], where: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(word) for word in words)
    except ValueError:
        raise InputError(f"{where}: expected numbers, found {shown(' '.join(words))}") from None
    if not np.isfinite(numbers).all():
        raise InputError(f"{where}: expected finite numbers, found {shown(' '.join(words))}")
    return numbers


class _Content:
    """A binary file, read from front to back and never beyond its end."""

    def __init__(self, opened: BinaryIO, file: Path) -> None:
        self._opened = opened
        self._file = file
        self._left = file.stat().st_size

    def take(self, layout: str) -> tuple:
        """The next few numbers."""
        return struct.unpack(layout, self._bytes(struct.calcsize(layout)))

    def count(self, least: int) -> int:
        """How many entries follow, each of at least so many bytes."""
        (count,) = self.take("<Q")
        if count * least > self._left:
            raise InputError(f"{self._file}: {count} entries are announced, more than fit into the file; restore it")
        return count

    def text(self) -> str:
        """Letters up to a zero byte."""
        letters = bytearray()
        while (letter := self._bytes(1)) != b"\0":
            letters += letter
            if len(letters) > _LONGEST_NAME:
                raise InputError(f"{self._file}: expected names of at most {_LONGEST_NAME} bytes; this is damaged")
        try:
            return letters.decode()
        except UnicodeDecodeError:
            raise InputError(f"{self._file}: expected names in UTF-8, found {shown(bytes(letters))}") from None

    def skip(self, count: int, size: int) -> None:
        """Leave out so many entries of so many bytes."""
        if count * size > self._left:
            raise InputError(f"{self._file}: this file is cut off or damaged; restore it")
        self._opened.seek(count * size, 1)
        self._left -= count * size

    def _bytes(self, count: int) -> bytes:
        taken = self._opened.read(count) if count <= self._left else b""
        if len(taken) != count:
            raise InputError(f"{self._file}: this file is cut off or damaged; restore it")
        self._left -= count
        return taken
