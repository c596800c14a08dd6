"""The layouts of posed pictures, recognized by what is in a folder.

A layout whose folders each hold a scene has a test in ``_SCENES``; one where a single file describes the pictures of
many folders has it in ``_DESCRIBED``. The first test that a folder passes decides.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import filter as named_like
from pathlib import Path
from typing import Literal

from triptych.data.pictures import SUFFIXES
from triptych.files import is_clutter, is_file, is_folder, names_in

SceneFormat = Literal["srn", "transforms", "zero123", "openlrm", "nmr", "gobjaverse", "colmap", "eg3d", "co3d"]

TITLES: dict[str, str] = {
    "srn": "SRN",
    "transforms": "transforms.json",
    "zero123": "zero123",
    "openlrm": "OpenLRM",
    "nmr": "NMR / DVR",
    "gobjaverse": "G-Objaverse",
    "colmap": "COLMAP",
    "eg3d": "EG3D",
    "co3d": "CO3D",
}
"""What people call the layouts."""
NESTED = ("render", "campos_512_v4")
"""OmniObject3D and G-Objaverse keep the renderings of an object one folder further down."""

SRN_FOLDERS, SRN_INTRINSICS = ("rgb", "pose"), "intrinsics.txt"
SRN_PARTS = (*SRN_FOLDERS, SRN_INTRINSICS)
"""What an SRN scene's folder holds."""
TRANSFORMS_PATTERN = "transforms*.json"
"""File names that mark a folder as a scene of the transforms.json layout."""
OPENLRM_PARTS = ("rgba", "pose", "intrinsics.npy")
NMR_PICTURES, NMR_CAMERAS = "image", "cameras.npz"
EG3D_FILE, EG3D_FIELD = "dataset.json", "labels"
CO3D_FILE = "frame_annotations.jgz"
_COLMAP_MODELS = ("sparse/0", "sparse", "colmap/sparse/0", ".")
_HEAD = 1 << 16

WITHOUT_INTRINSICS: tuple[SceneFormat, ...] = ("srn", "zero123")
"""Layouts whose scenes may lack a focal length, which ``--field-of-view`` then gives."""


@dataclass(frozen=True)
class _Listed:
    """A folder that is listed once, so that most of what is not in it is known without a look at the disk.

    Attributes:
        folder: the folder.
        names: all that is in it.
        lower: the same in lower case, as some file systems tell no cases apart; None where it cannot be listed.
    """

    folder: Path
    names: tuple[str, ...]
    lower: frozenset[str] | None

    @classmethod
    def of(cls, folder: Path) -> "_Listed":
        try:
            names = names_in(folder)
        except (FileNotFoundError, NotADirectoryError):
            names = ()
        except OSError:
            return cls(folder, (), None)
        return cls(folder, names, frozenset(name.lower() for name in names))

    def has_file(self, name: str) -> bool:
        return self._may_have(name) and is_file(self.folder / name)

    def has_folder(self, name: str) -> bool:
        return self._may_have(name) and is_folder(self.folder / name)

    def matching(self, pattern: str) -> Iterator[Path]:
        """What is called so in it."""
        return (self.folder / name for name in named_like(self.names, pattern))

    def _may_have(self, name: str) -> bool:
        return self.lower is None or name.lower() in self.lower


def scene_format(folder: Path) -> SceneFormat | None:
    """The layout of the scene in a folder, None where there is none."""
    listed = _Listed.of(folder)
    return next((name for name, is_scene in _SCENES if is_scene(listed)), None)


def described_format(folder: Path) -> tuple[SceneFormat, Path] | None:
    """The layout of a folder in which a file describes the pictures of many folders, and this file; None for others."""
    return next(((name, folder / file) for name, file, is_one in _DESCRIBED if is_one(folder / file)), None)


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, without clutter; none where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not is_clutter(entry.name) and _is_folder(entry)]
        return [folder / name for name in sorted(names, key=os.path.normcase)]
    except OSError:
        return []


