"""One scene of a bank, and the folder that holds it.

    zarr.json                        zarr v3 group; attributes: name, fingerprint, record, sha256
    micro/, coefficients/            its arrays, in one chunk each
    sums.json                        SHA-256 of each of these files

The scene's own sum, ``sha256``, is over its name, numbers and attributes and says nothing about how they are stored; it
goes with the scene wherever it is kept. The sums of the files find damage that leaves these alone, and name the file.
Scenes of earlier versions have neither.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.files import check_seal, check_sums, field_of, folder_sums, read_object, write_sealed_json

SUMS_FILE = "sums.json"
_GROUP_FILE = "zarr.json"
_SUM = "sha256"


@dataclass(frozen=True)
class SceneAbout:
    """What a bank says about a scene, its numbers apart.

    Attributes:
        fingerprint: hash of the pictures and poses it was fitted to.
        record: JSON values about it: metrics, seconds, views, settings.
    """

    fingerprint: str
    record: Mapping[str, Any]


@dataclass(frozen=True)
class StoredScene:
    """One scene of a bank.

    Attributes:
        micro: its micro planes, channels last.
        coefficients: its coefficients of the base planes.
        fingerprint: hash of the pictures and poses it was fitted to.
        record: JSON values about it: metrics, seconds, views, settings.
    """

    micro: Float[Tensor, "3 k k micro"]
    coefficients: Float[Tensor, " base"]
    fingerprint: str
    record: Mapping[str, Any]


def write_scene(folder: Path, name: str, scene: StoredScene, precision: str) -> None:
    """Write a scene into an empty folder, micro planes rounded to ``precision``."""
    arrays = {
        "micro": scene.micro.detach().cpu().numpy().astype(precision),
        "coefficients": scene.coefficients.detach().cpu().numpy().astype(np.float32),
    }
    about = {"name": name, "fingerprint": scene.fingerprint, "record": json.loads(json.dumps(dict(scene.record)))}
    group = zarr.create_group(folder, zarr_format=3)
    for key, array in arrays.items():
        if array.size:
            group.create_array(key, data=array, chunks=array.shape, config={"write_empty_chunks": True})
    group.attrs.update(about | {_SUM: _sum_of(about, arrays)})
    write_sealed_json(folder / SUMS_FILE, {"files": folder_sums(folder)})


def read_scene(folder: Path, name: str, shapes: Mapping[str, tuple[int, ...]]) -> StoredScene:
    """Read a scene, and compare it with its checksums where it has them.

    Args:
        folder: its folder.
        name: its name.
        shapes: of ``micro`` and ``coefficients``.

    Raises:
        InputError: a file is missing or damaged, or it is another scene.
    """
    with _one_reason(folder):
        sealed = _check_files(folder)
        group = zarr.open_group(folder, mode="r")
        attributes = dict(group.attrs)
        arrays = {key: _read(group, key, shape) for key, shape in shapes.items()}
        if sealed:
            _check_content(attributes, name, arrays)
        about = _about(attributes)
    micro, coefficients = (torch.from_numpy(arrays[key].astype(np.float32)) for key in ("micro", "coefficients"))
    return StoredScene(micro, coefficients, about.fingerprint, about.record)


def read_about(folder: Path) -> SceneAbout:
    """What a scene's folder says about it; only the file that says so is read, and compared with its checksum.

    Raises:
        InputError: that file is missing or damaged.
    """
    with _one_reason(folder):
        document = read_object(folder / _GROUP_FILE)
        attributes = field_of(document, "attributes", dict, folder / _GROUP_FILE)
        if _has_sums(folder, attributes):
            sums = _read_sums(folder)
            check_sums(folder, {_GROUP_FILE: sums.get(_GROUP_FILE)})
        return _about(attributes)


@contextmanager
def _one_reason(folder: Path) -> Iterator[None]:
    """Whatever is wrong with a scene's folder as one line, with what to do about it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}; delete {folder} and fit it again") from None
    except Exception as error:  # whatever zarr meets in damaged files of earlier versions
        raise InputError(f"{folder}: {' '.join(str(error).split())}; delete it and fit it again") from None


def _about(attributes: Mapping[str, Any]) -> SceneAbout:
    fingerprint = field_of(attributes, "fingerprint", str, _GROUP_FILE)
    return SceneAbout(fingerprint, field_of(attributes, "record", dict, _GROUP_FILE))


def has_sums(folder: Path) -> bool:
    """Whether a scene was written with checksums."""
    return (folder / SUMS_FILE).exists()


def name_inside(folder: Path) -> str:
    """The name that is written in a scene's folder, which the folder's own name is too short for.

    Raises:
        InputError: it cannot be read.
    """
    attributes = field_of(read_object(folder / _GROUP_FILE), "attributes", dict, folder / _GROUP_FILE)
    return field_of(attributes, "name", str, folder / _GROUP_FILE)


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
    if has_sums(folder):
        return True
    if isinstance(attributes, dict) and _SUM in attributes:
        raise InputError(f"{folder / SUMS_FILE}: no such file")
    return False


def _read_sums(folder: Path) -> dict[str, Any]:
    path = folder / SUMS_FILE
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


def _read(group: zarr.Group, key: str, shape: tuple[int, ...]) -> np.ndarray:
    if 0 in shape:
        return np.zeros(shape, np.float32)
    stored = group[key]
    if not isinstance(stored, zarr.Array) or stored.shape != shape:
        raise InputError(f"{key} has shape {getattr(stored, 'shape', None)}, expected {shape}")
    if stored.nchunks_initialized != stored.nchunks:  # zarr would read zeros
        raise InputError(f"a chunk of {key} is missing")
    array = np.asarray(stored[...])
    if not np.isfinite(array).all():
        raise InputError(f"{key} holds numbers that are not finite")
    return array
