"""What a file of ours says about itself: its format and version, looked at in one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.errors import InputError
from triptych.files.documents import SUM, check_seal, read_object

_DIGITS = frozenset(map(str, range(1000)))


@dataclass(frozen=True)
class Format:
    """A format of files, all versions of it.

    Attributes:
        name: as the files say it, in the field ``format``.
        version: what is written now, in the field ``version``.
        described: what such a file is and where it comes from, for messages.
        sealed_since: the first version whose files carry a checksum of themselves; None where none does.
        oldest: the first version that can still be read.
        instead: what to do about a version that can no longer be read.
    """

    name: str
    version: int
    described: str
    sealed_since: int | None = None
    oldest: int = 1
    instead: str = "update triptych"

    def header(self) -> dict[str, str | int]:
        """The first fields of what is written."""
        return {"format": self.name, "version": self.version}

    def is_in(self, document: Mapping[str, Any]) -> bool:
        """Whether a document says that it is of this format, whatever its version."""
        return document.get("format") == self.name

    def check(self, path: Path, document: Mapping[str, Any]) -> int:
        """Look at what a document says about itself.

        Args:
            path: its file, for messages.
            document: what the file holds; a version may stand there as a number or as its digits.

        Returns:
            the version.

        Raises:
            InputError: it is of another format, of a version that cannot be read, or its checksum is missing.
        """
        if not self.is_in(document):
            raise InputError(f"{path}: expected {self.described}")
        found = document.get("version")
        version = int(found) if isinstance(found, str) and found in _DIGITS else found
        if type(version) is not int or not self.oldest <= version <= self.version:
            older = type(version) is int and version < self.oldest
            remedy = self.instead if older else "update triptych"
            raise InputError(f"{path}: version {found!s:.40}, expected {self.version}; {remedy}")
        if self.sealed_since is not None and version >= self.sealed_since and SUM not in document:
            raise InputError(f"{path}: damaged: its checksum is missing")
        return version

    def read(self, path: Path) -> dict[str, Any]:
        """Read a JSON document of this format, and compare it with its checksum where it has one.

        Raises:
            InputError: it cannot be read, is something else, or is damaged.
        """
        document = read_object(path)
        self.check(path, document)
        check_seal(path, document, required=False)
        return document
