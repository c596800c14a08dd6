"""Banks of versions 1 and 2, read to be converted: a folder per scene.

    scenes/<name>/zarr.json              zarr v3 group; attributes: name, fingerprint, record, sha256
    scenes/<name>/micro/, coefficients/  its arrays, in one chunk each
    scenes/<name>/sums.json              SHA-256 of each of these files

The scene's own sum, ``sha256``, is over its name, numbers and attributes. Scenes of version 1 have no sums.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from triptych.bank.stored_scene import StoredScene
from triptych.errors import InputError
from triptych.files import (
    check_seal,
    check_sums,
    field_of,
    folder_name,
    is_clutter,
    name_of_folder,
    read_object,
)
from triptych.representation.config import PlaneConfig

SCENES = "scenes"
"""Of the folder of a bank of an earlier version: a folder per scene."""
_SUMS_FILE = "sums.json"
_GROUP_FILE = "zarr.json"
_SUM = "sha256"


def require_zarr() -> None:
    """Look whether the library is there that these folders take.

    Raises:
        InputError: it is not.
    """
    try:
        import zarr  # noqa: F401
    except ImportError:
        raise InputError('reading a bank of an earlier version needs zarr: pip install "triptych[convert]"') from None


def names_in_folders(bank: Path) -> list[str]:
    """Names of the scenes, sorted; files beside their folders are left aside, as is what file managers leave."""
    scenes = bank / SCENES
    if not scenes.is_dir():
        return []
    return sorted(_name_of(entry) for entry in scenes.iterdir() if entry.is_dir() and not is_clutter(entry.name))


def read_from_folder(bank: Path, name: str, planes: PlaneConfig) -> StoredScene:
    """Read a scene, and compare it with its checksums where it has them.

    Args:
        bank: the bank's folder.
        name: the scene's name.
        planes: sizes of the bank's planes.

    Raises:
        InputError: a file is missing or damaged, or it is another scene.
    """
    import zarr

    folder = bank / SCENES / folder_name(name)
    shapes = {"micro": planes.micro_shape, "coefficients": (planes.coefficients,)}
    with _one_reason(folder):
        sealed = _check_files(folder)
        group = zarr.open_group(folder, mode="r")
        attributes = dict(group.attrs)
        arrays = {key: _read(group, key, shape) for key, shape in shapes.items()}
        if sealed:
            _check_content(attributes, name, arrays)
        micro, coefficients = (torch.from_numpy(arrays[key].astype(np.float32)) for key in shapes)
        fingerprint = field_of(attributes, "fingerprint", str, _GROUP_FILE)
        return StoredScene(micro, coefficients, fingerprint, field_of(attributes, "record", dict, _GROUP_FILE))


def _name_of(folder: Path) -> str:
    """The name of the scene in a folder; where that cannot be told from damaged files, the folder's own."""
    name = name_of_folder(folder.name)
    if name is not None:
        return name
    with suppress(InputError):
        attributes = field_of(read_object(folder / _GROUP_FILE), "attributes", dict, folder / _GROUP_FILE)
        return field_of(attributes, "name", str, folder / _GROUP_FILE)
    return folder.name


@contextmanager
def _one_reason(folder: Path) -> Iterator[None]:
    """Whatever is wrong with a scene's folder as one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever zarr meets in damaged files of version 1
        raise InputError(f"{folder}: {' '.join(str(error).split())}") from None


def _check_files(folder: Path) -> bool:
    """Whether the folder has checksums, which then hold."""
    if _has_sums(folder, read_object(folder / _GROUP_FILE).get("attributes")):
        check_sums(folder, _read_sums(folder))
        return True
    for entry in folder.rglob("*"):
        if not entry.is_dir() and not entry.is_file():
            raise InputError(f"{entry}: expected a regular file")
    return False


def _has_sums(folder: Path, attributes: object) -> bool:
    """Whether the folder has checksums; a scene that was written with them must not have lost them."""
    if (folder / _SUMS_FILE).exists():
        return True
    if isinstance(attributes, dict) and _SUM in attributes:
        raise InputError(f"{folder / _SUMS_FILE}: no such file")
    return False


def _read_sums(folder: Path) -> dict[str, Any]:
    path = folder / _SUMS_FILE
    document = read_object(path)
    check_seal(path, document, required=True)
    return field_of(document, "files", dict, path)


def _check_content(attributes: Mapping[str, Any], name: str, arrays: Mapping[str, np.ndarray]) -> None:
    about = {key: attributes.get(key) for key in ("name", "fingerprint", "record")}
    if about["name"] != name:
        raise InputError(f"its folder holds the scene {about['name']!r}")
    if attributes.get(_SUM) != _sum_of(about, arrays):
        raise InputError("its content is not what was written (SHA-256 differs)")


def _sum_of(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a scene: JSON with sorted keys, then the numbers, little-endian, row by row; empty arrays left out."""
    kept = {key: array for key, array in sorted(arrays.items()) if array.size}
    shapes = {key: [array.dtype.name, list(array.shape)] for key, array in kept.items()}
    digest = hashlib.sha256(json.dumps([about, shapes], sort_keys=True, separators=(",", ":")).encode())
    for array in kept.values():
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _read(group: Any, key: str, shape: tuple[int, ...]) -> np.ndarray:
    if 0 in shape:
        return np.zeros(shape, np.float32)
    stored = group[key]
    if getattr(stored, "shape", None) != shape:
        raise InputError(f"{key} has shape {getattr(stored, 'shape', None)}, expected {shape}")
    if stored.nchunks_initialized != stored.nchunks:  # zarr would read zeros
        raise InputError(f"a chunk of {key} is missing")
    array = np.asarray(stored[...])
    if not np.isfinite(array).all():
        raise InputError(f"{key} holds numbers that are not finite")
    return array
