"""Parser of one folder of pictures in the layout of EG3D (Chan et al., 2022; its dataset.json).

    dataset.json           {"labels": [["name/000.png", [25 numbers]], ...]}: of each picture the camera-to-world matrix
                           [4, 4], OpenCV axes, row by row, then the intrinsics [3, 3] for pictures of side 1
    name/000.png ...       pictures; also name/rgb/000.png

The first folder of a picture's path is its scene. EG3D's dataset_tool.py numbers the pictures of all objects and puts
a thousand into each folder, which loses what belongs together. The world is that of the data: z is up in its ShapeNet
cars, y in its faces.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from triptych.data.formats.annotations import Annotations, Entries
from triptych.data.formats.axes import check_skew
from triptych.data.formats.json_stream import stream_entries
from triptych.data.formats.layouts import EG3D_FIELD
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder, normal_path
from triptych.data.pictures import read_header
from triptych.data.validation import Problems, check_intrinsics, check_pose, finite_number
from triptych.errors import InputError
from triptych.text import shown

_NUMBERS = 25


def read_labels(file: Path) -> Entries:
    """The labels of dataset.json: the scene, and the picture below its folder with its numbers.

    Raises:
        InputError: the file is no list of labels.
    """
    for number, entry in enumerate(stream_entries(file, EG3D_FIELD)):
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
            where = f"{file}, {EG3D_FIELD}[{number}]"
            raise InputError(f"{where}: expected the path of a picture and its numbers, found {shown(entry)}")
        scene, slash, picture = normal_path(entry[0]).partition("/")
        yield (scene, (picture, _packed(entry[1]))) if slash else ("", (scene, _packed(entry[1])))


def _packed(label: Any) -> Any:
    """A label of numbers as an array, a fifth as large; anything else as it is."""
    is_whole = isinstance(label, list) and len(label) == _NUMBERS and all(type(entry) is float for entry in label)
    return np.array(label) if is_whole else label


def parse_eg3d(name: str, folder: Path, problems: Problems, links: LinkPolicy, annotations: Annotations) -> ParsedScene:
    """Read the pictures of one folder without decoding them.

    Args:
        name: the scene's name.
        folder: the folder of its pictures.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.
        annotations: the labels; see ``read_labels``.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    links.check(annotations.file)
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for picture, label in annotations.of("" if folder == annotations.file.parent else folder.name):
        with problems.guard():
            where = f"{annotations.file}, label of {shown(picture)}"
            frames.append(_read_view(finder.named(picture, where), label, where, finder))
    if re.fullmatch(r"\d{5}", name) and frames and re.fullmatch(r"img\d{8}", frames[0].file.stem):
        problems.note(
            f"scene {name}: EG3D's dataset_tool.py puts a thousand pictures into each folder, of whatever objects; all "
            "of this folder are taken for one scene"
        )
    return assemble_scene(name, folder, frames, problems, is_placed=False)


def _read_view(picture: Path, label: Any, where: str, finder: PictureFinder) -> Frame:
    header = read_header(picture)
    numbers = _numbers(label, where)
    c2w = check_pose(numbers[:16].reshape(4, 4), where)
    height, width = header.size
    matrix = numbers[16:].reshape(3, 3)
    check_skew(matrix, where)
    intrinsics = matrix[[0, 1, 0, 1], [0, 1, 2, 2]] * [width, height, width, height]
    check_intrinsics(intrinsics, header.size, where)
    return Frame(picture, header, c2w, intrinsics, mask=find_mask(picture, header.size, finder))


def _numbers(label: Any, where: str) -> Float[np.ndarray, "25"]:
    if isinstance(label, np.ndarray):
        return label
    if not isinstance(label, list) or len(label) != _NUMBERS:
        raise InputError(f"{where}: expected {_NUMBERS} numbers (camera to world, intrinsics), found {shown(label)}")
    return np.array([finite_number(entry, where) for entry in label])
