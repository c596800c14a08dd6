"""Formats of datasets that other installed packages add, by an entry point of the group ``triptych.formats``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from triptych.data.formats.axes import OPENGL_TO_OPENCV
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.masks import check_mask
from triptych.data.formats.parsed_scene import Frame, ParsedScene, ViewUse, assemble_scene
from triptych.data.formats.picture_finder import PictureFinder
from triptych.data.pictures import read_header
from triptych.data.validation import Problems, check_intrinsics, check_pose
from triptych.errors import InputError
from triptych.runtime.entry_points import Group, added, broken, load_added, version_of

_GROUP: Group = "triptych.formats"


@dataclass(frozen=True)
class PosedPicture:
    """A picture of a scene as a format of another package reads it.

    Attributes:
        file: the picture, in the scene's folder or below; with alpha, or before one color.
        c2w: camera-to-world matrix [3, 4] or [4, 4], a rotation without scale.
        intrinsics: fx, fy, cx, cy or a matrix K, in pixels of the picture; the center of the first pixel lies at
            (0.5, 0.5).
        mask: a picture of the same size, white where the object is.
        use: "train" or "test", where the dataset says.
    """

    file: Path
    c2w: Any
    intrinsics: Any
    mask: Path | None = None
    use: ViewUse | None = None


@dataclass(frozen=True)
class SceneLayout:
    """A format of datasets whose folders each hold a scene: what the entry point names.

    Attributes:
        title: what people call it.
        is_scene: whether a folder holds a scene of this format; asked of many folders that do not, so it looks at names
            alone. Formats of triptych itself come first.
        views: the pictures of a scene with their cameras, from its folder. Pictures are not opened for it.
        axes: of the cameras: OpenCV's, or OpenGL's, which Blender has.
        half_extent: half the side of the box around every scene, in world units, z up; None where the format says
            nothing of it: then what the cameras look at.
    """

    title: str
    is_scene: Callable[[Path], bool]
    views: Callable[[Path], Iterable[PosedPicture]]
    axes: Literal["opencv", "opengl"] = "opencv"
    half_extent: float | None = None


@dataclass(frozen=True)
class AddedFormat:
    """A format of another package.

    Attributes:
        name: of its entry point.
        layout: what it does.
    """

    name: str
    layout: SceneLayout

    def __str__(self) -> str:
        """Name and version: pictures that another version has read are read again."""
        return f"{self.name} {version_of(_GROUP, self.name)}"

    def holds(self, folder: Path) -> bool:
        """Whether a folder holds a scene of this format.

        Raises:
            InputError: its code fails.
        """
        try:
            return bool(self.layout.is_scene(folder))
        except Exception as error:  # of the other package's code
            raise broken(_GROUP, self.name, error) from None

    def parse(self, name: str, folder: Path, problems: Problems, links: LinkPolicy) -> ParsedScene:
        """Read a scene without decoding its pictures; what is read is checked as in every other format.

        Raises:
            InputError: the scene as a whole cannot be read, or, unless gathering, one view cannot.
        """
        try:
            pictures = list(self.layout.views(folder))
        except InputError:
            raise
        except Exception as error:  # of the other package's code
            raise InputError(f"{folder}: {broken(_GROUP, self.name, error)}") from None
        finder = PictureFinder(folder, links)
        frames: list[Frame] = []
        for picture in pictures:
            with problems.guard():
                frames.append(self._frame(picture, finder))
        half = self.layout.half_extent
        return assemble_scene(name, folder, frames, problems, is_placed=half is not None)

    def _frame(self, picture: object, finder: PictureFinder) -> Frame:
        if not isinstance(picture, PosedPicture):
            raise InputError(
                f"{finder.scene}: the dataset format {self.name!r} gives {type(picture).__name__}, not PosedPicture"
            )
        file = Path(picture.file)
        if ".." in file.parts or not file.is_relative_to(finder.scene):
            raise InputError(f"{file}: the dataset format {self.name!r} names a file outside of {finder.scene}")
        finder.links.check(file)
        header = read_header(file)
        c2w = check_pose(_numbers(picture.c2w, f"{file}, c2w"), f"{file}, c2w")
        c2w = c2w @ OPENGL_TO_OPENCV if self.layout.axes == "opengl" else c2w
        intrinsics = _numbers(picture.intrinsics, f"{file}, intrinsics", (4,), (3, 3))
        intrinsics = intrinsics[[0, 1, 0, 1], [0, 1, 2, 2]] if intrinsics.ndim == 2 else intrinsics
        check_intrinsics(intrinsics, header.size, f"{file}, intrinsics")
        mask = None if picture.mask is None else check_mask(Path(picture.mask), header.size, finder)
        return Frame(file, header, c2w, intrinsics, use=picture.use, mask=mask)


def added_formats() -> list[AddedFormat]:
    """All of them, loaded.

    Raises:
        InputError: one cannot be loaded, or is no `SceneLayout`.
    """
    return [AddedFormat(name, _layout(name)) for name in added(_GROUP)]


def _layout(name: str) -> SceneLayout:
    found = load_added(_GROUP, name)
    if not isinstance(found, SceneLayout):
        raise InputError(f"the dataset format {name!r} is a {type(found).__name__}, expected a triptych.SceneLayout")
    return found


def _numbers(values: Any, where: str, *shapes: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where}: expected an array of numbers, found {type(values).__name__}") from None
    if array.shape not in (shapes or ((3, 4), (4, 4))):
        expected = " or ".join(str(list(shape)) for shape in shapes or ((3, 4), (4, 4)))
        raise InputError(f"{where}: expected shape {expected}, found {list(array.shape)}")
    return array
