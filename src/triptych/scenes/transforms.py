"""Parser of one scene in the transforms.json layouts of NeRF-synthetic (Blender), nerfstudio and instant-ngp.

A scene is ``transforms.json``, or ``transforms_train.json`` with ``transforms_test.json`` (which then decide
which views are held out; ``transforms_val.json`` is ignored). A field stands in the header or in a frame:

    fl_x fl_y cx cy w h          intrinsics in pixels, pixel centres at half-integers
    camera_angle_x, _y           fields of view in radians, where no focal length is given
    k1 k2 p1 p2                  OPENCV lens distortion, undone when the pictures are read
    file_path                    the picture, relative to the scene's folder, with or without its ending
    transform_matrix             camera to world, OpenGL axes (x right, y up, z backward)

``aabb_scale`` is ignored: it sizes instant-ngp's own grid, not the scene. World units are kept as they are.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from triptych.errors import InputError
from triptych.files import inside, read_json
from triptych.geometry import Cameras
from triptych.scenes.distortion import Distortion
from triptych.scenes.frames import Frame, ParsedScene, ViewUse, assemble_scene
from triptych.scenes.pictures import SUFFIXES, picture_size
from triptych.scenes.validation import (
    Problems,
    at_picture_size,
    check_intrinsics,
    check_pose,
    finite_number,
    optional_number,
    shown,
)

PATTERN = "transforms*.json"
"""File names that mark a folder as a scene of this layout."""

_PINHOLE_MODELS = {"PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE", "OPENCV", "SIMPLE_RADIAL", "RADIAL"}
_OTHER_LENSES = (
    "is_fisheye",
    "k3",
    "k4",
    "k5",
    "k6",
    "ftheta_p0",
    "latlong",
    "equirectangular",
    "orthographic",
)
_OPENGL_TO_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])


def parse_transforms(name: str, folder: Path, problems: Problems) -> ParsedScene:
    """Read one transforms.json scene without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the folder that holds the file.
        problems: raises or gathers the problems of single views.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    folder = folder.resolve()
    frames: list[Frame] = []
    for file, use in _files_of(folder):
        header, records = _read_file(file)
        for index, record in enumerate(records):
            with problems.guard():
                where = f"{file}, frames[{index}]"
                frames.append(_read_frame(_fields(header, record, where), folder, file, where, use))
    return assemble_scene(name, folder, frames)


def read_cameras(file: Path, height: int, width: int) -> Cameras:
    """Read the cameras of a transforms.json in the order of its frames, for pictures of another size.

    The pictures need not be there where ``w`` and ``h`` are. Lens distortion is left out: these are the cameras of the
    undistorted pictures.

    Args:
        file: the file; its name is free.
        height: height of the pictures to make, in pixels.
        width: width of the pictures to make, in pixels.

    Raises:
        InputError: the file is missing, or a frame is not what ``parse_transforms`` reads, or its picture has other
            proportions.
    """
    if not file.is_file():
        raise InputError(f"{file}: no such file; expected a transforms.json")
    matrices, intrinsics = [], []
    header, records = _read_file(file)
    for index, record in enumerate(records):
        where = f"{file}, frames[{index}]"
        fields = _fields(header, record, where)
        _refuse_other_lenses(fields, where)
        declared = _declared_size(fields, file, where)
        own = _read_intrinsics(fields, declared, where)
        intrinsics.append(at_picture_size(own, declared, (height, width), where))
        matrices.append(_read_matrix(fields.get("transform_matrix"), f"{where}, transform_matrix"))
    return Cameras(
        torch.from_numpy(np.stack(matrices)).float(), torch.from_numpy(np.stack(intrinsics)).float(), height, width
    )


def _files_of(folder: Path) -> list[tuple[Path, ViewUse | None]]:
    train, test = folder / "transforms_train.json", folder / "transforms_test.json"
    if train.is_file() and test.is_file():
        return [(train, "train"), (test, "test")]
    candidates = [folder / "transforms.json", train, *sorted(folder.glob(PATTERN))]
    return [(next(file for file in candidates if file.is_file()), None)]


def _read_file(file: Path) -> tuple[dict[str, Any], list[Any]]:
    header = read_json(file)
    if not isinstance(header, dict):
        raise InputError(f"{file}: expected a JSON object, found {shown(header)}")
    records = header.pop("frames", None)
    if not isinstance(records, list) or not records:
        raise InputError(f"{file}, frames: expected a list with one entry a view, found {shown(records)}")
    return header, records


def _fields(header: Mapping[str, Any], record: Any, where: str) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected a JSON object, found {shown(record)}")
    return {**header, **record}


