"""Parser of one object in the layout of OpenLRM's renderings (He and Wang, OpenLRM, 2023; its Objaverse script).

    rgba/000.png ...   pictures with alpha
    pose/000.npy ...   [3, 4] or [4, 4]: camera to world, Blender's axes (x right, y up, z backward)
    intrinsics.npy     [3, 2] in pixels: fx fy, cx cy, width height; or K [3, 3] or [4, 4] for the pictures' size

Its objects fill a cube of side 2; z is up.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from triptych.data.formats.array_files import read_npy
from triptych.data.formats.axes import OPENGL_TO_OPENCV, check_skew
from triptych.data.formats.layouts import OPENLRM_PARTS
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.formats.view_files import PosedFiles
from triptych.data.pictures import read_header
from triptych.data.validation import Problems, at_picture_size, check_intrinsics, check_pose
from triptych.errors import InputError
from triptych.text import shown


def parse_openlrm(name: str, folder: Path, problems: Problems, links: LinkPolicy) -> ParsedScene:
    """Read one object without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the folder that holds ``rgba``, ``pose`` and ``intrinsics.npy``.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    pictures, poses, lens = (folder / part for part in OPENLRM_PARTS)
    for part in (pictures, poses, lens):
        links.check(part)
    intrinsics = read_npy(lens, [(3, 2), (3, 3), (4, 4)])
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for view in PosedFiles(folder, pictures, poses, ".npy").views():
        with problems.guard():
            picture, pose = view.both()
            links.check(picture)
            links.check(pose)
            frames.append(_read_view(picture, pose, intrinsics, lens, finder))
    return assemble_scene(name, folder, frames, problems)


def _read_view(
    picture: Path, pose: Path, intrinsics: Float[np.ndarray, "rows columns"], lens: Path, finder: PictureFinder
) -> Frame:
    header = read_header(picture)
    numbers, size = _for_size(intrinsics, header.size, str(lens))
    scaled = at_picture_size(numbers, size, header.size, str(picture))
    c2w = check_pose(read_npy(pose, [(3, 4), (4, 4)]), str(pose)) @ OPENGL_TO_OPENCV
    return Frame(picture, header, c2w, scaled, mask=find_mask(picture, header.size, finder))


def _for_size(
    intrinsics: Float[np.ndarray, "rows columns"], picture: tuple[int, int], where: str
) -> tuple[Float[np.ndarray, "4"], tuple[int, int]]:
    """fx, fy, cx, cy, and the height and width that they are stated for."""
    if intrinsics.shape == (3, 2):
        width, height = intrinsics[2].tolist()
        if not all(1 <= side < 1e9 and side == int(side) for side in (width, height)):
            raise InputError(f"{where}: expected width and height in the last row, found {shown([width, height])}")
        size, numbers = (int(height), int(width)), intrinsics[:2].flatten()
    else:
        check_skew(intrinsics, where)
        size, numbers = picture, intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]]
    check_intrinsics(numbers, size, where)
    return numbers, size
