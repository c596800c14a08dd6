"""Opening a file that may be missing, a folder, or a pipe that nobody writes to."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from triptych.errors import InputError
from triptych.files.paths import is_folder

# Not blocking: opening a named pipe would wait forever. Not every system has either.
_AS_IT_IS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file for reading; a link to one will do.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    try:
        with os.fdopen(os.open(path, _AS_IT_IS), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{path}: expected a regular file, found a pipe or device")
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        if is_folder(path):  # Windows calls it a lack of permission
            raise InputError(f"{path}: expected a file, found a folder") from None
        raise InputError(f"{path}: this file cannot be read ({error.strerror})") from None


def read_bytes(path: Path) -> bytes:
    """The content of a regular file.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    with open_regular(path) as file:
        return file.read()
