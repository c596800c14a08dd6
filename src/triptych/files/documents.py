"""JSON files: read with one clear line about what is wrong, written whole or not at all, and sealed where a changed
bit must be noticed."""

import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from triptych.errors import InputError
from triptych.files.checksums import seal, seal_holds
from triptych.files.reading import read_bytes
from triptych.files.writing import write_atomically, write_text

SUM = "sha256"
"""The field of a sealed document that holds the SHA-256 of all other bytes of its file."""


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, indented, keys in the order given; paths become text. NaN and infinities are refused."""
    write_text(path, _as_text(value))


def write_sealed_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON atomically, as ``write_json``, with a checksum of the file in its first field; see `check_seal`."""
    blank = secrets.token_hex(32)
    content = _as_text({SUM: blank, **value}).encode()
    write_atomically(path, lambda file: file.writelines(seal(content, blank)))


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing, cannot be read, is not UTF-8 or is not JSON.
    """
    content = read_bytes(path)
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected JSON, found bytes that are not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: expected JSON, found an error in line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise InputError(f"{path}: expected JSON, found lists or objects nested too deeply") from None
    except ValueError:
        raise InputError(f"{path}: expected JSON, found an integer of thousands of digits") from None


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        InputError: it does not, or it cannot be read.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, found a {type(value).__name__}")
    return value


def check_seal(path: Path, document: Mapping[str, Any], *, required: bool) -> bool:
    """Compare a document with the checksum that `write_sealed_json` left in it.

    Args:
        path: its file.
        document: what the file holds.
        required: whether one must be there; documents of earlier versions have none.

    Returns:
        whether it has one.

    Raises:
        InputError: the file differs from what was written, or the checksum is missing.
    """
    if SUM not in document:
        if required:
            raise InputError(f"{path}: damaged: its checksum is missing")
        return False
    if not seal_holds(read_bytes(path), document[SUM]):
        raise InputError(f"{path}: damaged: its bytes are not those that were written (SHA-256 differs)")
    return True


def read_or_make(file: Path, make: Callable[[], Any]) -> Any:
    """The JSON value that an earlier run has left in a file, else what ``make`` gives now, written there first."""
    if not file.exists():
        write_json(file, make())
    return read_json(file)


def _as_text(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False, default=_path_as_text) + "\n"


def _path_as_text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
