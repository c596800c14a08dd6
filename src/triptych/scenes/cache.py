"""The decoded pictures of a dataset on the disk, memory-mapped, so that memory stays bounded at any size.

    <cache>/<key>/index.json            names and fingerprints of the scenes, picture size, notes
    <cache>/<key>/cameras.safetensors   poses, intrinsics, declared splits
    <cache>/<key>/pictures.npy          uint8 [row, height, width, 3], rows as in the index

The key is a digest of every file's path, size and time of change, so an edited dataset gets another entry.
Entries appear whole by a rename, and are never changed afterwards; deleting them is safe at any time.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from safetensors.numpy import load_file, save_file

from triptych.errors import InputError
from triptych.files import is_clutter, read_json, write_json
from triptych.scenes.discovery import DatasetFolder
from triptych.scenes.frames import ParsedScene
from triptych.scenes.index import SceneIndex
from triptych.scenes.pictures import SUFFIXES, read_picture

Progress = Callable[[int, int], None]
"""Called with the number of pictures decoded so far and in all."""

_LAYOUT = 2
"""Raised whenever the meaning of a cache entry changes."""
_THREADS = 2
_AHEAD = 32
"""Pictures decoded ahead of the one being written; bounds memory whatever a scene's size."""
_ABANDONED_AFTER = 24 * 3600
"""Seconds after which an unfinished entry, of a run that was killed, is removed."""


def default_cache() -> Path:
    """``triptych`` in the user's cache folder ($XDG_CACHE_HOME, or ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "triptych"


def cache_key(dataset: DatasetFolder, resolution: int | None) -> str:
    """Digest of what decides an entry: the scenes, their files' paths, sizes and times, the resolution."""
    digest = hashlib.sha256(json.dumps([_LAYOUT, str(dataset.root), resolution]).encode())
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
                status = entry.stat()
                files.append([entry.path, status.st_size, status.st_mtime_ns])
    return files


def _matters(name: str) -> bool:
    # File managers write their clutter whenever somebody looks; a hidden picture may still be a frame's.
    return not is_clutter(name) or name.lower().endswith(SUFFIXES)


def load_index(entry: Path) -> SceneIndex | None:
    """The index of a finished cache entry, or None where there is none.

    Raises:
        InputError: the entry is damaged.
    """
    if not entry.is_dir():
        return None
    try:
        about = read_json(entry / "index.json")
        tensors = load_file(entry / "cameras.safetensors")
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


def map_pictures(entry: Path, index: SceneIndex) -> UInt8[np.ndarray, "row height width 3"]:
    """Memory-map the pictures of a finished cache entry.

    Raises:
        InputError: the entry is damaged.
    """
    try:
        pictures = np.load(entry / "pictures.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{entry}: this cache entry is damaged ({error}); delete it and run again") from None
    assert pictures.shape == (len(index.c2w), index.height, index.width, 3)
    return pictures


def build_entry(
    entry: Path, index: SceneIndex, scenes: Sequence[ParsedScene], progress: Progress | None = None
) -> None:
    """Decode all pictures into a new cache entry; of several processes at once, the first to finish sets it.

    Raises:
        InputError: a picture cannot be decoded, or the cache cannot be written.
    """
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(entry.parent)
        _check_space(entry.parent, index)
        temporary = Path(tempfile.mkdtemp(dir=entry.parent, prefix=f".{entry.name}.", suffix=".tmp"))
    except OSError as error:
        raise InputError(f"{entry.parent}: the cache cannot be written ({error.strerror}); choose another") from None
    try:
        _write_index(temporary, index)
        _write_pictures(temporary / "pictures.npy", index, scenes, progress)
        # The rename fails only where another process has just set the same entry, which serves as well.
        with suppress(OSError):
            temporary.rename(entry)
        if not entry.is_dir():
            raise InputError(f"{entry}: the cache cannot be written; choose another")
    except OSError as error:
        raise InputError(f"{entry.parent}: the cache cannot be written ({error.strerror}); choose another") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_index(folder: Path, index: SceneIndex) -> None:
    tensors = {"starts": index.starts, "c2w": index.c2w, "intrinsics": index.intrinsics, "uses": index.uses}
    save_file(tensors, folder / "cameras.safetensors")
    about = {"height": index.height, "width": index.width}
    texts = {"names": index.names, "fingerprints": index.fingerprints, "notes": index.notes}
    write_json(folder / "index.json", about | texts)


def _write_pictures(file: Path, index: SceneIndex, scenes: Sequence[ParsedScene], progress: Progress | None) -> None:
    total = len(index.c2w)
    shape = (total, index.height, index.width, 3)
    factor = scenes[0].sizes[0][1] // index.width
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    # Plain writes, not a writable memory map: on a full disk a map kills the process instead of raising.
    with file.open("wb") as output, closing(decode_pictures(scenes, factor)) as pictures:
        np.lib.format.write_array_header_1_0(output, header)
        for done, picture in enumerate(pictures, start=1):
            output.write(picture.result().tobytes())
            if progress is not None:
                progress(done, total)
        output.flush()
        os.fsync(output.fileno())


def decode_pictures(
    scenes: Sequence[ParsedScene], factor: int
) -> Generator[Future[UInt8[np.ndarray, "height width 3"]], None, None]:
    """Decode the pictures of several scenes in order on a few threads, a bounded number ahead.

    Args:
        scenes: parsed scenes.
        factor: side of the squares of pixels that are averaged into one; it divides every picture's sides.

    Returns:
        One future a picture; its ``result()`` raises ``InputError`` where the picture cannot be decoded.
    """
    pending: deque[Future[UInt8[np.ndarray, "height width 3"]]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for scene in scenes:
            views = zip(scene.files, scene.masks, scene.intrinsics, scene.distortions, strict=True)
            for file, mask, intrinsics, distortion in views:
                task = pool.submit(
                    read_picture,
                    Path(file),
                    intrinsics=intrinsics,
                    distortion=distortion,
                    factor=factor,
                    mask=None if mask is None else Path(mask),
                )
                pending.append(task)
                if len(pending) > _AHEAD:
                    yield pending.popleft()
        while pending:
            yield pending.popleft()


def _check_space(folder: Path, index: SceneIndex) -> None:
    needed = len(index.c2w) * index.height * index.width * 3
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: the cache of decoded pictures needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB "
            "are free; choose another cache folder or a lower resolution"
        )


def _remove_abandoned(folder: Path) -> None:
    for leftover in folder.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER:
                shutil.rmtree(leftover)
