"""Opening a file that may be missing, a folder, or a pipe that nobody writes to."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from triptych.errors import InputError


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file for reading; a link to one will do.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    try:
        # Not blocking: opening a named pipe would wait forever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{path}: expected a regular file, found a pipe or device")
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a file, found a folder") from None
    except OSError as error:
        raise InputError(f"{path}: this file cannot be read ({error.strerror})") from None


def read_bytes(path: Path) -> bytes:
    """The content of a regular file.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    with open_regular(path) as file:
        return file.read()
