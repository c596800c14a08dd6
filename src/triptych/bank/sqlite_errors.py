"""What SQLite complains about, in our words."""

import errno
import os
import sqlite3
from pathlib import Path

from triptych.errors import InputError

_PRIMARY = 0xFF
"""The bits of a code that are not particulars."""
_NO_LOCKS = (sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_UNLOCK)
_BEGUN = (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY)
_SYSTEM = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_AUTH: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
}


def translated(error: sqlite3.Error, path: Path) -> InputError | OSError | MemoryError:
    """An error of SQLite as one of input or of the system.

    Args:
        error: what it raised.
        path: the file, for the message.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # without a code it is the bytes' decoding
    kind, words = code & _PRIMARY, " ".join(str(error).split())
    if kind == sqlite3.SQLITE_NOMEM:
        return MemoryError(words)
    if code in _NO_LOCKS or kind == sqlite3.SQLITE_NOLFS:
        return without_locks(path)
    if code in _BEGUN:
        return InputError(
            f"{path}: a killed process has left a transaction to be undone, and the folder cannot be written; look at "
            "the bank once where it can, for example with `triptych bank check`"
        )
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return InputError(f"{path}: another process is writing there for a minute already; wait for it, or end it")
    if kind in _SYSTEM:
        number = _SYSTEM[kind]
        return OSError(number, os.strerror(number), str(path))
    return InputError(f"{path}: damaged: {words}")


def without_locks(path: Path) -> InputError:
    """What is wrong with the place of a file or folder that cannot be locked."""
    return InputError(
        f"{path}: this file system does not let files be locked; put the bank elsewhere, or fit into a bank elsewhere "
        "and merge it (`triptych bank merge`)"
    )
