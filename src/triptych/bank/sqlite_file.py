"""A file of scenes: all that is particular to the engine that keeps them, SQLite.

A scene is a row of one table, in the order in which scenes came. A transaction is whole or not there, whatever becomes
of its process (rollback journal, flushed to the disk); rows are added and never changed. Reading writes nothing, and
holds the file no longer than a query takes.
"""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

from triptych.bank.sqlite_errors import translated
from triptych.bank.stored_scene import Header, Row
from triptych.errors import InputError
from triptych.files import write_atomically

_APPLICATION, _VERSION = int.from_bytes(b"trip", "big"), 1
_WAIT = 60.0
"""Seconds to wait for other processes, each of which holds a file for one transaction."""
_AT_ONCE = 10_000
"""Names per query."""
_SCHEMA = f"""
PRAGMA page_size = 4096;
PRAGMA auto_vacuum = NONE;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
CREATE TABLE scenes (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE,
    about BLOB NOT NULL,
    digest BLOB NOT NULL,
    coefficients BLOB NOT NULL,
    micro BLOB NOT NULL
);
"""
_HEADER, _ROW = ", ".join(Header._fields), ", ".join(Row._fields)
_SIZE = " + ".join(f"length({field})" for field in Row._fields)
_OF_PARENTS: list[sqlite3.Connection] = []
"""Connections that a fork has brought along, which a child process must neither use nor close."""


class NameTakenError(InputError):
    """A scene of this name is there already."""


