"""Unpacking archives that somebody has sent: no more than there is room for, and nothing outside of their folder."""

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from triptych.errors import InputError
from triptych.files.paths import is_clutter, leaves_folder

MOST_FILES = 20_000
MOST_BYTES = 2 << 30
_AT_ONCE = 1 << 20


def unpack_zip(content: bytes, folder: Path, where: str) -> None:
    """Unpack the files of a zip archive; hidden ones and what file managers leave behind are left out.

    Args:
        content: the archive.
        folder: an empty folder of its own.
        where: what the archive is called, for messages.

    Raises:
        InputError: it is damaged, encrypted or no zip archive; it holds links, paths out of the folder, more than
            ``MOST_FILES`` files or more than ``MOST_BYTES`` bytes. What was unpacked before stays in the folder.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = list(_members(archive, where))
            room = MOST_BYTES
            for member in members:
                room -= _unpack(archive, member, folder / member.filename, room, where)
    except InputError:
        raise
    except Exception as error:  # zipfile raises anything on damaged archives
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{where}: cannot be unpacked here ({error.strerror})") from None
        raise InputError(
            f"{where}: expected a zip archive that can be unpacked; this one is damaged or none ({error})"
        ) from None


def _members(archive: zipfile.ZipFile, where: str) -> Iterator[zipfile.ZipInfo]:
    """The files to unpack, each looked at, none of them read."""
    infos = archive.infolist()
    if len(infos) > MOST_FILES:
        raise InputError(f"{where}: {len(infos)} files, at most {MOST_FILES} are taken")
    if sum(info.file_size for info in infos) > MOST_BYTES:
        raise InputError(f"{where}: more than {MOST_BYTES >> 30} GB when unpacked; send smaller pictures")
    for info in infos:
        if leaves_folder(info.filename):
            raise InputError(f"{where}: {info.filename!r:.80} leads out of its folder")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise InputError(f"{where}: {info.filename!r:.80} is a link; put the file itself there")
        if info.flag_bits & 1:
            raise InputError(f"{where}: {info.filename!r:.80} is encrypted; pack it without a password")
        if not info.is_dir() and not any(map(is_clutter, PurePosixPath(info.filename).parts)):
            yield info


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int, where: str) -> int:
    """Unpack one file; how many bytes it has, whatever the archive declares."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(member) as source, target.open("xb") as copy:
        while part := source.read(_AT_ONCE):
            written += len(part)
            if written > room:
                raise InputError(f"{where}: more than {MOST_BYTES >> 30} GB when unpacked; send smaller pictures")
            copy.write(part)
    return written
