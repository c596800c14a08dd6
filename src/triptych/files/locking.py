"""A folder held by one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor

from triptych.errors import InputError


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes; the lock ends with the process, however it ends.

    Raises:
        InputError: another process holds it.
    """
    with (folder / ".lock").open("w") as file:
        if not lock_descriptor(file.fileno(), blocking=False):
            raise InputError(f"{folder}: another process is writing there; wait for it, or choose another")
        yield
