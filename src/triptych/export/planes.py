"""Tri-planes as plain arrays, ready to train a generative model of tri-planes on, and the way back to scenes."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor

from triptych.bank import Scene, scenes_from_planes
from triptych.errors import InputError
from triptych.export.left_out import LeftOut
from triptych.files import read_bytes, read_tensors, write_atomically
from triptych.model import CategoryModel

SUFFIXES = (".safetensors", ".npz")


def write_planes(path: str | Path, scenes: Mapping[str, Scene], *, normalize: bool = True) -> None:
    """Write the full tri-planes of several scenes, and what is needed to render changed ones.

    The file holds ``planes`` [scene, plane, feature, row, column] (planes XY, XZ, YZ; micro features first, then macro
    ones), ``coefficients`` [scene, base], and ``mean`` and ``std`` [feature] over all scenes, planes and texels, all in
    float32. With ``normalize`` the planes are (planes - mean) / std. The names of the scenes, the model's id, and
    whether the planes are normalized are in the metadata of a safetensors file, and in the arrays ``names``, ``model``
    and ``normalized`` of an npz file. `read_planes` makes scenes of the file, and of one with other planes.

    Args:
        path: the file, ending in .safetensors or .npz.
        scenes: scenes of one model, by name.
        normalize: give every feature mean 0 and deviation 1.

    Raises:
        InputError: the suffix is another one, or there is no scene; or some are damaged: the others are written.
    """
    path = _planes_file(path)
    left_out = LeftOut(scenes)
    chosen = list(left_out.readable())
    left_out.require_some()
    planes = torch.cat([scene.field.planes for scene in chosen]).permute(0, 1, 4, 2, 3)
    mean, std = planes.mean(dim=(0, 1, 3, 4)), planes.std(dim=(0, 1, 3, 4))
    if normalize:
        planes = (planes - mean[:, None, None]) / _scale(std)
    tensors = {
        "planes": planes.contiguous().cpu(),
        "coefficients": torch.stack([scene.coefficients for scene in chosen]).cpu(),
        "mean": mean.cpu(),
        "std": std.cpu(),
    }
    names, model = [scene.name for scene in chosen], chosen[0].model.identity()
    if path.suffix == ".safetensors":
        about = {"names": json.dumps(names), "model": model, "normalized": json.dumps(normalize)}
        content = save(tensors, metadata=about)
    else:
        buffer = io.BytesIO()
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        about = {"names": np.array(names), "model": np.array(model), "normalized": np.array(normalize)}
        np.savez(buffer, allow_pickle=False, **about, **arrays)
        content = buffer.getvalue()
    write_atomically(path, lambda file: file.write(content))
    left_out.report()


def read_planes(path: str | Path, model: CategoryModel) -> dict[str, Scene]:
    """Scenes of a file that ``write_planes`` wrote, or of one in which planes were changed or added.

    Scaling is undone where the file says that the planes are normalized. Coefficients are those whose macro planes are
    nearest to the file's (``scenes_from_planes``), so that the planes alone decide.

    Args:
        path: the file, ending in .safetensors or .npz.
        model: the category model of its scenes.

    Raises:
        InputError: the file is missing, damaged, of another model, or lacks something.
    """
    path = _planes_file(path)
    tensors, about = (_read_safetensors if path.suffix == ".safetensors" else _read_npz)(path)
    if not model.is_known_as(str(about["model"])):
        raise InputError(f"{path}: its planes belong to model {about['model']}, not to {model.identity()}")
    planes = tensors["planes"].float()
    if about["normalized"]:
        features = planes.shape[2] if planes.ndim == 5 else None
        for name in ("mean", "std"):
            if name not in tensors or list(tensors[name].shape) != [features]:
                raise InputError(f"{path}: expected {name} of {features} features, which normalized planes take")
        planes = planes * _scale(tensors["std"].float()) + tensors["mean"].float()[:, None, None]
    names = about["names"] if len(about["names"]) == len(planes) else None  # of a file with other scenes
    try:
        return scenes_from_planes(model, planes, names=names, channels_first=True, full=True)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _planes_file(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a file name that ends in {' or '.join(SUFFIXES)}")
    return path


def _scale(std: Float[Tensor, " feature"]) -> Float[Tensor, "feature 1 1"]:
    return std.clamp_min(1e-8)[:, None, None]


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, texts = read_tensors(path)
    try:
        about = {
            "model": texts["model"],
            "names": json.loads(texts["names"]),
            "normalized": json.loads(texts["normalized"]),
        }
    except (KeyError, ValueError, RecursionError):
        raise InputError(f"{path}: expected names, model and normalized in its metadata") from None
    return _checked(path, tensors, about)


def _read_npz(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    content = read_bytes(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, zipfile.BadZipFile, KeyError):
        raise InputError(f"{path}: expected arrays as `triptych export planes` writes them; it is damaged") from None
    if "normalized" not in arrays:
        raise InputError(f"{path}: it does not say whether its planes are normalized; export it again")
    about = {name: arrays.pop(name).tolist() for name in ("names", "model", "normalized") if name in arrays}
    kept = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
    return _checked(path, {name: torch.from_numpy(array) for name, array in kept.items()}, about)


def _checked(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if "planes" not in tensors or not isinstance(about.get("names"), list) or "model" not in about:
        raise InputError(f"{path}: expected planes, names and model, as `triptych export planes` writes them")
    return tensors, about
