"""Parser of one scene in the layout of ShapeNet-SRN (Sitzmann et al., Scene Representation Networks, 2019).

    intrinsics.txt       first line: f cx cy 0.   last line but for the flag: height width; or --field-of-view
    rgb/000000.png ...   pictures
    pose/000000.txt ...  16 numbers: the camera-to-world matrix, row by row, OpenCV axes
    masks/000000.png ... optional: white where the object is

Between its first and last line, ``intrinsics.txt`` may have a center, a near plane and a scale, which are not used. A
flag may follow the size: 0, or 1 if the matrices are world-to-camera. The axes are those of triptych, so nothing is
converted; intrinsics are scaled to the pictures' real size.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from triptych.data.formats.axes import centered_intrinsics, focal_length, inverse
from triptych.data.formats.layouts import SRN_FOLDERS, SRN_INTRINSICS, SRN_PARTS
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.formats.view_files import PosedFiles
from triptych.data.pictures import read_header
from triptych.data.validation import Problems, at_picture_size, check_intrinsics, check_pose
from triptych.errors import InputError
from triptych.files import is_file, is_folder
from triptych.text import shown

_LARGEST_TEXT = 1 << 16
"""Bytes of a file of numbers; more is something else."""


@dataclass(frozen=True)
class _Intrinsics:
    """What intrinsics.txt says: fx, fy, cx, cy in pixels, for pictures of (height, width), and what the poses are."""

    numbers: Float[np.ndarray, "4"]
    size: tuple[int, int]
    poses_are_world_to_camera: bool


def parse_srn(
    name: str, folder: Path, problems: Problems, links: LinkPolicy, field_of_view: float | None = None
) -> ParsedScene:
    """Read one SRN scene without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the folder that holds ``rgb``, ``pose`` and ``intrinsics.txt``.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.
        field_of_view: horizontal, in degrees, of cameras that look through the middle of their pictures; for a scene
            without ``intrinsics.txt``.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    has_intrinsics = is_file(folder / SRN_INTRINSICS)
    if not has_intrinsics and field_of_view is None:
        raise InputError(
            f"{folder}: {SRN_INTRINSICS} is missing; an SRN scene holds {', '.join(SRN_PARTS)}; without it, give the "
            "cameras' horizontal --field-of-view in degrees"
        )
    for part in SRN_PARTS if has_intrinsics else SRN_FOLDERS:
        if part in SRN_FOLDERS and not is_folder(folder / part):
            raise InputError(f"{folder}: {part} is missing; an SRN scene holds {', '.join(SRN_PARTS)}")
        links.check(folder / part)
    intrinsics = _read_intrinsics(folder / SRN_INTRINSICS) if has_intrinsics else None
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for view in PosedFiles(folder, folder / "rgb", folder / "pose", ".txt").views():
        with problems.guard():
            file, pose = view.both()
            links.check(file)
            links.check(pose)
            frames.append(_read_view(file, pose, intrinsics or field_of_view, finder))
    return assemble_scene(name, folder, frames, problems)


def _read_view(file: Path, pose: Path, lens: _Intrinsics | float | None, finder: PictureFinder) -> Frame:
    header, c2w = read_header(file), _read_pose(pose)
    if isinstance(lens, _Intrinsics):
        scaled = at_picture_size(lens.numbers, lens.size, header.size, str(file))
        if lens.poses_are_world_to_camera:
            c2w = inverse(c2w)
    else:
        assert lens is not None
        scaled = centered_intrinsics(focal_length(lens, header.size[1]), header.size, f"{file}, field_of_view")
    return Frame(file, header, c2w, scaled, mask=find_mask(file, header.size, finder))


def _read_intrinsics(file: Path) -> _Intrinsics:
    lines = [line for line in _read_text(file).splitlines() if line.strip()]
    if len(lines) < 2:
        raise InputError(f"{file}: expected 'f cx cy 0.' in the first line and 'height width' in the last")
    first = _numbers(lines[0], file)
    if len(first) not in (3, 4):
        raise InputError(f"{file}: expected 'f cx cy 0.' in the first line, found {shown(lines[0].strip())}")
    flag = [0.0]
    if len(lines) > 2 and len(lines[-1].split()) == 1 and len(lines[-2].split()) == 2:
        flag = _numbers(lines.pop(), file)
    if flag not in ([0.0], [1.0]):
        raise InputError(
            f"{file}: expected 0 or 1 after the size (1: the poses are world-to-camera), found {flag[0]:g}"
        )
    size = _numbers(lines[-1], file)
    if len(size) != 2 or not all(1 <= side < 1e9 and side == int(side) for side in size):
        raise InputError(f"{file}: expected 'height width' in the last line, found {shown(lines[-1].strip())}")
    focal, cx, cy = first[:3]
    intrinsics = np.array([focal, focal, cx, cy])
    height, width = int(size[0]), int(size[1])
    check_intrinsics(intrinsics, (height, width), str(file))
    return _Intrinsics(intrinsics, (height, width), flag == [1.0])


def _read_pose(file: Path) -> Float[np.ndarray, "3 4"]:
    numbers = _numbers(_read_text(file), file)
    if len(numbers) != 16:
        raise InputError(f"{file}: expected the 16 numbers of a 4x4 matrix, found {len(numbers)}")
    return check_pose(np.array(numbers).reshape(4, 4), str(file))


def _read_text(file: Path) -> str:
    try:
        # Opening a pipe of that name would block.
        if is_file(file) and file.stat().st_size <= _LARGEST_TEXT:
            return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        pass
    raise InputError(f"{file}: expected a text file of numbers; this cannot be read as one")


def _numbers(text: str, file: Path) -> list[float]:
    numbers: list[float] = []
    for word in text.split():
        try:
            numbers.append(float(word))
        except ValueError:
            raise InputError(f"{file}: expected numbers only, found {shown(word)}") from None
    return numbers
