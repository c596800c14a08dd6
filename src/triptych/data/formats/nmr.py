"""Parser of one object in the layout of the ShapeNet renderings of Kato et al. (Neural 3D Mesh Renderer, 2018), as
published with DVR (Niemeyer et al., 2020) and used by SoftRas and pixelNeRF.

    image/0000.png ...   pictures
    mask/0000.png ...    optional: white where the object is
    cameras.npz          world_mat_0 ...  [3, 4] or [4, 4]: world to camera, OpenCV axes
                         camera_mat_0 ... [3, 3] or [4, 4]: intrinsics for pictures that reach from -1 to 1 both ways

-1 and 1 are the edges of the pictures, as the renderer places its pixels and pixelNeRF reads them. The world of
ShapeNet has y up: it is turned about its x axis, (x, y, z) to (x, -z, y), so that z is, as in pixelNeRF. The number of
a picture is that of its matrices. Objects fit in a cube of side 1.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from triptych.data.formats.array_files import ArrayArchive
from triptych.data.formats.axes import check_skew, inverse
from triptych.data.formats.layouts import NMR_CAMERAS, NMR_PICTURES
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.formats.view_files import files_by_stem
from triptych.data.pictures import SUFFIXES, read_header
from triptych.data.validation import Problems, check_intrinsics, check_pose

_Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def parse_nmr(name: str, folder: Path, problems: Problems, links: LinkPolicy) -> ParsedScene:
    """Read one object without decoding its pictures.

    Args:
        name: the scene's name.
        folder: the folder that holds ``image`` and ``cameras.npz``.
        problems: raises or gathers the problems of single views.
        links: where symbolic links may lead.

    Raises:
        InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
    """
    links.check(folder / NMR_CAMERAS)
    links.check(folder / NMR_PICTURES)
    cameras = ArrayArchive(folder / NMR_CAMERAS)
    finder = PictureFinder(folder, links)
    frames: list[Frame] = []
    for stem, picture in files_by_stem(folder / NMR_PICTURES, SUFFIXES).items():
        if stem.isdecimal():
            with problems.guard():
                links.check(picture)
                frames.append(_read_view(picture, int(stem), cameras, folder / NMR_CAMERAS, finder))
    return assemble_scene(name, folder, frames, problems)


def _read_view(picture: Path, number: int, cameras: ArrayArchive, file: Path, finder: PictureFinder) -> Frame:
    header = read_header(picture)
    world, lens = f"world_mat_{number}", f"camera_mat_{number}"
    w2c = check_pose(cameras.read(world, [(3, 4), (4, 4)]), f"{file}, {world} (world to camera)")
    intrinsics = _in_pixels(cameras.read(lens, [(3, 3), (4, 4)]), header.size, f"{file}, {lens}")
    mask = find_mask(picture, header.size, finder)
    return Frame(picture, header, _Z_UP @ inverse(w2c), intrinsics, mask=mask)


def _in_pixels(matrix: Float[np.ndarray, "rows columns"], size: tuple[int, int], where: str) -> Float[np.ndarray, "4"]:
    height, width = size
    check_skew(matrix, where)
    fx, fy, cx, cy = matrix[[0, 1, 0, 1], [0, 1, 2, 2]]
    intrinsics = np.array([fx * width / 2, fy * height / 2, (cx + 1) * width / 2, (cy + 1) * height / 2])
    check_intrinsics(intrinsics, size, where)
    return intrinsics
