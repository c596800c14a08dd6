"""Names of files and folders: which are never part of the data, and how scenes are named on the disk."""

import hashlib
import os
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote

_CLUTTER = frozenset(
    ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information")
)
"""What file managers and archivers leave behind, in lower case."""
_LONGEST = 200
"""File systems take 255 bytes; endings such as .glb are put behind a name."""
_CUT = "="
"""Stands between the beginning of a long name and its digest; ``quote`` leaves none in a name."""


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name is hidden or left behind by a file manager, so never part of the data."""
    return name.startswith(".") or name.lower() in _CLUTTER


def is_file(path: Path) -> bool:
    """Whether a file that can be read stands at a path: no folder, no pipe; unlike ``Path.is_file`` it never raises."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder stands at a path; unlike ``Path.is_dir`` it never raises."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def names_in(folder: str | Path) -> tuple[str, ...]:
    """The names of what is in a folder, sorted; quicker than paths where there are very many.

    Raises:
        OSError: there is no such folder, or it cannot be listed.
    """
    with os.scandir(folder) as entries:
        return tuple(sorted(entry.name for entry in entries))


def is_vacant(path: Path, *allowed: str) -> bool:
    """Whether nothing stands at ``path``, or a folder with nothing but clutter and what is ``allowed`` in it."""
    if not path.is_dir():
        return not path.exists()
    return all(is_clutter(entry.name) or entry.name in allowed for entry in path.iterdir())


def leaves_folder(name: str) -> bool:
    """Whether a path that should lie below a folder leads out of it, on any system."""
    kinds = PurePosixPath(name), PureWindowsPath(name)
    return any(path.drive or path.root or ".." in path.parts for path in kinds)


def folder_name(name: str) -> str:
    """A scene's name as the name of a folder: it neither hides nor leaves its parent.

    Names of any length and script have one of at most 200 ASCII characters; `name_of_folder` turns it back where it
    is not cut short. It tells apart names that differ in how their accents are composed.
    """
    quoted = quote(name, safe=" ", errors="surrogateescape").replace(".", "%2E")
    if len(quoted) <= _LONGEST:
        return quoted
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:32]
    return quoted[: _LONGEST - len(_CUT) - len(digest)] + _CUT + digest


def name_of_folder(folder: str) -> str | None:
    """The scene's name of which `folder_name` made ``folder``; None where it was cut short."""
    return None if _CUT in folder else unquote(folder, errors="surrogateescape")
