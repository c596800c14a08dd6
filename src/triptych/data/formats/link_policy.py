"""Whether symbolic links may lead out of a dataset's folder."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from triptych.errors import InputError

_FOLDERS_KEPT = 64
"""Of a scene's folders, each is resolved once."""


def _resolver() -> Callable[[str], str]:
    @lru_cache(_FOLDERS_KEPT)
    def resolved(folder: str) -> str:
        return os.path.realpath(folder)

    return resolved


@dataclass(frozen=True)
class LinkPolicy:
    """Where symbolic links of a dataset may lead.

    Attributes:
        root: the dataset's folder, its links resolved.
        follow_links: whether symbolic links may lead out of it.
    """

    root: Path
    follow_links: bool = False
    _real_folder: Callable[[str], str] = field(default_factory=_resolver, repr=False, compare=False)

    def check(self, path: Path) -> None:
        """Refuse a path that a symbolic link leads out of the dataset's folder.

        Raises:
            InputError: it lies elsewhere, or no file can have this name.
        """
        if self.follow_links:
            return
        try:
            real = self._real_path(path)
        except (OSError, ValueError):
            raise InputError(f"{str(path)!r}: no file can have this name") from None
        if not self._is_below(real):
            link = next((place for place in reversed((path, *path.parents)) if self._is_link(place)), path)
            raise InputError(
                f"{link}: a symbolic link leads to {os.path.realpath(link)}, out of the dataset's folder {self.root}; "
                "add --follow-links where you trust it"
            )

    def _real_path(self, path: Path) -> str:
        """``os.path.realpath``, quick for the many files of a folder, which are rarely links themselves."""
        folder, name = os.path.split(path)
        try:
            is_plain = bool(name.strip(".")) and not stat.S_ISLNK(os.lstat(path).st_mode)
        except OSError:
            is_plain = False
        return f"{self._real_folder(folder).rstrip(os.sep)}{os.sep}{name}" if is_plain else os.path.realpath(path)

    def _is_below(self, real: str) -> bool:
        # Texts first: a path object for each of very many files takes long.
        return real.startswith(f"{str(self.root).rstrip(os.sep)}{os.sep}") or Path(real).is_relative_to(self.root)

    def _is_link(self, place: Path) -> bool:
        return place != self.root and place.is_relative_to(self.root) and place.is_symlink()
