"""Parser of one sequence in the layout of CO3D (Reizenstein et al., Common Objects in 3D, 2021; both versions).

    frame_annotations.jgz            of a category: a list with an entry per frame, packed with gzip
    <sequence>/images/frame000001.jpg ...
    <sequence>/masks/frame000001.png ...   as the annotations name them: white where the object is

Of each entry are read: ``sequence_name``; ``image`` (``path``, ``size``: height, width); ``mask`` (``path``); and
``viewpoint``, a camera of PyTorch3D: x_camera = x_world R + T with rows for points, axes x left, y up, z forward. Its
``focal_length`` and ``principal_point`` are in units of half the picture's shorter side (``ndc_isotropic``), or of half
its own sides (``ndc_norm_image_bounds``, also where nothing is said), from the middle, x to the left and y up.

World units are those of each sequence's own reconstruction, so its box is what its cameras look at.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from triptych.data.formats.annotations import Annotations, Entries
from triptych.data.formats.axes import inverse
from triptych.data.formats.json_stream import stream_entries
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import check_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder, normal_path
from triptych.data.pictures import read_header
from triptych.data.validation import Problems, at_picture_size, check_intrinsics, check_pose, finite_number
from triptych.errors import InputError
from triptych.text import shown

_READ = ("image", "mask", "viewpoint")
_NORMED, _ISOTROPIC = "ndc_norm_image_bounds", "ndc_isotropic"
_PYTORCH3D_TO_OPENCV = np.diag([-1.0, -1.0, 1.0])


def read_frames(file: Path) -> Entries:
    """The entries of frame_annotations.jgz: the sequence, and what is read of the frame.

    Raises:
        InputError: the file is no list of frames.
    """
    for number, entry in enumerate(stream_entries(file)):
        name = entry.get("sequence_name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise InputError(f"{file}, [{number}]: expected a frame with its sequence_name, found {shown(entry)}")
        yield name, {field: entry.get(field) for field in _READ}


def parse_co3d(name: str, folder: Path, problems: Problems, links: LinkPolicy, annotations: Annotations) -> ParsedScene:
    """Read one sequence without decoding its pictures.

    Args:
        name: of the sequence.
        folder: its folder.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.
        annotations: the frames; see ``read_frames``.

    Raises:
        InputError: the sequence as a whole cannot be read, or, unless gathering, one view cannot.
    """
    links.check(annotations.file)
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for number, entry in enumerate(annotations.of(name)):
        with problems.guard():
            frames.append(_read_frame(entry, f"{annotations.file}, {name}, frame {number}", finder))
    return assemble_scene(name, folder, frames, problems, is_placed=False)


def _read_frame(entry: Mapping[str, Any], where: str, finder: PictureFinder) -> Frame:
    image, viewpoint = _object(entry, "image", where), _object(entry, "viewpoint", where)
    picture = _file_of(image, f"{where}, image", finder)
    header = read_header(picture)
    stated = _vector(image, "size", 2, f"{where}, image")
    if not all(1 <= side < 1e9 and side == int(side) for side in stated):
        raise InputError(f"{where}, image, size: expected height and width in pixels, found {shown(image['size'])}")
    size = (int(stated[0]), int(stated[1]))
    intrinsics = at_picture_size(_intrinsics(viewpoint, size, where), size, header.size, str(picture))
    mask = None
    if entry["mask"] is not None:
        mask = check_mask(_file_of(_object(entry, "mask", where), f"{where}, mask", finder), header.size, finder)
    return Frame(picture, header, _pose(viewpoint, where), intrinsics, mask=mask)


def _file_of(part: Mapping[str, Any], where: str, finder: PictureFinder) -> Path:
    """The file that a part names, by its path below the dataset's folder: what follows the sequence's name is taken."""
    value = part.get("path")
    parts = normal_path(value).split("/") if isinstance(value, str) and "\0" not in value else []
    if finder.scene.name not in parts[:-1]:
        raise InputError(f"{where}, path: expected a path in the sequence {finder.scene.name}, found {shown(value)}")
    return finder.named("/".join(parts[parts.index(finder.scene.name) + 1 :]), f"{where}, path")


def _pose(viewpoint: Mapping[str, Any], where: str) -> Float[np.ndarray, "3 4"]:
    rows = viewpoint.get("R")
    if not isinstance(rows, list) or len(rows) != 3:
        raise InputError(f"{where}, viewpoint, R: expected a 3x3 matrix, found {shown(rows)}")
    rotation = np.stack([_vector({"R": row}, "R", 3, f"{where}, viewpoint") for row in rows]).T
    translation = _vector(viewpoint, "T", 3, f"{where}, viewpoint")
    w2c = _PYTORCH3D_TO_OPENCV @ np.column_stack([rotation, translation])
    return inverse(check_pose(w2c, f"{where}, viewpoint, R, T"))


def _intrinsics(viewpoint: Mapping[str, Any], size: tuple[int, int], where: str) -> Float[np.ndarray, "4"]:
    """fx, fy, cx, cy in pixels of a picture of (height, width)."""
    named = viewpoint.get("intrinsics_format") or _NORMED
    if not isinstance(named, str) or named.lower() not in (_NORMED, _ISOTROPIC):
        expected = f"{_NORMED} or {_ISOTROPIC}"
        raise InputError(f"{where}, viewpoint, intrinsics_format: expected {expected}, found {shown(named)}")
    half = np.array([size[1], size[0]]) / 2
    unit = half if named.lower() == _NORMED else half.min()
    focal = _vector(viewpoint, "focal_length", 2, f"{where}, viewpoint") * unit
    principal = half - _vector(viewpoint, "principal_point", 2, f"{where}, viewpoint") * unit
    intrinsics = np.concatenate([focal, principal])
    check_intrinsics(intrinsics, size, f"{where}, viewpoint")
    return intrinsics


def _object(entry: Mapping[str, Any], field: str, where: str) -> Mapping[str, Any]:
    value = entry.get(field)
    if not isinstance(value, dict):
        raise InputError(f"{where}, {field}: expected a JSON object, found {shown(value)}")
    return value


def _vector(part: Mapping[str, Any], field: str, length: int, where: str) -> Float[np.ndarray, " number"]:
    value = part.get(field)
    if not isinstance(value, list) or len(value) != length:
        raise InputError(f"{where}, {field}: expected {length} numbers, found {shown(value)}")
    return np.array([finite_number(entry, f"{where}, {field}") for entry in value])
