"""Parser of one scene in the transforms.json layouts of NeRF-synthetic (Blender), nerfstudio and instant-ngp.

A scene is ``transforms.json``, or ``transforms_train.json`` with ``transforms_test.json`` or ``transforms_val.json``.
A field may stand in the header or in a frame:

    fl_x fl_y cx cy w h          intrinsics in pixels, pixel centers at half-integers
    camera_angle_x, _y           fields of view in radians, where no focal length is given
    k1 k2 p1 p2                  OPENCV lens distortion, undone when the pictures are read
    k1 k2 k3 k4                  that of a fisheye, with camera_model OPENCV_FISHEYE or is_fisheye (extra ``photos``)
    file_path                    the picture, relative to the scene's folder, with or without its extension
    mask_path                    a picture of the same size, white where the object is; else masks/ beside images/
    transform_matrix             camera to world, OpenGL axes (x right, y up, z backward)

``view_uses`` tells which views the file holds out. ``aabb_scale`` is ignored: it is the size of instant-ngp's grid,
not of the scene. World units are kept as they are.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from triptych.data.formats.axes import OPENGL_TO_OPENCV
from triptych.data.formats.distortion import Distortion, Lens, OpenCvLens
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import check_mask, find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, ViewUse, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.formats.view_uses import LEFT_OUT, files_by_use, uses_in_file
from triptych.data.pictures import PictureHeader, read_header
from triptych.data.validation import (
    Problems,
    at_picture_size,
    check_intrinsics,
    check_pose,
    finite_number,
    optional_number,
)
from triptych.errors import InputError
from triptych.files import read_json
from triptych.geometry import Cameras
from triptych.text import shown

_PINHOLE_MODELS = {"PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE", "OPENCV", "SIMPLE_RADIAL", "RADIAL"}
_FISHEYE = "OPENCV_FISHEYE"
_OF_FISHEYES = ("k3", "k4")
_OTHER_LENSES = (
    *_OF_FISHEYES,
    "k5",
    "k6",
    "ftheta_p0",
    "latlong",
    "equirectangular",
    "orthographic",
)
_INTRINSICS = ("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_angle_x", "camera_angle_y")
_LENS_FIELDS = {*_INTRINSICS, *_OTHER_LENSES, "camera_model", "is_fisheye", "k1", "k2", "p1", "p2"}


def parse_transforms(name: str, folder: Path, problems: Problems, links: LinkPolicy) -> ParsedScene:
    """Read one transforms.json scene without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the folder that holds the file.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for file, use_of_file in files_by_use(folder):
        links.check(file)
        header, records = _read_file(file)
        uses = uses_in_file(header, records, file)
        for index, (record, use_in_file) in enumerate(zip(records, uses, strict=True)):
            use = use_of_file or use_in_file
            if use != LEFT_OUT:
                with problems.guard():
                    frames.append(_read_frame(header, record, file, index, finder, use))
        _note_two_fields_of_view(header, frames, file, problems)
    if finder.found_elsewhere:
        problems.note(f"{folder}: its absolute paths are those of another place; what lies below it is read")
    return assemble_scene(name, folder, frames, problems)


def _note_two_fields_of_view(
    header: Mapping[str, Any], frames: Sequence[Frame], file: Path, problems: Problems
) -> None:
    """Note a header whose focal length in pixels is not that of its field of view in radians."""
    focal, angle = header.get("fl_x"), header.get("camera_angle_x")
    if focal is None or angle is None or not frames:
        return
    width = _side(header, "w", frames[-1].header.size[1], str(file))
    implied = (
        2 * finite_number(focal, f"{file}, fl_x") * math.tan(0.5 * finite_number(angle, f"{file}, camera_angle_x"))
    )
    if abs(implied - width) > 0.05 * width:
        problems.note(
            f"{file}: fl_x and camera_angle_x together mean a picture {implied:.0f} pixels wide, not {width}; fl_x is "
            "taken; is it that of another picture size?"
        )


