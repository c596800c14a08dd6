"""Parser of one object in the layout of zero123's renderings (Liu et al., Zero-1-to-3, 2023; views_release).

    000.png ...   pictures with alpha
    000.npy ...   [3, 4]: world to camera, Blender's axes (x right, y up, z backward), as get_3x4_RT_matrix_from_blender
                  of the published Blender script makes it

The files hold no intrinsics. The script's camera has a lens of 35 mm before a sensor 32 mm wide, 49.1 degrees, and
looks through the middle of its pictures; ``--field-of-view`` replaces that. Its objects fill a cube of side 1; z is up.
"""

from pathlib import Path

from triptych.data.formats.array_files import read_npy
from triptych.data.formats.axes import OPENGL_TO_OPENCV, centered_intrinsics, focal_length, inverse
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.formats.view_files import PosedFiles
from triptych.data.pictures import read_header
from triptych.data.validation import Problems, check_pose

_FOCAL = 35 / 32
"""Focal length in picture widths."""


def parse_zero123(
    name: str, folder: Path, problems: Problems, links: LinkPolicy, field_of_view: float | None = None
) -> ParsedScene:
    """Read one object without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the folder that holds the pictures and matrices.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.
        field_of_view: horizontal, in degrees, where it is not that of the published script.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for view in PosedFiles(folder, folder, folder, ".npy", numbered=True).views():
        with problems.guard():
            picture, pose = view.both()
            links.check(picture)
            links.check(pose)
            frames.append(_read_view(picture, pose, field_of_view, finder))
    return assemble_scene(name, folder, frames, problems)


def _read_view(picture: Path, pose: Path, field_of_view: float | None, finder: PictureFinder) -> Frame:
    header = read_header(picture)
    width = header.size[1]
    focal = _FOCAL * width if field_of_view is None else focal_length(field_of_view, width)
    w2c = check_pose(read_npy(pose, [(3, 4), (4, 4)]), str(pose))
    c2w = inverse(w2c) @ OPENGL_TO_OPENCV
    intrinsics = centered_intrinsics(focal, header.size, f"{picture}, field_of_view")
    return Frame(picture, header, c2w, intrinsics, mask=find_mask(picture, header.size, finder))
