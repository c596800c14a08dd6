"""Writing files and folders so that they appear whole or not at all, and cleaning up after killed processes.

Everything is written under a hidden name beside its final place, ``.triptych-*.tmp``, and renamed. Meanwhile the
writer holds a lock on an empty file beside it, ``.triptych-*.lock``, which ends with its process however that ends; so
the next writer in the same folder can tell what is left over, and removes it.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from filelock import lock_descriptor

_PREFIX = ".triptych-"
_LOCK = ".lock"
_UNFINISHED = ".tmp"
_REPLACED = ".old"
"""Ending of a folder that holds another one for the moment in which a new one takes its place."""


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_once(path.parent)
    with _named(path), _temporary(path.parent, _UNFINISHED) as temporary:
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
    with _named(path), _temporary_folder(path.parent, _UNFINISHED) as temporary:
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


def copy_folder(source: Path, target: Path) -> None:
    """Copy what is in a folder into another one, which may be there. Unlike ``shutil.copytree``, it ends at the first
    error, with that error."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            copy_folder(entry, target / entry.name)
        else:
            shutil.copyfile(entry, target / entry.name)


def sweep(folder: Path) -> None:
    """Remove what killed processes have left half written in a folder; what a living one writes stays.

    A folder that one of them was about to replace is put back.
    """
    for name in {leftover.with_suffix("") for leftover in folder.glob(f"{_PREFIX}*")}:
        with suppress(OSError), _taken(name.with_suffix(_LOCK)):
            for ending in (_UNFINISHED, _REPLACED):
                _remove(name.with_suffix(ending))


def flush_to_disk(file: Path) -> None:
    """Have all of a file on the disk, so that not even a crash of the machine takes it."""
    # Windows flushes only what is open for writing.
    with file.open("r+b" if os.name == "nt" else "rb") as opened:
        os.fsync(opened.fileno())


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an error of the system that names no file, as a disk that fills up while it is written to, name this one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@cache
def _sweep_once(folder: Path) -> None:
    """The first time that this process writes in a folder: looking every time would take long in large ones."""
    sweep(folder)


@contextmanager
def _temporary(folder: Path, ending: str) -> Iterator[Path]:
    """A hidden path that is this process's own; what stands there at the end is removed."""
    lock, handle = _new_lock(folder)
    temporary = lock.with_suffix(ending)
    try:
        yield temporary
    finally:
        _remove(temporary)
        _give_back(lock, handle)


@contextmanager
def _temporary_folder(parent: Path, ending: str) -> Iterator[Path]:
    with _temporary(parent, ending) as folder:
        folder.mkdir(mode=0o700)
        yield folder


def _new_lock(folder: Path) -> tuple[Path, int]:
    """A new file whose lock is held, and its handle; again where a sweeper has removed it in between."""
    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=_PREFIX, suffix=_LOCK)
        if _hold(handle) and Path(name).exists():
            return Path(name), handle
        os.close(handle)


def _hold(handle: int) -> bool:
    try:
        return lock_descriptor(handle, blocking=False)
    except OSError:  # a file system without locks, on which nothing is ever swept
        return True


@contextmanager
def _taken(lock: Path) -> Iterator[None]:
    """Hold the lock of a writer that is gone, and remove it.

    Raises:
        OSError: the writer still lives, or there are no locks here.
    """
    links_and_pipes = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # not followed, not waited for
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | links_and_pipes, mode=0o600)
    try:
        if not lock_descriptor(handle, blocking=False):
            raise BlockingIOError(lock)
        yield
    except BaseException:
        os.close(handle)
        raise
    _give_back(lock, handle)


def _give_back(lock: Path, handle: int) -> None:
    os.close(handle)  # first: Windows removes no file that is open
    with suppress(PermissionError):  # there a sweeper may have it open just now
        lock.unlink(missing_ok=True)


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
            flush_to_disk(path)
