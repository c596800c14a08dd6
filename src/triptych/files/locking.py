"""A folder held by one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: another process is writing there; wait for it, or choose another") from None
        yield
