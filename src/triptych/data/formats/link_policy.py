"""Whether symbolic links may lead out of a dataset's folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import InputError


@dataclass(frozen=True)
class LinkPolicy:
    """Where symbolic links of a dataset may lead.

    Attributes:
        root: the dataset's folder, its links resolved.
        follow_links: whether symbolic links may lead out of it.
    """

    root: Path
    follow_links: bool = False

    def check(self, path: Path) -> None:
        """Refuse a path that a symbolic link leads out of the dataset's folder.

        Raises:
            InputError: it lies elsewhere, or no file can have this name.
        """
        if self.follow_links:
            return
        try:
            real = Path(os.path.realpath(path))
        except (OSError, ValueError):
            raise InputError(f"{str(path)!r}: no file can have this name") from None
        if not real.is_relative_to(self.root):
            link = next((place for place in reversed((path, *path.parents)) if self._is_link(place)), path)
            raise InputError(
                f"{link}: a symbolic link leads to {os.path.realpath(link)}, out of the dataset's folder {self.root}; "
                "add --follow-links where you trust it"
            )

    def _is_link(self, place: Path) -> bool:
        return place != self.root and place.is_relative_to(self.root) and place.is_symlink()
