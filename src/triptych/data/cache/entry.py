"""A cache entry: the decoded pictures of a dataset, memory-mapped, so that memory use stays bounded at any size.

    <cache>/<key>/index.json            names and fingerprints of the scenes, picture size, notes, sums of other files
    <cache>/<key>/cameras.safetensors   poses, intrinsics, declared splits, boxes, which scenes have alpha
    <cache>/<key>/sums.raw              uint8 [row, 32], SHA-256 of each picture
    <cache>/<key>/pictures.raw          uint8 [row, height, width, 3], rows as in the index; alpha as a fourth channel
                                        where any scene has some

The key is a digest of every file's path, size and time of change, so an edited dataset gets another entry.
Entries appear whole by a rename, and are never changed later; deleting them is safe at any time. Small files are
compared with their checksums when an entry is opened, each picture when it is first read.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path
from safetensors.numpy import load_file, save_file

from triptych.data.backgrounds import Color, parse_color
from triptych.data.cache.checked_pictures import SUM_BYTES, CheckedPictures
from triptych.data.cache.room import PICTURES_FILE, make_room, note_use, size_limit
from triptych.data.config import DatasetConfig
from triptych.data.decoding import OnPicture, decode_pictures
from triptych.data.formats.discovery import DatasetFolder
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.index import SceneIndex
from triptych.data.pictures import SUFFIXES
from triptych.errors import InputError
from triptych.files import (
    atomic_directory,
    check_seal,
    check_sums,
    file_sum,
    is_clutter,
    read_object,
    write_sealed_json,
)

_LAYOUT = 4
"""Raised whenever the meaning of a cache entry changes."""
_INDEX = "index.json"
_CAMERAS = "cameras.safetensors"
_SUMS = "sums.raw"


def default_cache() -> Path:
    """``triptych`` in the user's cache folder: $XDG_CACHE_HOME, or the system's usual one (~/.cache on Linux)."""
    return user_cache_path("triptych", appauthor=False)


def cache_key(dataset: DatasetFolder, config: DatasetConfig) -> str:
    """Digest of what decides an entry: the scenes, their files' paths, sizes and times, and how pictures are read."""
    color = parse_color(config.background, "background")
    options = [_LAYOUT, str(dataset.root), config.resolution, config.field_of_view, color]
    digest = hashlib.sha256(json.dumps(options).encode())
    described_by = {scene.annotations.file for scene in dataset.scenes if scene.annotations is not None}
    for file in sorted(described_by):
        digest.update(json.dumps(_as_found(file, file.stat())).encode())
    for scene in dataset.scenes:
        digest.update(json.dumps([scene.name, scene.format, *_files_of(scene.folder)]).encode())
    return digest.hexdigest()[:32]


def _files_of(folder: str | Path, depth: int = 0) -> list[list[str | int]]:
    # Links to folders are followed at the top only (rgb/ kept elsewhere), so that a loop of links ends.
    files: list[list[str | int]] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=depth == 0):
                files += _files_of(entry.path, depth + 1)
            elif entry.is_file() and _matters(entry.name):
                files.append(_as_found(entry.path, entry.stat()))
    return files


def _as_found(path: str | Path, status: os.stat_result) -> list[str | int]:
    return [str(path), status.st_size, status.st_mtime_ns]


def _matters(name: str) -> bool:
    # File managers write clutter whenever somebody opens a folder; a hidden picture may still belong to a frame.
    return not is_clutter(name) or name.lower().endswith(SUFFIXES)


def open_entry(entry: Path) -> tuple[SceneIndex, CheckedPictures] | None:
    """The index and the pictures of a finished cache entry, which is kept as long as these are; None where there is
    none.

    Raises:
        InputError: the entry is damaged.
    """
    try:
        index = load_index(entry)
        opened = None if index is None else (index, map_pictures(entry, index))
    except InputError:
        if entry.is_dir():
            raise
        return None  # another process has just removed it to make room
    note_use(entry)
    return opened


