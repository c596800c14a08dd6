"""Which mask belongs to a picture: one that the dataset names, or one of the same name in a folder beside it."""

from pathlib import Path

from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.pictures import read_header
from triptych.errors import InputError

MASK_FOLDERS = ("masks", "mask")
"""Beside the folder of the pictures."""


def find_mask(picture: Path, size: tuple[int, int], finder: PictureFinder) -> Path | None:
    """The mask of the same name as a picture, with any extension of a picture, if there is one.

    Args:
        picture: a picture of the scene.
        size: its height and width.
        finder: of the same scene.

    Raises:
        InputError: it is no picture of the same size, or lies outside of the dataset.
    """
    parent = picture.parent
    folders = finder.holding(parent if parent == finder.scene else parent.parent, MASK_FOLDERS)
    # COLMAP calls the mask of r_0.jpg r_0.jpg.png.
    candidates = (folder / name for folder in folders for name in (picture.stem, f"{picture.name}.png"))
    mask = next((file for candidate in candidates if (file := finder.existing(candidate)) is not None), None)
    return None if mask is None else check_mask(mask, size, finder)


def check_mask(mask: Path, size: tuple[int, int], finder: PictureFinder) -> Path:
    """The mask, once it is known to be a picture of its picture's height and width.

    Raises:
        InputError: it is not, or lies outside of the dataset.
    """
    finder.links.check(mask)
    found = read_header(mask).size
    if found != size:
        raise InputError(
            f"{mask}: expected a mask of its picture's {size[1]}x{size[0]} pixels, found {found[1]}x{found[0]}"
        )
    return mask
