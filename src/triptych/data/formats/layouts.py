"""The layouts of posed pictures, recognized by what is in a folder: those that are read, and those that are not."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Literal

from triptych.files import is_clutter, is_file, is_folder

SceneFormat = Literal["srn", "transforms"]

SRN_PARTS = ("rgb", "pose", "intrinsics.txt")
"""What an SRN scene's folder holds."""
TRANSFORMS_PATTERN = "transforms*.json"
"""File names that mark a folder as a scene of the transforms.json layout."""

_HEAD = 1 << 16
_LOOKED_INTO = 8
_WRITE = "write a transforms.json for each scene (docs/formats.md; triptych.data.formats.writer.write_scene does it)"


def scene_format(folder: Path) -> SceneFormat | None:
    """The layout of the scene in a folder, None where there is none that is read."""
    parts = sum(is_file(folder / part) or is_folder(folder / part) for part in SRN_PARTS)
    if parts == len(SRN_PARTS):
        return "srn"
    if any(is_file(file) for file in folder.glob(TRANSFORMS_PATTERN)):
        return "transforms"
    # Two parts of three are an SRN scene with something missing, which its parser will name.
    return "srn" if parts == 2 else None


def describe_unread(folder: Path) -> str | None:
    """The layout of a folder if it is a known one that is not read, with what to do about it; None otherwise."""
    return next((description for is_there, description in _UNREAD if is_there(folder)), None)


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, without clutter; none where it cannot be listed."""
    try:
        return sorted(entry for entry in folder.iterdir() if not is_clutter(entry.name) and is_folder(entry))
    except OSError:
        return []


def _is_zero123(folder: Path) -> bool:
    return any(is_file(camera.with_suffix(".png")) for camera in folder.glob("[0-9][0-9][0-9].npy"))


def _is_nmr(folder: Path) -> bool:
    # Its objects lie in folders of categories.
    return any(is_file(place / "cameras.npz") for place in (folder, *islice(subfolders(folder), _LOOKED_INTO)))


def _is_eg3d(folder: Path) -> bool:
    try:
        with (folder / "dataset.json").open("rb") as file:
            return b'"labels"' in file.read(_HEAD)
    except OSError:
        return False


def _is_colmap(folder: Path) -> bool:
    models = [folder, folder / "sparse", folder / "sparse" / "0", folder / "colmap" / "sparse" / "0"]
    return any(is_file(model / f"cameras{ending}") for model in models for ending in (".bin", ".txt"))


def _is_co3d(folder: Path) -> bool:
    return any(is_file(folder / f"{kind}_annotations.jgz") for kind in ("frame", "sequence"))


def _is_openlrm(folder: Path) -> bool:
    return is_file(folder / "intrinsics.npy") and is_folder(folder / "pose")


_UNREAD: tuple[tuple[Callable[[Path], bool], str], ...] = (
    (
        _is_colmap,
        "a COLMAP model, which is not read; nerfstudio (ns-process-data) or instant-ngp (colmap2nerf.py) make a "
        "transforms.json of it",
    ),
    (_is_zero123, f"the layout of zero123 (a picture and a matrix 000.npy per view), which is not read; {_WRITE}"),
    (_is_nmr, f"the layout of NMR / DVR (cameras.npz), which is not read; {_WRITE}"),
    (_is_eg3d, f"the layout of EG3D (labels in dataset.json), which is not read; {_WRITE}"),
    (_is_co3d, f"the layout of CO3D (frame_annotations.jgz), which is not read; {_WRITE}"),
    (_is_openlrm, f"the layout of OpenLRM (pose/*.npy, intrinsics.npy), which is not read; {_WRITE}"),
)
