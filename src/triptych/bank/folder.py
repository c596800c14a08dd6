"""The folder of a bank, before there is one in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triptych.bank.sqlite_errors import without_locks
from triptych.files import lock, made_with_locks


def make_folder(folder: Path) -> None:
    """Make the folder, unless it is there.

    Raises:
        InputError: its file system has no locks; then none is made.
    """
    if not made_with_locks(folder):
        raise without_locks(folder)


@contextmanager
def held_folder(folder: Path) -> Iterator[None]:
    """Make the folder and hold it against other processes that make a bank in it, for which this waits.

    Raises:
        InputError: see ``make_folder``.
    """
    make_folder(folder)
    with lock(folder, wait=True):
        yield
