"""The cache stays below a size: what was used longest ago goes first, and nothing that a process has open.

Who opens an entry holds a shared lock on its pictures for as long as they are mapped; who removes one holds an
exclusive lock meanwhile. Windows has no such locks, and moves no folder while a file in it is open.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from re import fullmatch
from typing import BinaryIO

from triptych.files import temporary_folder

try:
    import fcntl
except ImportError:
    fcntl = None

PICTURES_FILE = "pictures.raw"
_SHARE = 4
"""Of the disk that holds the cache, one part in so many is used where nothing is said."""


def size_limit(cache: Path, gigabytes: float | None) -> int:
    """Bytes that the cache may have: what the user says, or a quarter of its disk."""
    return shutil.disk_usage(cache).total // _SHARE if gigabytes is None else int(gigabytes * 1e9)


def hold(pictures: BinaryIO) -> None:
    """Keep the entry of these pictures from being removed until the file and all maps of it are closed.

    Raises:
        FileNotFoundError: it has just been removed.
    """
    if fcntl is None:
        return
    with suppress(OSError):  # some network folders have no locks
        fcntl.flock(pictures, fcntl.LOCK_SH)
    if not os.fstat(pictures.fileno()).st_nlink:
        raise FileNotFoundError(f"{pictures.name}: removed meanwhile")


def note_use(entry: Path) -> None:
    """Let an entry be the last to go."""
    with suppress(OSError):  # the cache of somebody else
        os.utime(entry)


def make_room(cache: Path, needed: int, limit: int) -> None:
    """Remove entries that nobody has open, those used longest ago first, until a new one fits.

    A new one that is larger than the limit by itself finds the cache empty but for what is open.

    Args:
        cache: folder of the cache.
        needed: bytes of the new one.
        limit: bytes that all may have together.
    """
    entries = sorted(_entries(cache))
    total = needed + sum(size for _, size, _ in entries)
    for _, size, entry in entries:
        if total <= limit and needed <= shutil.disk_usage(cache).free:
            return
        if _removed(entry):
            total -= size


def _entries(cache: Path) -> list[tuple[int, int, Path]]:
    """When each entry was last used, its bytes, and its folder."""
    found = []
    for entry in cache.iterdir():
        if fullmatch("[0-9a-f]{32}", entry.name):
            with suppress(OSError):  # another process removes it
                size = sum(file.stat().st_size for file in entry.iterdir())
                found.append((entry.stat().st_mtime_ns, size, entry))
    return found


def _removed(entry: Path) -> bool:
    """Whether an entry could be removed: no process has it open."""
    try:
        with _held_alone(entry / PICTURES_FILE), temporary_folder(entry.parent) as bin:
            entry.rename(bin / entry.name)
            shutil.rmtree(bin / entry.name)  # now, while who opens it waits for the lock
    except OSError:
        return False
    return True


@contextmanager
def _held_alone(pictures: Path) -> Iterator[None]:
    """Keep everybody from opening an entry's pictures.

    Raises:
        OSError: a process has them open. On Windows, moving the entry then raises it; so they are not opened here.
    """
    if fcntl is None:
        yield
        return
    with pictures.open("rb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