class SqliteFile:
    """A file of scenes that many processes read and add to at once; they wait for each other's transactions at most.

    Every method raises ``InputError`` where the file is missing, damaged or held for too long, and ``OSError`` where
    the disk is full or the file may not be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    @classmethod
    def create(cls, path: Path) -> "SqliteFile":
        """Make a file without scenes, in the place of what stands there."""
        write_atomically(path, lambda file: file.write(_without_scenes()))
        return cls(path)

    def __reduce__(self) -> tuple[type["SqliteFile"], tuple[Path]]:
        return type(self), (self.path,)

    def close(self) -> None:
        """Let go of the file; it is opened again when it is next read."""
        with self._turn:
            if self._connection is not None:
                self._forget(self._connection)

    def __del__(self) -> None:
        self.close()

    def count(self) -> int:
        """How many scenes there are."""
        return self._all("SELECT count(*) FROM scenes")[0][0]

    def has(self, name: bytes) -> bool:
        """Whether there is a scene of this name."""
        return bool(self._all("SELECT 1 FROM scenes WHERE name = ?", name))

    def entries(self, mark: int) -> Iterator[list[tuple[bytes, int, int]]]:
        """Name, ``mark`` and id of every scene, by name, a few thousand at a time."""
        query = f"SELECT name, ?, id FROM scenes WHERE name > ? ORDER BY name LIMIT {_AT_ONCE}"
        found = self._all(query, mark, "")  # a text comes before all bytes
        while found:
            yield found
            found = self._all(query, mark, found[-1][0])

    def names(self) -> Iterator[list[bytes]]:
        """The name of every scene, sorted, a few thousand at a time."""
        query = f"SELECT name FROM scenes WHERE name > ? ORDER BY name LIMIT {_AT_ONCE}"
        found = self._all(query, "")
        while found:
            yield [name for (name,) in found]
            found = self._all(query, found[-1][0])

    def id_of(self, name: bytes) -> int | None:
        """The id of a scene; None where there is none of this name."""
        found = self._all("SELECT id FROM scenes WHERE name = ?", name)
        return found[0][0] if found else None

    def name_of(self, number: int) -> bytes:
        """The name of the scene of an id, which is there."""
        return self._all("SELECT name FROM scenes WHERE id = ?", number)[0][0]

    def last_id(self) -> int:
        """The greatest id of a scene, which counts from 1 in the order in which scenes came; 0 where there is none."""
        return self._all("SELECT max(id) FROM scenes")[0][0] or 0

    def size(self, name: bytes) -> int | None:
        """Bytes of a scene, all together; None where there is no such scene."""
        found = self._all(f"SELECT {_SIZE} FROM scenes WHERE name = ?", name)
        return found[0][0] if found else None

    def header(self, name: bytes) -> Header | None:
        """A scene without its planes, which are not read; None where there is no such scene."""
        found = self._all(f"SELECT {_HEADER} FROM scenes WHERE name = ?", name)
        return Header(*self._as_bytes(found[0])) if found else None

    def row(self, name: bytes) -> Row | None:
        """A scene; None where there is none of this name."""
        found = self._all(f"SELECT {_ROW} FROM scenes WHERE name = ?", name)
        return Row(*self._as_bytes(found[0])) if found else None

    def rows(self, first: int, last: int) -> list[Row]:
        """The scenes whose ids lie between two, both included."""
        found = self._all(f"SELECT {_ROW} FROM scenes WHERE id BETWEEN ? AND ? ORDER BY id", first, last)
        return [Row(*self._as_bytes(values)) for values in found]

    def add(self, rows: Iterable[Row], is_current: Callable[[], bool] = lambda: True) -> bool:
        """Add scenes in one transaction: all of them or none.

        Args:
            rows: the scenes.
            is_current: asked once no other process can write here: whether this file is still the one to add to.

        Returns:
            whether it was.

        Raises:
            NameTakenError: there is a scene of one of these names.
        """
        with self.held() as connection:
            if not is_current():
                return False
            for row in rows:
                try:
                    connection.execute(f"INSERT INTO scenes ({_ROW}) VALUES (?, ?, ?, ?, ?)", row)
                except sqlite3.IntegrityError:
                    raise NameTakenError(row.name) from None
            return True

    @contextmanager
    def held(self) -> Iterator[sqlite3.Connection]:
        """A transaction, during which other processes can read but not write; undone where an error ends it."""
        with self._told(), closing(self._open("rw")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def require_sound(self) -> None:
        """Look at the file's structure, which the digests of the scenes say nothing about.

        Raises:
            InputError: it is damaged.
        """
        ((found,),) = self._all("PRAGMA integrity_check(1)")
        ((journal,),) = self._all("PRAGMA journal_mode")
        if (found, journal) != (b"ok", b"delete"):
            raise InputError(f"{self.path}: damaged: {' '.join(found.decode(errors='replace').split())}")

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._turn, self._told():
            return self._reading().execute(query, values).fetchall()

    def _reading(self) -> sqlite3.Connection:
        """A connection for queries, which is kept until this is another process or another file stands there."""
        if self._connection is not None and self._identity != (os.getpid(), self._inode(self._identity[1])):
            self._forget(self._connection)
        if self._connection is None:
            writable = os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)
            # Writable where that is allowed: a killed process may have left something to be undone.
            self._connection = self._open("rw" if writable else "ro")
            self._identity = os.getpid(), self._inode(0)
        return self._connection

    def _inode(self, otherwise: int) -> int:
        """Which file stands there; ``otherwise`` if none: one that is replaced is read to the end."""
        try:
            return self.path.stat().st_ino
        except OSError:
            return otherwise

    def _forget(self, connection: sqlite3.Connection) -> None:
        self._connection = None
        if self._identity[0] == os.getpid():
            connection.close()
        else:
            _OF_PARENTS.append(connection)

    def _open(self, mode: str) -> sqlite3.Connection:
        if not self.path.is_file():  # SQLite would wait at a pipe
            raise InputError(f"{self.path}: {'expected a regular file' if self.path.exists() else 'no such file'}")
        place = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(place, _WAIT, isolation_level=None, check_same_thread=False, uri=True)
        try:
            connection.text_factory = bytes
            connection.execute("PRAGMA trusted_schema = OFF")
            ((application,),), ((version,),) = (
                connection.execute(f"PRAGMA {name}").fetchall() for name in ("application_id", "user_version")
            )
            if application != _APPLICATION:
                raise InputError(f"{self.path}: damaged: it is no file of scenes")
            if version != _VERSION:
                raise InputError(f"{self.path}: version {version}, expected {_VERSION}; update triptych")
        except BaseException:
            connection.close()
            raise
        return connection

    def _as_bytes(self, values: tuple[Any, ...]) -> tuple[bytes, ...]:
        if not all(isinstance(value, bytes) for value in values):
            raise InputError(f"{self.path}: damaged: a row of another kind")
        return values

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise translated(error, self.path) from None


def has_no_scenes(path: Path) -> bool:
    """Whether a file is one of scenes and has none."""
    with suppress(InputError, OSError):
        return SqliteFile(path).count() == 0
    return False


@cache
def _without_scenes() -> bytes:
    """The content of a file without scenes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenes"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_SCHEMA)
        return path.read_bytes()
