"""Parser of one scene in the layout of ShapeNet-SRN (Sitzmann et al., Scene Representation Networks, 2019).

    intrinsics.txt       first line: f cx cy 0.   last line: height width
    rgb/000000.png ...   pictures
    pose/000000.txt ...  16 numbers: the camera-to-world matrix, row by row, OpenCV axes

The axes are those of triptych already, so nothing is converted; intrinsics follow the pictures' real size.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from triptych.errors import InputError
from triptych.scenes.frames import Frame, ParsedScene, assemble_scene
from triptych.scenes.pictures import SUFFIXES, picture_size
from triptych.scenes.validation import Problems, at_picture_size, check_intrinsics, check_pose

PARTS = ("rgb", "pose", "intrinsics.txt")
"""What an SRN scene's folder holds."""


def parse_srn(name: str, folder: Path, problems: Problems) -> ParsedScene:
    """Read one SRN scene without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the folder that holds ``rgb``, ``pose`` and ``intrinsics.txt``.
        problems: raises or gathers the problems of single views.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    folder = folder.resolve()
    for part in PARTS:
        exists = (folder / part).is_file() if part.endswith(".txt") else (folder / part).is_dir()
        if not exists:
            raise InputError(f"{folder}: {part} is missing; an SRN scene holds {', '.join(PARTS)}")
    intrinsics, size = _read_intrinsics(folder / "intrinsics.txt")
    pictures = {file.stem: file for file in (folder / "rgb").iterdir() if file.suffix.lower() in SUFFIXES}
    poses = {file.stem: file for file in (folder / "pose").glob("*.txt")}
    frames: list[Frame] = []
    for view in sorted(pictures.keys() | poses.keys()):
        with problems.guard():
            frames.append(_read_view(folder, view, pictures, poses, intrinsics, size))
    return assemble_scene(name, folder, frames)


def _read_view(
    folder: Path,
    view: str,
    pictures: dict[str, Path],
    poses: dict[str, Path],
    intrinsics: Float[np.ndarray, "4"],
    size: tuple[int, int],
) -> Frame:
    if view not in pictures:
        raise InputError(f"{poses[view]}: no picture rgb/{view}.png belongs to this pose; restore it or remove this")
    if view not in poses:
        raise InputError(f"{pictures[view]}: no pose/{view}.txt belongs to this picture; restore it or remove this")
    file = pictures[view]
    height, width = picture_size(file)
    scaled = at_picture_size(intrinsics, size, (height, width), str(file))
    return Frame(file, height, width, _read_pose(poses[view]), scaled)


def _read_intrinsics(file: Path) -> tuple[Float[np.ndarray, "4"], tuple[int, int]]:
    lines = [line for line in _read_lines(file) if line.strip()]
    if len(lines) < 2:
        raise InputError(f"{file}: expected 'f cx cy 0.' in the first line and 'height width' in the last")
    first, last = _numbers(lines[0], file), _numbers(lines[-1], file)
    if len(first) not in (3, 4):
        raise InputError(f"{file}: expected 'f cx cy 0.' in the first line, found {lines[0].strip()!r}")
    if len(last) != 2 or not all(side >= 1 and side == int(side) for side in last):
        raise InputError(f"{file}: expected 'height width' in the last line, found {lines[-1].strip()!r}")
    focal, cx, cy = first[:3]
    intrinsics = np.array([focal, focal, cx, cy])
    check_intrinsics(intrinsics, str(file))
    return intrinsics, (int(last[0]), int(last[1]))


def _read_pose(file: Path) -> Float[np.ndarray, "3 4"]:
    numbers = _numbers(" ".join(_read_lines(file)), file)
    if len(numbers) != 16:
        raise InputError(f"{file}: expected the 16 numbers of a 4x4 matrix, found {len(numbers)}")
    return check_pose(np.array(numbers).reshape(4, 4), str(file))


def _read_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{file}: expected a text file of numbers; this cannot be read as one") from None


def _numbers(text: str, file: Path) -> list[float]:
    try:
        return [float(word) for word in text.split()]
    except ValueError as error:
        raise InputError(f"{file}: expected numbers only: {error}") from None