def holds_pictures(folder: Path, *, deeper: bool = True) -> bool:
    """Whether there are pictures in a folder, or in the folders in it."""
    try:
        files = any(file.suffix.lower() in SUFFIXES and not is_clutter(file.name) for file in folder.iterdir())
    except OSError:
        return False
    return files or (deeper and any(holds_pictures(below, deeper=False) for below in subfolders(folder)))


def gobjaverse_views(folder: Path) -> Iterator[Path]:
    """The files that describe the views of a G-Objaverse object."""
    for view in subfolders(folder):
        if view.name.isdecimal() and is_file(view / f"{view.name}.json"):
            yield view / f"{view.name}.json"
    for file in sorted(folder.glob("*.json")):
        if file.stem.isdecimal() and is_file(file):
            yield file


def colmap_model(folder: Path) -> Path | None:
    """The folder of a scene's COLMAP model."""
    places = (folder / place for place in _COLMAP_MODELS)
    return next((place for place in places if _has_either(place, "cameras") or _has_either(place, "images")), None)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_srn(listed: _Listed) -> bool:
    return _parts_of_srn(listed) == len(SRN_PARTS)


def _is_incomplete_srn(listed: _Listed) -> bool:
    # Two parts of three are an SRN scene with something missing, which its parser will name.
    return _parts_of_srn(listed) == len(SRN_PARTS) - 1


def _parts_of_srn(listed: _Listed) -> int:
    return sum(listed.has_file(part) or listed.has_folder(part) for part in SRN_PARTS)


def _is_transforms(listed: _Listed) -> bool:
    return any(is_file(file) for file in listed.matching(TRANSFORMS_PATTERN))


def _is_openlrm(listed: _Listed) -> bool:
    pictures, poses, intrinsics = OPENLRM_PARTS
    return listed.has_file(intrinsics) and (listed.has_folder(poses) or listed.has_folder(pictures))


def _is_zero123(listed: _Listed) -> bool:
    pictures = {file.stem for file in map(Path, listed.names) if file.suffix.lower() in SUFFIXES}
    poses = (file for file in listed.matching("*.npy") if file.stem.isdecimal() and file.stem in pictures)
    return any(is_file(pose) for pose in poses)


def _is_nmr(listed: _Listed) -> bool:
    return listed.has_file(NMR_CAMERAS)


def _is_gobjaverse(listed: _Listed) -> bool:
    first = next(gobjaverse_views(listed.folder), None)
    return first is not None and (first.parent != listed.folder or _head_holds(first, b'"x_fov"'))


def _is_colmap(listed: _Listed) -> bool:
    return colmap_model(listed.folder) is not None


def _is_eg3d(file: Path) -> bool:
    return _head_holds(file, f'"{EG3D_FIELD}"'.encode())


def _has_either(folder: Path, name: str) -> bool:
    return any(is_file(folder / f"{name}{ending}") for ending in (".bin", ".txt"))


def _head_holds(file: Path, text: bytes) -> bool:
    try:
        if is_file(file):
            with file.open("rb") as opened:
                return text in opened.read(_HEAD)
    except OSError:
        pass
    return False


_SCENES: tuple[tuple[SceneFormat, Callable[[_Listed], bool]], ...] = (
    ("srn", _is_srn),
    ("transforms", _is_transforms),
    ("openlrm", _is_openlrm),
    ("zero123", _is_zero123),
    ("nmr", _is_nmr),
    ("gobjaverse", _is_gobjaverse),
    ("colmap", _is_colmap),
    ("srn", _is_incomplete_srn),
)
_DESCRIBED: tuple[tuple[SceneFormat, str, Callable[[Path], bool]], ...] = (
    ("eg3d", EG3D_FILE, _is_eg3d),
    ("co3d", CO3D_FILE, is_file),
)