def load_index(entry: Path) -> SceneIndex | None:
    """The index of a finished cache entry, or None where there is none.

    Raises:
        InputError: the entry is damaged.
    """
    if not entry.is_dir():
        return None
    try:
        about = read_object(entry / _INDEX)
        check_seal(entry / _INDEX, about, required=True)
        check_sums(entry, about["files"])
        tensors = load_file(entry / _CAMERAS)
        return SceneIndex(
            names=tuple(about["names"]),
            fingerprints=tuple(about["fingerprints"]),
            height=about["height"],
            width=about["width"],
            notes=tuple(about["notes"]),
            **tensors,
        )
    except Exception as error:
        raise InputError(f"{entry}: this cache entry is damaged ({error}); delete it and run again") from None


def map_pictures(entry: Path, index: SceneIndex) -> CheckedPictures:
    """The pictures of a finished cache entry, whose index has been loaded.

    Raises:
        InputError: the entry is damaged.
    """
    try:
        sums = np.fromfile(entry / _SUMS, dtype=np.uint8).reshape(len(index.c2w), SUM_BYTES)
        return CheckedPictures(entry / PICTURES_FILE, sums, index.picture_shape)
    except (OSError, ValueError) as error:
        raise InputError(f"{entry}: this cache entry is damaged ({error}); delete it and run again") from None


def build_entry(
    entry: Path,
    index: SceneIndex,
    scenes: Sequence[ParsedScene],
    config: DatasetConfig,
    progress: OnPicture | None = None,
) -> tuple[SceneIndex, CheckedPictures]:
    """Decode all pictures into a new cache entry; if several processes do so at once, the first to finish wins.

    Args:
        entry: its folder.
        index: of the scenes.
        scenes: as they were parsed.
        config: what pictures with alpha are laid over, and how large the cache may be.
        progress: called after each picture.

    Returns:
        the index and the pictures of the entry, opened.

    Raises:
        InputError: a picture cannot be decoded, or the cache cannot be written.
    """
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        make_room(entry.parent, _bytes_of(index), size_limit(entry.parent, config.cache_size))
        _check_space(entry.parent, index)
        background = parse_color(config.background, "background")
        with atomic_directory(entry, replace=False) as temporary:
            _write_pictures(temporary, index, scenes, background, progress)
            _write_index(temporary, index)
    except OSError as error:
        # The rename fails where another process has just made the same entry, which is as good.
        if not entry.is_dir():
            reason = error.strerror
            raise InputError(f"{entry.parent}: the cache cannot be written ({reason}); choose another") from None
    opened = open_entry(entry)
    if opened is None:
        raise InputError(f"{entry}: another process has removed it to make room; give a larger --cache-size")
    return opened


def _write_index(folder: Path, index: SceneIndex) -> None:
    names = ("starts", "c2w", "intrinsics", "uses", "has_alpha", "boxes")
    # safetensors writes the bytes as they lie in memory, whatever the order of the axes.
    tensors = {name: np.ascontiguousarray(getattr(index, name)) for name in names}
    save_file(tensors, folder / _CAMERAS)
    about = {"height": index.height, "width": index.width, "notes": index.notes}
    texts = {"names": index.names, "fingerprints": index.fingerprints}
    files = {name: file_sum(folder / name) for name in (_CAMERAS, _SUMS)}
    write_sealed_json(folder / _INDEX, about | texts | {"files": files})


def _write_pictures(
    folder: Path, index: SceneIndex, scenes: Sequence[ParsedScene], background: Color, progress: OnPicture | None
) -> None:
    total = len(index.c2w)
    factor = scenes[0].sizes[0][1] // index.width
    # Plain writes, not a writable memory map: on a full disk a map kills the process instead of raising.
    with (
        (folder / PICTURES_FILE).open("wb") as output,
        (folder / _SUMS).open("wb") as sums,
        closing(decode_pictures(scenes, factor, background, keep_alpha=index.keeps_alpha)) as pictures,
    ):
        for done, picture in enumerate(pictures, start=1):
            content = picture.result().tobytes()
            output.write(content)
            sums.write(hashlib.sha256(content).digest())
            if progress is not None:
                progress(done, total)


def _bytes_of(index: SceneIndex) -> int:
    return len(index.c2w) * (math.prod(index.picture_shape) + SUM_BYTES)


def _check_space(folder: Path, index: SceneIndex) -> None:
    needed = _bytes_of(index)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: the cache of decoded pictures needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB "
            "are free; choose another cache folder or a lower resolution"
        )
