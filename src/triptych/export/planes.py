"""Tri-planes as plain arrays, ready to train a generative model of tri-planes on."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from triptych.bank import Scene
from triptych.errors import InputError
from triptych.export.left_out import LeftOut
from triptych.files import write_atomically

SUFFIXES = (".safetensors", ".npz")


def write_planes(path: Path, scenes: Mapping[str, Scene], *, normalize: bool = True) -> None:
    """Write the full tri-planes of several scenes, and what is needed to render changed ones.

    The file holds ``planes`` [scene, plane, feature, row, column] (planes XY, XZ, YZ; micro features first, then macro
    ones), ``coefficients`` [scene, base], and ``mean`` and ``std`` [feature] over all scenes, planes and texels, all in
    float32. With ``normalize`` the planes are (planes - mean) / std. The names of the scenes and the model's id are in
    the metadata of a safetensors file, and in the arrays ``names`` and ``model`` of an npz file.

    Args:
        path: the file, ending in .safetensors or .npz.
        scenes: scenes of one model, by name.
        normalize: give every feature mean 0 and deviation 1.

    Raises:
        InputError: the suffix is another one, or there is no scene; or some are damaged: the others are written.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a file name that ends in {' or '.join(SUFFIXES)}")
    left_out = LeftOut(scenes)
    chosen = list(left_out.readable())
    left_out.require_some()
    planes = torch.cat([scene.field.planes for scene in chosen]).permute(0, 1, 4, 2, 3)
    mean, std = planes.mean(dim=(0, 1, 3, 4)), planes.std(dim=(0, 1, 3, 4))
    if normalize:
        planes = (planes - mean[:, None, None]) / std.clamp_min(1e-8)[:, None, None]
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
        np.savez(buffer, allow_pickle=False, names=np.array(names), model=np.array(model), **arrays)
        content = buffer.getvalue()
    write_atomically(path, lambda file: file.write(content))
    left_out.report()
