"""Objects on a turntable before a camera that stands still: poses follow from the angle by which the table is turned.

To the camera, a table that turns counterclockwise is a world in which it moves clockwise around the object.
"""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from triptych.data.formats.axes import centered_intrinsics, focal_length
from triptych.data.formats.layouts import holds_pictures, subfolders
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import MASK_FOLDERS, find_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.photos.config import TurntableConfig
from triptych.data.photos.cutouts import BACKGROUND, Cutouts
from triptych.data.photos.objects import IMAGES, PhotoObject, unread_in
from triptych.data.photos.small_views import SmallViews
from triptych.data.pictures import SUFFIXES, read_header
from triptych.data.validation import Problems
from triptych.errors import InputError
from triptych.files import is_clutter, is_file
from triptych.geometry import Cameras, look_at

ANGLES_FILE = "angles.csv"


def find_turntables(source: Path, links: LinkPolicy, out: Path, config: TurntableConfig) -> Iterator[PhotoObject]:
    """The objects in a folder: the folder itself if it holds pictures, or each of its subfolders that does.

    Raises:
        InputError: there are none.
    """
    if not source.is_dir():
        raise InputError(f"{source}: expected a folder of pictures; no such folder")
    root = source.resolve()
    folders = [root] if _pictures_in(root) else [each for each in subfolders(root) if each != out.resolve()]
    folders = [folder for folder in folders if folder.name not in MASK_FOLDERS]
    folders = [folder for folder in folders if holds_pictures(folder) or unread_in(folder)]
    if not folders and unread_in(root):
        folders = [root]
    if not folders:
        raise InputError(f"{source}: no pictures found; expected a folder of pictures for each object")
    for folder in folders:
        yield PhotoObject(folder.name, folder, lambda folder=folder: _parse(folder, links, config), is_turntable=True)


def _parse(folder: Path, links: LinkPolicy, config: TurntableConfig) -> ParsedScene:
    files = _pictures_in(folder) or _pictures_in(folder / IMAGES)
    if len(files) < 2:
        unread = unread_in(folder)
        beside = "" if unread is None else f" ({unread})"
        raise InputError(f"{folder}: {len(files)} picture(s) found{beside}; a full turn needs at least two")
    finder, frames = PictureFinder(folder, links), []
    first = read_header(files[0]).size
    for file, c2w in zip(files, _poses(_angles(folder, files, config), config), strict=True):
        links.check(file)
        header = read_header(file)
        if header.size != first:
            (height, width), (rows, columns) = header.size, first
            raise InputError(
                f"{file}: this picture is {width}x{height}, {files[0].name} is {columns}x{rows}; expected pictures "
                "of one size by a camera that stands still"
            )
        intrinsics = centered_intrinsics(focal_length(config.field_of_view, first[1]), first, str(file))
        frames.append(Frame(file, header, c2w, intrinsics, mask=find_mask(file, first, finder)))
    return assemble_scene(folder.name, folder, frames, Problems())


def _pictures_in(folder: Path) -> list[Path]:
    try:
        files = [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not is_clutter(file.name)]
    except OSError:
        return []
    return sorted((file for file in files if file.stem != BACKGROUND), key=_natural)


def _natural(file: Path) -> list[tuple[str, int]]:
    return [(words, int(digits or 0)) for words, digits in re.findall(r"(\D*)(\d*)", file.name)]


def _angles(folder: Path, files: Sequence[Path], config: TurntableConfig) -> list[float]:
    """By how many degrees the table is turned in each picture."""
    if is_file(folder / ANGLES_FILE):
        listed = _listed_angles(folder / ANGLES_FILE)
        missing = next((file.name for file in files if file.name not in listed), None)
        if missing is not None:
            raise InputError(f"{folder / ANGLES_FILE}: there is no line for {missing}; expected lines of file,degrees")
        return [listed[file.name] for file in files]
    if config.angles == "names":
        return [_angle_in_name(file) for file in files]
    return [360.0 * number / len(files) for number in range(len(files))]


def _listed_angles(file: Path) -> dict[str, float]:
    try:
        lines = [line for line in csv.reader(file.read_text("utf-8-sig").splitlines()) if line]
        return {line[0].strip(): _finite(line[1]) for line in lines if line[0].strip().lower() != "file"}
    except (OSError, ValueError, IndexError, csv.Error):
        raise InputError(f"{file}: expected lines of file,degrees such as 000.jpg,0") from None


def _angle_in_name(file: Path) -> float:
    numbers = re.findall(r"\d+(?:\.\d+)?", file.stem)
    if not numbers:
        raise InputError(
            f"{file}: expected a name that ends in degrees, such as shoe_045.jpg, or lines in {ANGLES_FILE}"
        )
    return float(numbers[-1])


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value


def _poses(angles: Sequence[float], config: TurntableConfig) -> Float[np.ndarray, "view 3 4"]:
    """Cameras at distance 1 (the scale is free) that look at the axis."""
    sign = -1 if config.turns == "counterclockwise" else 1
    azimuth = torch.tensor([sign * math.radians(angle) for angle in angles], dtype=torch.float64)
    elevation = math.radians(config.elevation)
    across, above = math.cos(elevation), torch.full_like(azimuth, math.sin(elevation))
    return look_at(torch.stack([across * azimuth.cos(), across * azimuth.sin(), above], dim=-1)).numpy()


def with_axis_found(cutouts: Cutouts, views: SmallViews) -> tuple[Cutouts, SmallViews]:
    """The same views by a camera whose principal point lies on the axis of the table: in the middle of all that the
    object covers in a full turn."""
    shown = views.silhouettes.shown
    columns = shown.any(dim=1).any(dim=0).nonzero()[:, 0].double()
    shift = float(columns[0] + columns[-1] + 1) / 2 - shown.shape[2] / 2
    to_axis = np.array([0.0, 0.0, shift, 0.0])
    factors = np.array(cutouts.scene.sizes).max(axis=1, keepdims=True) / shown.shape[2]
    scene = replace(cutouts.scene, intrinsics=cutouts.scene.intrinsics + to_axis * factors)
    cameras = views.cameras
    small = Cameras(cameras.c2w, cameras.intrinsics + torch.from_numpy(to_axis), cameras.height, cameras.width)
    return replace(cutouts, scene=scene), replace(views, cameras=small)


def turned_around(views: SmallViews) -> SmallViews:
    """The views as they would have been taken of a table that turns the other way."""
    mirror = torch.diag(torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64))
    cameras = views.cameras
    c2w = look_at(cameras.c2w[:, :, 3] @ mirror)
    return replace(views, cameras=Cameras(c2w, cameras.intrinsics, cameras.height, cameras.width))
