"""A folder held by one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