def _declared_size(fields: Mapping[str, Any], file: Path, where: str) -> tuple[int, int]:
    if fields.get("h") is None or fields.get("w") is None:
        return picture_size(_find_picture(fields.get("file_path"), file.parent.resolve(), file, where))
    return _side(fields, "h", 0, where), _side(fields, "w", 0, where)


def _read_frame(fields: Mapping[str, Any], folder: Path, named_in: Path, where: str, use: ViewUse | None) -> Frame:
    _refuse_other_lenses(fields, where)
    file = _find_picture(fields.get("file_path"), folder, named_in, where)
    actual = picture_size(file)
    declared = (_side(fields, "h", actual[0], where), _side(fields, "w", actual[1], where))
    intrinsics = at_picture_size(_read_intrinsics(fields, declared, where), declared, actual, str(file))
    distortion = _read_distortion(fields, where)
    if distortion is not None:
        distortion.check(intrinsics, *actual, where)
    c2w = _read_matrix(fields.get("transform_matrix"), f"{where}, transform_matrix")
    return Frame(file, *actual, c2w, intrinsics, distortion, use)


def _refuse_other_lenses(fields: Mapping[str, Any], where: str) -> None:
    advice = "only pinhole cameras with OPENCV distortion k1 k2 p1 p2 are read; undistort the pictures first"
    model = fields.get("camera_model")
    if model is not None and str(model) not in _PINHOLE_MODELS:
        raise InputError(f"{where}, camera_model: {shown(model)} is not supported; {advice}")
    for field in _OTHER_LENSES:
        if fields.get(field):
            raise InputError(f"{where}, {field}: this lens is not supported; {advice}")


def _find_picture(value: object, folder: Path, named_in: Path, where: str) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise InputError(f"{where}, file_path: expected the path of a picture, found {shown(value)}")
    file = inside(folder, value.replace("\\", "/"), named_in=named_in)
    if file.is_file() or file.suffix.lower() in SUFFIXES:
        return file
    # NeRF-synthetic leaves the ending out. It is added, not replaced, since a name may hold a dot of its own.
    candidates = [file.with_name(file.name + suffix) for suffix in SUFFIXES]
    return next((candidate for candidate in candidates if candidate.is_file()), candidates[0])


def _side(fields: Mapping[str, Any], field: str, actual: int, where: str) -> int:
    side = optional_number(fields, field, where)
    if side is None:
        return actual
    if side < 1 or side != int(side):
        raise InputError(f"{where}, {field}: expected a number of pixels, found {side:g}")
    return int(side)


def _read_intrinsics(fields: Mapping[str, Any], size: tuple[int, int], where: str) -> Float[np.ndarray, "4"]:
    height, width = size
    fx = _focal_length(fields, "x", width, where)
    fy = _focal_length(fields, "y", height, where)
    if fx is None and fy is None:
        raise InputError(f"{where}: no focal length; expected fl_x (pixels) or camera_angle_x (radians)")
    cx = optional_number(fields, "cx", where)
    cy = optional_number(fields, "cy", where)
    intrinsics = np.array(
        [
            fy if fx is None else fx,
            fx if fy is None else fy,
            width / 2 if cx is None else cx,
            height / 2 if cy is None else cy,
        ],
        dtype=np.float64,
    )
    check_intrinsics(intrinsics, where)
    return intrinsics


def _focal_length(fields: Mapping[str, Any], axis: str, side: int, where: str) -> float | None:
    focal = optional_number(fields, f"fl_{axis}", where)
    angle = optional_number(fields, f"camera_angle_{axis}", where)
    if focal is not None or angle is None:
        return focal
    if not 0 < angle < math.pi:
        raise InputError(f"{where}, camera_angle_{axis}: expected radians between 0 and pi, found {angle:g}")
    return 0.5 * side / math.tan(0.5 * angle)


def _read_distortion(fields: Mapping[str, Any], where: str) -> Distortion | None:
    k1, k2, p1, p2 = (optional_number(fields, field, where) or 0.0 for field in ("k1", "k2", "p1", "p2"))
    return Distortion(k1, k2, p1, p2) or None


def _read_matrix(value: object, where: str) -> Float[np.ndarray, "3 4"]:
    rows = value if isinstance(value, list) else []
    if len(rows) not in (3, 4) or not all(isinstance(row, list) and len(row) == 4 for row in rows):
        raise InputError(f"{where}: expected a 4x4 matrix, found {shown(value)}")
    matrix = np.array([[finite_number(entry, where) for entry in row] for row in rows])
    return check_pose(matrix, where) @ _OPENGL_TO_OPENCV
