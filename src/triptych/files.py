"""Reading and writing files so that a kill at any moment leaves either the old state or the new one."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from triptych.errors import InputError

_CLUTTER = frozenset(
    ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information")
)
"""What file managers and archivers leave behind, in lower case."""


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name is hidden or left behind by a file manager, so never part of the data."""
    return name.startswith(".") or name.lower() in _CLUTTER


def is_file(path: Path) -> bool:
    """Whether a file that can be read stands at a path: no folder, no pipe; unlike ``Path.is_file`` it never raises."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder stands at a path; unlike ``Path.is_dir`` it never raises."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, indented, keys in the order given; paths become text. NaN and infinities are refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, default=_path_as_text) + "\n")


def _path_as_text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing, is not UTF-8 or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected JSON, found bytes that are not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: expected JSON, found an error in line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path`` to fill; on success it is renamed to ``path``, else removed.

    A folder that stands at ``path`` already is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".old"))
            path.replace(old / path.name)
            temporary.replace(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read_or_make(file: Path, make: Callable[[], Any]) -> Any:
    """The JSON value that an earlier run has left in a file, else what ``make`` gives now, written there first."""
    if not file.exists():
        write_json(file, make())
    return read_json(file)


def folder_name(name: str) -> str:
    """A scene's name as the name of a folder: it can be turned back, and neither hides nor leaves its parent."""
    return quote(name, safe=" ").replace(".", "%2E")


def inside(folder: Path, relative: str, *, named_in: Path) -> Path:
    """Resolve a path written in a dataset file, refusing one that leaves the dataset's folder.

    Raises:
        InputError: ``relative`` is absolute or climbs out of ``folder``, symbolic links included.
    """
    resolved = (folder / relative).resolve()
    if Path(relative).is_absolute() or not resolved.is_relative_to(folder.resolve()):
        raise InputError(f"{named_in}: the path {relative!r} leaves the folder {folder}; keep images inside it")
    return resolved
