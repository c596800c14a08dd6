"""Finding the pictures that a dataset names: extensions in any case or missing, paths of another machine."""

import os
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.pictures import SUFFIXES
from triptych.errors import InputError
from triptych.files import is_file, names_in
from triptych.text import shown

_BARE_NAMES_IN = "images"
"""Where pictures named without a folder may lie (OmniObject3D)."""


class PictureFinder:
    """Finds the pictures of one scene, listing each of its folders once.

    Attributes:
        scene: the scene's folder.
        links: where symbolic links may lead.
        found_elsewhere: whether an absolute path has been taken for its end that exists below the scene's folder.
    """

    def __init__(self, scene: Path, links: LinkPolicy) -> None:
        self.scene = scene
        self.links = links
        self.found_elsewhere = False
        self._listings: dict[str, dict[str, str] | None] = {}

    def existing(self, path: Path) -> Path | None:
        """The file of this path: as it is, with its extension in another case, or with an extension added."""
        names = self._names(os.path.split(path)[0])
        if names is None:
            return None
        if is_file(path):
            return path
        # An extension is added, not replaced, since a name may contain a dot.
        suffixes = ("",) if path.suffix.lower() in SUFFIXES else SUFFIXES
        found = (names.get(_with_small_ending(path.name + suffix)) for suffix in suffixes)
        return next((path.with_name(name) for name in found if name is not None), None)

    def holding(self, parent: Path, names: Iterable[str]) -> list[Path]:
        """The folders of these names in a folder that are there."""
        return [parent / name for name in names if self._names(f"{parent}{os.sep}{name}") is not None]

    def named(self, value: object, where: str) -> Path:
        """The picture that a field names, which may be missing.

        Args:
            value: what the file holds: a path relative to the scene's folder; or an absolute one, of which the
                longest end that exists below that folder is taken.
            where: the file and the field, for the message.

        Raises:
            InputError: it is no path, or leads out of the scene's folder or, by a link, out of the dataset's.
        """
        if not isinstance(value, str) or not value or "\0" in value:
            raise InputError(f"{where}: expected the path of a picture, found {shown(value)}")
        path = normal_path(value)
        absolute = re.match(r"/|[A-Za-z]:", path) is not None
        file = self._below(path, value, where) if absolute else self._relative(path, value, where)
        self.links.check(file)
        return file

    def _relative(self, path: str, value: str, where: str) -> Path:
        if path.split("/")[0] == "..":
            raise InputError(
                f"{where}: the path {shown(value)} leaves the folder {self.scene}; keep pictures inside it"
            )
        file = self.scene / path
        found = self.existing(file)
        if found is None and "/" not in path:
            found = self.existing(self.scene / _BARE_NAMES_IN / path)
        missing = file if file.suffix.lower() in SUFFIXES else file.with_name(file.name + SUFFIXES[0])
        return found or missing

    def _below(self, path: str, value: str, where: str) -> Path:
        parts = path.split("/")[1:]
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        found = next((file for end in ends if (file := self.existing(self.scene / end)) is not None), None)
        if found is None:
            raise InputError(
                f"{where}: no end of the absolute path {shown(value)} is a picture in {self.scene}; copy the pictures "
                "there and give paths relative to it, such as images/000.png"
            )
        self.found_elsewhere = True
        return found

    def _names(self, folder: str) -> dict[str, str] | None:
        """The names in a folder, by what they are with a small extension; None where there is no such folder."""
        if folder not in self._listings:
            self._listings[folder] = _listing(folder)
        return self._listings[folder]


def _listing(folder: str) -> dict[str, str] | None:
    try:
        return {_with_small_ending(name): name for name in names_in(folder)}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        return {}


def normal_path(path: str) -> str:
    """A path as a dataset file writes it, of either kind of slashes, in the shortest form, with slashes."""
    return posixpath.normpath(path.replace("\\", "/"))


def _with_small_ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem + dot + ending.lower()
