"""Banks as versions 1 and 2 wrote them, a zarr folder per scene."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from triptych.bank import StoredScene
from triptych.files import folder_name, folder_sums, write_json, write_sealed_json
from triptych.model import CategoryModel


def write_old_bank(folder: Path, model: CategoryModel, scenes: Mapping[str, StoredScene], version: int = 2) -> Path:
    """A bank in half precision; one of version 1 has no checksums."""
    document = {
        "format": "triptych-bank",
        "version": version,
        "model_id": model.identity(),
        "planes": asdict(model.config.planes),
        "precision": "float16",
        "aabb": model.aabb.tolist(),
    }
    (write_json if version == 1 else write_sealed_json)(folder / "bank.json", document)
    for name, scene in scenes.items():
        _write_scene(folder / "scenes" / folder_name(name), name, scene, sealed=version > 1)
    return folder


def _write_scene(folder: Path, name: str, scene: StoredScene, *, sealed: bool) -> None:
    import zarr

    arrays = {"micro": scene.micro.numpy().astype(np.float16), "coefficients": scene.coefficients.numpy()}
    about: dict[str, Any] = {"fingerprint": scene.fingerprint, "record": dict(scene.record)}
    folder.mkdir(parents=True)
    group = zarr.create_group(folder, zarr_format=3)
    for key, array in arrays.items():
        group.create_array(key, data=array, chunks=array.shape, config={"write_empty_chunks": True})
    if sealed:
        about["name"] = name
        shapes = {key: [array.dtype.name, list(array.shape)] for key, array in sorted(arrays.items())}
        content = json.dumps([about, shapes], sort_keys=True, separators=(",", ":")).encode()
        numbers = b"".join(array.tobytes() for _, array in sorted(arrays.items()))
        about["sha256"] = hashlib.sha256(content + numbers).hexdigest()
    group.attrs.update(about)
    if sealed:
        write_sealed_json(folder / "sums.json", {"files": folder_sums(folder)})
