"""Writing files and folders so that they appear whole or not at all, and cleaning up after killed processes.

Everything is written under a hidden name beside its final place, ``.triptych-*.tmp``, and renamed. The writer holds a
lock on what it writes, which ends with its process however that ends; so the next writer in the same folder can tell
what is left over, and removes it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

_PREFIX = ".triptych-"
_UNFINISHED = ".tmp"
_REPLACED = ".old"
"""Ending of a folder that holds another one for the moment in which a new one takes its place."""


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(path.parent)
    with _temporary_file(path.parent) as temporary:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    write_atomically(path, lambda file: file.write(text.encode()))


@contextmanager
def atomic_directory(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Give a temporary folder beside ``path`` to fill; on success it is flushed and renamed to ``path``, else removed.

    Args:
        path: the folder.
        replace: put it in the place of a folder or file that stands there.

    Raises:
        OSError: ``replace`` is off, and a folder that is not empty stands there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(path.parent)
    with _temporary_folder(path.parent, _UNFINISHED) as temporary:
        yield temporary
        temporary.chmod(0o755)
        _flush(temporary)
        if replace and path.exists():
            # Between the two renames nothing stands at ``path``: who sweeps up after a kill puts the old one back.
            with _temporary_folder(path.parent, _REPLACED) as old:
                path.replace(old / path.name)
                temporary.replace(path)
        else:
            temporary.rename(path)


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Give a hidden folder in another one to fill; it is removed at the end, after a kill by the next writer there."""
    _sweep_once(parent)
    with _temporary_folder(parent, _UNFINISHED) as temporary:
        yield temporary


def sweep(folder: Path) -> None:
    """Remove what killed processes have left half written in a folder; what a living one writes stays.

    A folder that one of them was about to replace is put back.
    """
    for leftover in list(folder.glob(f"{_PREFIX}*")):
        with suppress(OSError):
            handle = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(leftover)
            finally:
                os.close(handle)


@cache
def _sweep_once(folder: Path) -> None:
    """The first time that this process writes in a folder: looking every time would take long in large ones."""
    sweep(folder)


@contextmanager
def _temporary_file(folder: Path) -> Iterator[Path]:
    temporary, handle = _made(lambda: _close(tempfile.mkstemp(dir=folder, prefix=_PREFIX, suffix=_UNFINISHED)))
    try:
        yield temporary
    finally:
        _remove(temporary)
        os.close(handle)


@contextmanager
def _temporary_folder(parent: Path, suffix: str) -> Iterator[Path]:
    temporary, handle = _made(lambda: tempfile.mkdtemp(dir=parent, prefix=_PREFIX, suffix=suffix))
    try:
        yield temporary
    finally:
        _remove(temporary)
        os.close(handle)


def _close(made: tuple[int, str]) -> str:
    os.close(made[0])
    return made[1]


def _made(make: Callable[[], str]) -> tuple[Path, int]:
    """A new file or folder, and the handle that holds its lock; again where a sweeper has removed it in between."""
    while True:
        path = Path(make())
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            if _hold(handle) and os.path.samestat(os.fstat(handle), path.stat()):
                return path, handle
            os.close(handle)


def _hold(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks, on which nothing is ever swept
        return True
    return True


def _remove(leftover: Path) -> None:
    """Remove a temporary file or folder, if it still stands; a folder that was replaced by nothing goes back first."""
    if leftover.name.endswith(_REPLACED):
        for replaced in list(leftover.glob("*")):
            if not leftover.with_name(replaced.name).exists():
                replaced.rename(leftover.with_name(replaced.name))
    if leftover.is_dir():
        shutil.rmtree(leftover, ignore_errors=True)
    else:
        leftover.unlink(missing_ok=True)


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
