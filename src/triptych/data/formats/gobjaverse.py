"""Parser of one object in the layout of G-Objaverse (Qiu et al., RichDreamer, 2024).

    00000/00000.png ...    pictures with alpha, or .jpg without; campos_512_v4/ of the object's folder holds these
                           folders
    00000/00000.json ...   origin: where the camera stands; x, y, z: its axes in the world, OpenCV's (right, down,
                           forward); x_fov, y_fov: fields of view in radians

The other files of a view (depth, normals, materials) are not read. A picture and its .json may also lie in the object's
folder itself. Objects fit in a cube of side 1; z is up.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from triptych.data.formats.layouts import gobjaverse_views
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.pictures import SUFFIXES, read_header
from triptych.data.validation import Problems, check_intrinsics, check_pose, finite_number
from triptych.errors import InputError
from triptych.files import read_json
from triptych.text import shown

_LARGEST = 1 << 20
"""Bytes of the description of a view; more is something else."""


def parse_gobjaverse(name: str, folder: Path, problems: Problems, links: LinkPolicy) -> ParsedScene:
    """Read one object without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the folder that holds the folders of the views.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for description in gobjaverse_views(folder):
        with problems.guard():
            frames.append(_read_view(description, finder))
    return assemble_scene(name, folder, frames, problems)


def _read_view(description: Path, finder: PictureFinder) -> Frame:
    picture = finder.existing(description.with_suffix("")) or description.with_suffix(SUFFIXES[0])
    finder.links.check(picture)
    finder.links.check(description)
    header = read_header(picture)
    if description.stat().st_size > _LARGEST:
        raise InputError(f"{description}: expected the description of a view, at most {_LARGEST} bytes")
    fields = read_json(description)
    if not isinstance(fields, dict):
        raise InputError(f"{description}: expected a JSON object, found {shown(fields)}")
    columns = [_vector(fields, field, description) for field in ("x", "y", "z", "origin")]
    c2w = check_pose(np.stack(columns, axis=1), f"{description}, x, y, z, origin")
    intrinsics = _intrinsics(fields, header.size, description)
    return Frame(picture, header, c2w, intrinsics, mask=find_mask(picture, header.size, finder))


def _vector(fields: dict[str, Any], name: str, file: Path) -> Float[np.ndarray, "3"]:
    value = fields.get(name)
    if not isinstance(value, list) or len(value) != 3:
        raise InputError(f"{file}, {name}: expected three numbers, found {shown(value)}")
    return np.array([finite_number(entry, f"{file}, {name}") for entry in value])


def _intrinsics(fields: dict[str, Any], size: tuple[int, int], file: Path) -> Float[np.ndarray, "4"]:
    height, width = size
    across = _focal_length(fields, "x_fov", width, file)
    down = _focal_length(fields, "y_fov", height, file) if fields.get("y_fov") is not None else across
    intrinsics = np.array([across, down, width / 2, height / 2])
    check_intrinsics(intrinsics, size, str(file))
    return intrinsics


def _focal_length(fields: dict[str, Any], name: str, side: int, file: Path) -> float:
    angle = finite_number(fields.get(name), f"{file}, {name}")
    if not 1e-6 < angle < math.pi:
        raise InputError(f"{file}, {name}: expected radians between 0 and pi, found {angle:g}")
    return 0.5 * side / math.tan(0.5 * angle)