def read_cameras(file: Path, height: int, width: int) -> Cameras:
    """Read the cameras of a transforms.json in the order of its frames, for pictures of another size.

    The pictures need not be there where ``w`` and ``h`` are. Lens distortion is left out: these are the cameras of the
    undistorted pictures. Where the file's pictures have other proportions than those asked for, they keep them, and
    their shorter side is as long.

    Args:
        file: the file; its name is free.
        height: height of the pictures to make, in pixels.
        width: width of the pictures to make, in pixels.

    Raises:
        InputError: the file is missing, or a frame is not what ``parse_transforms`` reads, or its picture has other
            proportions than the first.
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
        if index == 0:
            height, width = _shaped_as(declared, height, width)
        own = _read_intrinsics(fields, declared, where)
        intrinsics.append(at_picture_size(own, declared, (height, width), where))
        matrices.append(_read_matrix(fields.get("transform_matrix"), f"{where}, transform_matrix"))
    return Cameras(
        torch.from_numpy(np.stack(matrices)).float(), torch.from_numpy(np.stack(intrinsics)).float(), height, width
    )


def _shaped_as(declared: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """A size as asked for; of other proportions than the declared one, that one with a shorter side as long."""
    if abs(declared[0] * width / declared[1] - height) <= 1:
        return height, width
    scale = min(height, width) / min(declared)
    return round(declared[0] * scale), round(declared[1] * scale)


def _read_file(file: Path) -> tuple[dict[str, Any], list[Any]]:
    header = read_json(file)
    if not isinstance(header, dict):
        raise InputError(f"{file}: expected a JSON object, found {shown(header)}")
    records = header.pop("frames", None)
    if not isinstance(records, list) or not records:
        raise InputError(f"{file}, frames: expected a list with one entry per view, found {shown(records)}")
    return header, records


def _fields(header: Mapping[str, Any], record: Any, where: str) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected a JSON object, found {shown(record)}")
    return {**header, **record}


def _declared_size(fields: Mapping[str, Any], file: Path, where: str) -> tuple[int, int]:
    if fields.get("h") is None or fields.get("w") is None:
        folder = file.parent.resolve()
        finder = PictureFinder(folder, LinkPolicy(folder))
        return read_header(finder.named(fields.get("file_path"), f"{where}, file_path")).size
    return _side(fields, "h", 0, where), _side(fields, "w", 0, where)


def _read_frame(
    header: Mapping[str, Any], record: Any, named_in: Path, index: int, finder: PictureFinder, use: ViewUse | None
) -> Frame:
    where = f"{named_in}, frames[{index}]"
    fields = _fields(header, record, where)
    file = finder.named(fields.get("file_path"), f"{where}, file_path")
    picture = read_header(file)
    # So that a problem of the header is the same one for all frames.
    where_lens = where if _LENS_FIELDS & record.keys() else str(named_in)
    _refuse_other_lenses(fields, where_lens)
    declared = (_side(fields, "h", picture.size[0], where_lens), _side(fields, "w", picture.size[1], where_lens))
    own = _read_intrinsics(fields, declared, where_lens)
    intrinsics = at_picture_size(own, declared, picture.size, str(file))
    distortion = _read_distortion(fields, where_lens)
    if distortion is not None:
        distortion.check(intrinsics, *picture.size, where_lens)
    c2w = _read_matrix(fields.get("transform_matrix"), f"{where}, transform_matrix")
    return Frame(file, picture, c2w, intrinsics, distortion, use, _find_mask(fields, file, picture, finder, where))


def _find_mask(
    fields: Mapping[str, Any], file: Path, picture: PictureHeader, finder: PictureFinder, where: str
) -> Path | None:
    if fields.get("mask_path") is None:
        return find_mask(file, picture.size, finder)
    return check_mask(finder.named(fields["mask_path"], f"{where}, mask_path"), picture.size, finder)


def _refuse_other_lenses(fields: Mapping[str, Any], where: str) -> None:
    advice = "only pinhole, OPENCV (k1 k2 p1 p2) and OPENCV_FISHEYE cameras are read; undistort the pictures first"
    model = fields.get("camera_model")
    if model is not None and (not isinstance(model, str) or model not in {*_PINHOLE_MODELS, _FISHEYE}):
        raise InputError(f"{where}, camera_model: {shown(model)} is not supported; {advice}")
    for field in _OTHER_LENSES:
        if fields.get(field) and not (field in _OF_FISHEYES and _is_fisheye(fields)):
            raise InputError(f"{where}, {field}: this lens is not supported; {advice}")


def _side(fields: Mapping[str, Any], field: str, actual: int, where: str) -> int:
    side = optional_number(fields, field, where)
    if side is None:
        return actual
    if not 1 <= side < 1e9 or side != int(side):
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
    check_intrinsics(intrinsics, size, where)
    if fields.get("w") is None or fields.get("h") is None:
        _refuse_other_size(intrinsics, size, where)
    return intrinsics


def _refuse_other_size(intrinsics: Float[np.ndarray, "4"], size: tuple[int, int], where: str) -> None:
    """Without w and h, intrinsics are taken for the pictures' own size, which a principal point may contradict."""
    cx, cy = intrinsics[2:]
    if not (0 <= cx <= size[1] and 0 <= cy <= size[0]):
        raise InputError(
            f"{where}: the principal point cx, cy = {cx:g}, {cy:g} lies outside of the {size[1]}x{size[0]} picture, "
            "and w and h are missing: these are the intrinsics of another size; add its w and h"
        )


def _focal_length(fields: Mapping[str, Any], axis: str, side: int, where: str) -> float | None:
    focal = optional_number(fields, f"fl_{axis}", where)
    angle = optional_number(fields, f"camera_angle_{axis}", where)
    if focal is not None or angle is None:
        return focal
    if not 1e-6 < angle < math.pi:
        raise InputError(f"{where}, camera_angle_{axis}: expected radians between 0 and pi, found {angle:g}")
    return 0.5 * side / math.tan(0.5 * angle)


def _is_fisheye(fields: Mapping[str, Any]) -> bool:
    return fields.get("camera_model") == _FISHEYE or bool(fields.get("is_fisheye"))


def _read_distortion(fields: Mapping[str, Any], where: str) -> Lens | None:
    if _is_fisheye(fields):
        numbers = (optional_number(fields, field, where) or 0.0 for field in ("k1", "k2", *_OF_FISHEYES))
        return OpenCvLens("fisheye", tuple(numbers))
    k1, k2, p1, p2 = (optional_number(fields, field, where) or 0.0 for field in ("k1", "k2", "p1", "p2"))
    return Distortion(k1, k2, p1, p2) or None


def _read_matrix(value: object, where: str) -> Float[np.ndarray, "3 4"]:
    rows = value if isinstance(value, list) else []
    if len(rows) not in (3, 4) or not all(isinstance(row, list) and len(row) == 4 for row in rows):
        raise InputError(f"{where}: expected a 4x4 matrix, found {shown(value)}")
    matrix = np.array([[finite_number(entry, where) for entry in row] for row in rows])
    return check_pose(matrix, where) @ OPENGL_TO_OPENCV
