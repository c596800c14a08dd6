"""The scenes of a bank over all its files. A hash of its name tells in which file a scene is, so that names are unique
and a scene is found with one look, however many files and processes there are."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from triptych.bank.description import BANK_FILE, BankDescription
from triptych.bank.sqlite_file import SqliteFile
from triptych.bank.stored_scene import Row
from triptych.errors import InputError

_Found = TypeVar("_Found")
_Entry = TypeVar("_Entry", bytes, tuple[bytes, int, int])
_AT_ONCE = 64 << 20
"""Bytes of scenes in one transaction."""


class Shards:
    """The files of a bank, as its document names them; it is read again when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: tuple[int, int] | None = None
        self._files: tuple[SqliteFile, ...] = ()

    def files(self) -> tuple[SqliteFile, ...]:
        """All of them, in the order of the document."""
        status = (self._folder / BANK_FILE).stat()
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            known = {file.path.name: file for file in self._files}
            names = BankDescription.read(self._folder).files
            self._files = tuple(known.get(name) or SqliteFile(self._folder / name) for name in names)
            self._stamp = stamp
        return self._files

    def ask(self, name: bytes, query: Callable[[SqliteFile], _Found]) -> _Found:
        """Ask the file in which a scene of this name is, if there is one."""
        while True:
            files = self.files()
            file = files[place_of(name, len(files))]
            try:
                return query(file)
            except InputError:
                if file in self.files():  # else compaction has replaced it in the meantime
                    raise

    def entries(self) -> Iterator[tuple[bytes, int, int]]:
        """Name, number of the file and id of every scene, by name; some thousands at a time are in memory."""
        return _merged([file.entries(number) for number, file in enumerate(self.files())])

    def names(self) -> Iterator[bytes]:
        """The name of every scene, sorted; some thousands at a time are in memory."""
        return _merged([file.names() for file in self.files()])

    def place(self, name: bytes) -> tuple[SqliteFile, int | None]:
        """The file in which a scene of this name is, and its id there; None where there is no such scene."""
        return self.ask(name, lambda file: (file, file.id_of(name)))

    def count(self) -> int:
        """How many scenes there are."""
        return sum(file.count() for file in self.files())

    def add(self, rows: Iterable[Row]) -> None:
        """Add scenes, those of one file in one transaction; of many, some tens of megabytes at a time.

        Raises:
            NameTakenError: there is a scene of one of these names; earlier ones may be there.
        """
        waiting, size = [], 0
        for row in rows:
            waiting.append(row)
            size += sum(map(len, row))
            if size > _AT_ONCE:
                self._add(waiting)
                waiting, size = [], 0
        self._add(waiting)

    def close(self) -> None:
        """Let go of all files; they are opened again when they are next read."""
        for file in self._files:
            file.close()

    def _add(self, rows: list[Row]) -> None:
        while rows:
            files = self.files()
            number = place_of(rows[0].name, len(files))
            here = [row for row in rows if place_of(row.name, len(files)) == number]
            file = files[number]
            if file.add(here, lambda file=file: file in self.files()):
                rows = [row for row in rows if place_of(row.name, len(files)) != number]


def place_of(name: bytes, files: int) -> int:
    """In which of so many files a scene of this name is."""
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % files


def _merged(pages: Sequence[Iterator[list[_Entry]]]) -> Iterator[_Entry]:
    """What sorted pages of several files hold, in order."""
    parts = [next(page, []) for page in pages]
    while any(parts):
        end = min(part[-1] for part in parts if part)  # what follows in any file comes later
        cuts = [bisect_right(part, end) for part in parts]
        yield from sorted(chain.from_iterable(part[:cut] for part, cut in zip(parts, cuts, strict=True)))
        parts = [part[cut:] or next(page, []) for part, cut, page in zip(parts, cuts, pages, strict=True)]
