"""SHA-256 sums: of the files of a folder, kept by a document beside them, and of a file that keeps its own.

A file that keeps its own sum is *sealed*: the 64 hexadecimal digits stand in it once, and are the sum of all other
bytes. So a single bit that flips anywhere is noticed, in the sum as well.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from triptych.errors import InputError
from triptych.files.paths import is_clutter, leaves_folder
from triptych.files.reading import open_regular


def seal(content: bytes, blank: str) -> list[bytes | memoryview]:
    """Put the sum of everything else in the place of ``blank``.

    Args:
        content: of the file, with ``blank`` somewhere.
        blank: 64 characters that stand in ``content`` once, such as a random number.

    Returns:
        what to write, in parts: contents may be large.
    """
    before, after = _around(content, blank)
    return [before, _sum(before, after).encode(), after]


def seal_holds(content: bytes, digest: object) -> bool:
    """Whether ``digest``, as found in a file, is the sum of all its other bytes."""
    if not isinstance(digest, str) or not digest.isascii() or digest.encode() not in content:
        return False
    return _sum(*_around(content, digest)) == digest


def file_sum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits.

    Raises:
        InputError: it is missing, no regular file, or cannot be read.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_sums(folder: Path) -> dict[str, str]:
    """The sum of every file in a folder and below, by its path there; hidden files and clutter are ignored."""
    return {path: file_sum(folder / path) for path in sorted(_files_below(folder))}


def check_sums(folder: Path, sums: object) -> None:
    """Compare files with the sums that ``folder_sums`` gave when they were written.

    Raises:
        InputError: a file is missing or differs, or ``sums`` are none; the message names the first.
    """
    if not isinstance(sums, Mapping):
        raise InputError(f"{folder}: the list of its checksums is damaged")
    for path, digest in sums.items():
        if leaves_folder(str(path)):
            raise InputError(f"{folder}: the list of its checksums names {str(path)!r}, which is not in this folder")
        if file_sum(folder / str(path)) != digest:
            raise InputError(f"{folder / str(path)}: its bytes are not those that were written (SHA-256 differs)")


def _files_below(folder: Path) -> Iterator[str]:
    for entry in folder.rglob("*"):
        if entry.is_file() and not is_clutter(entry.name):
            yield entry.relative_to(folder).as_posix()


def _around(content: bytes, part: str) -> tuple[memoryview, memoryview]:
    start = content.index(part.encode())
    whole = memoryview(content)
    return whole[:start], whole[start + len(part) :]


def _sum(before: memoryview, after: memoryview) -> str:
    digest = hashlib.sha256(before)
    digest.update(after)
    return digest.hexdigest()
