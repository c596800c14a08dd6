"""A folder held by one process at a time, and file systems that allow for nothing of the kind."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from filelock import lock_descriptor

from triptych.errors import InputError


@contextmanager
def lock(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder against other processes; the lock ends with the process, however it ends.

    Args:
        folder: which.
        wait: for the process that holds it, where that takes a moment only.

    Raises:
        InputError: another process holds it, and ``wait`` is off.
    """
    with (folder / ".lock").open("w") as file:
        if not lock_descriptor(file.fileno(), blocking=wait):
            raise InputError(f"{folder}: another process is writing there; wait for it, or choose another")
        yield


def can_be_locked(file: Path) -> bool:
    """Whether its file system lets parts of it be locked, as SQLite does; whether others notice is not looked at."""
    try:
        import fcntl
    except ImportError:  # where there is no such thing, all file systems have locks
        return True
    with file.open("rb") as opened:
        try:
            fcntl.lockf(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)
    return True


def made_with_locks(folder: Path) -> bool:
    """Make a folder, unless it is there, and tell whether its files can be locked; where not, it is not made."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix=".") as file:
        has_locks = can_be_locked(Path(file.name))
    if not has_locks:
        for place in missing:
            place.rmdir()
    return has_locks
