"""What every parser produces: a scene's views, with poses and intrinsics in the one convention, pictures unread."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float

from triptych.data.formats.distortion import Lens
from triptych.data.formats.looked_at import box_looked_at
from triptych.data.pictures import PictureHeader
from triptych.data.validation import Problems
from triptych.errors import InputError

ViewUse = Literal["train", "test"]
"""What a dataset itself says a view is for."""
_OfViews = TypeVar("_OfViews", bound=tuple)
_KINDS_KEPT = 256


@dataclass(frozen=True)
class Frame:
    """One view as a parser reads it.

    Attributes:
        file: the picture, below the scene's folder.
        header: its size, and whether viewers turn it.
        c2w: camera-to-world matrix, OpenCV axes.
        intrinsics: fx, fy, cx, cy in pixels of the picture.
        distortion: the lens to undo, if any.
        use: train or test, where the dataset says.
        mask: a picture of the same size, white where the object is.
    """

    file: Path
    header: PictureHeader
    c2w: Float[np.ndarray, "3 4"]
    intrinsics: Float[np.ndarray, "4"]
    distortion: Lens | None = None
    use: ViewUse | None = None
    mask: Path | None = None


@dataclass(frozen=True, slots=True)
class FilesBelow(Sequence[str]):
    """Paths of files in a folder and below, in one text: a text for each of 400,000 views would fill the memory.

    Attributes:
        folder: the folder, with a slash at its end.
        names: the paths of the files in it, one after the other with a zero between two of them.
    """

    folder: str
    names: str

    @classmethod
    def of(cls, folder: Path, files: Sequence[Path]) -> "FilesBelow":
        """The paths of some files; at least one."""
        above = f"{str(folder).rstrip(os.sep)}{os.sep}"
        return cls(above, "\0".join(str(file.relative_to(folder)) for file in files))

    def __len__(self) -> int:
        return self.names.count("\0") + 1

    def __iter__(self) -> Iterator[str]:
        return (self.folder + name for name in self.names.split("\0"))

    def __getitem__(self, view: int) -> str:  # type: ignore[override]
        return self.folder + self.names.split("\0")[view]


@dataclass(frozen=True, slots=True)
class ParsedScene:
    """One scene, its views in the order of their files' names (numbers by value), its pictures unread.

    While a dataset is opened there is one for each of its scenes, so that views have no objects of their own.

    Attributes:
        name: the scene's name.
        files: pictures.
        sizes: height and width of each picture.
        c2w: camera-to-world matrices, OpenCV axes.
        intrinsics: fx, fy, cx, cy in pixels of each picture.
        distortions: the lens of each view.
        uses: train or test for each view, where the dataset says.
        masks: the mask of each view; all have one, or none has.
        turned: number of views whose EXIF orientation asks viewers to turn them.
        has_alpha: whether what is around the object is known in every view: by alpha, or by a mask.
        aabb: a box around the scene, where its world units say nothing; see ``box_looked_at``.
    """

    name: str
    files: Sequence[str]
    sizes: tuple[tuple[int, int], ...]
    c2w: Float[np.ndarray, "view 3 4"]
    intrinsics: Float[np.ndarray, "view 4"]
    distortions: tuple[Lens | None, ...]
    uses: tuple[ViewUse | None, ...]
    masks: Sequence[str | None]
    turned: int
    has_alpha: bool = False
    aabb: Float[np.ndarray, "2 3"] | None = None


def assemble_scene(
    name: str,
    folder: Path,
    frames: Sequence[Frame],
    problems: Problems,
    *,
    is_placed: bool = True,
    points: Float[np.ndarray, "point 3"] | None = None,
) -> ParsedScene:
    """Sort the views of a scene and drop repeated ones.

    Args:
        name: the scene's name.
        folder: its folder, which holds the files of all frames.
        frames: its views.
        problems: raises or gathers what is wrong with single views.
        is_placed: whether the layout places and scales scenes; else their box is what the cameras look at.
        points: reconstructed points of a scene that is not placed.

    Raises:
        InputError: fewer than two views (or, unless gathering, one picture with two poses, or for training and
            testing at once, or without a mask where others have one).
    """
    by_file: dict[Path, Frame] = {}
    for frame in frames:
        with problems.guard():
            first = by_file.setdefault(frame.file, frame)
            _check_agrees(first, frame)
    masked = sum(frame.mask is not None for frame in by_file.values())
    for frame in by_file.values():
        with problems.guard():
            if masked and frame.mask is None:
                raise InputError(
                    f"{frame.file}: this picture has no mask, {masked} others of its scene have one; add it"
                )
    if len(by_file) < 2:
        raise InputError(f"{folder}: {len(by_file)} usable view(s) found; a scene needs at least two")
    ordered = sorted(by_file.values(), key=lambda frame: _natural_order(frame.file.relative_to(folder).as_posix()))
    c2w, intrinsics = np.stack([frame.c2w for frame in ordered]), np.stack([frame.intrinsics for frame in ordered])
    sizes = _shared(tuple(frame.header.size for frame in ordered))
    return ParsedScene(
        name=name,
        files=FilesBelow.of(folder, [frame.file for frame in ordered]),
        sizes=sizes,
        c2w=c2w,
        intrinsics=intrinsics,
        distortions=_shared(tuple(frame.distortion for frame in ordered)),
        uses=_shared(tuple(frame.use for frame in ordered)),
        masks=_masks_of(ordered, folder),
        turned=sum(frame.header.is_turned for frame in ordered),
        has_alpha=all(frame.header.has_alpha or frame.mask is not None for frame in ordered),
        aabb=None if is_placed else box_looked_at(c2w, intrinsics, np.array(sizes, dtype=np.float64), points),
    )


def _check_agrees(first: Frame, frame: Frame) -> None:
    if not np.array_equal(first.c2w, frame.c2w):
        raise InputError(f"{frame.file}: this picture is listed twice, with two different poses; remove one")
    if first.use != frame.use:
        raise InputError(f"{frame.file}: this picture is listed for training and for testing; remove one")


def _masks_of(frames: Sequence[Frame], folder: Path) -> Sequence[str | None]:
    masks = [frame.mask for frame in frames if frame.mask is not None and frame.mask.is_relative_to(folder)]
    if len(masks) == len(frames):
        return FilesBelow.of(folder, masks)
    return _shared(tuple(None if frame.mask is None else str(frame.mask) for frame in frames))


@lru_cache(_KINDS_KEPT)
def _shared(of_views: _OfViews) -> _OfViews:
    """The same tuple for all scenes whose views are alike."""
    return of_views


def _natural_order(text: str) -> tuple[list[tuple[str, int]], str]:
    # r_2 before r_10; the text itself breaks ties such as r_2 and r_02.
    return [(words, int(digits or 0)) for words, digits in re.findall(r"(\D*)(\d*)", text)], text
