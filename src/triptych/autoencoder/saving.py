"""An autoencoder on disk: what it is (JSON) and its weights (safetensors). Nothing is pickled."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from triptych.autoencoder.added import AddedAutoencoder
from triptych.autoencoder.base import Autoencoder
from triptych.autoencoder.convolutional import ConvolutionalAutoencoder
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.autoencoder.own import OwnAutoencoder
from triptych.autoencoder.pretrained import DiffusersAutoencoder
from triptych.errors import InputError
from triptych.files import SUM, check_seal, file_sum, read_object, read_tensors, write_atomically, write_sealed_json

DESCRIPTION_NAME = "autoencoder.json"
WEIGHTS_NAME = "autoencoder.safetensors"
_WEIGHTS_SUM = "weights_sha256"
_KINDS: dict[str, type[Autoencoder]] = {
    family.kind: family
    for family in (
        ConvolutionalAutoencoder,
        DiffusersAutoencoder,
        IdentityAutoencoder,
        OwnAutoencoder,
        AddedAutoencoder,
    )
}


def adopt(module: nn.Module, height: int, width: int) -> Autoencoder:
    """An autoencoder of images of this size from a copy of any module with ``encode`` and ``decode``.

    Raises:
        InputError: it is no such module; see `OwnAutoencoder`.
    """
    if isinstance(module, Autoencoder) and type(module) in _KINDS.values():
        return deepcopy(module)
    return OwnAutoencoder.measured(module, height, width)


def save_autoencoder(autoencoder: Autoencoder, folder: Path) -> None:
    """Write ``autoencoder.json`` and ``autoencoder.safetensors`` into ``folder``, beside what is there."""
    weights = compact(autoencoder.state_dict())
    write_atomically(folder / WEIGHTS_NAME, lambda file: file.write(save(weights)))
    document = {_WEIGHTS_SUM: file_sum(folder / WEIGHTS_NAME), "kind": autoencoder.kind, **autoencoder.description()}
    write_sealed_json(folder / DESCRIPTION_NAME, document)


def load_autoencoder(folder: Path, own: nn.Module | None = None) -> Autoencoder:
    """Read back what `save_autoencoder` wrote, on the CPU, without the network.

    Args:
        folder: where.
        own: the module that was handed in when it was trained, if one was; a copy gets the weights.

    Raises:
        InputError: a file is missing or damaged, describes no autoencoder, or the weights are of another one.
        ModuleNeededError: it was a module of the user's own, and ``own`` is None.
    """
    path, weights_path = folder / DESCRIPTION_NAME, folder / WEIGHTS_NAME
    description = read_object(path)
    if description.get("kind") not in list(_KINDS):
        raise InputError(f"{path}: expected an object whose 'kind' is one of {', '.join(sorted(_KINDS))}")
    if check_seal(path, description, required=_WEIGHTS_SUM in description):
        if file_sum(weights_path) != description.pop(_WEIGHTS_SUM):
            raise InputError(f"{weights_path}: its bytes are not those that were written with {path.name}")
        del description[SUM]
    family = _KINDS[description.pop("kind")]
    try:
        autoencoder = _rebuilt(family, description, own)
    except InputError as error:
        raise type(error)(f"{path}: {error}") from None
    except (RuntimeError, MemoryError) as error:
        raise InputError(f"{path}: sizes that fit into no memory ({error})") from None
    weights = read_weights(weights_path)
    check_weights(weights_path, weights, autoencoder.state_dict())
    autoencoder.load_state_dict(weights)
    return autoencoder


def _rebuilt(family: type[Autoencoder], description: dict[str, Any], own: nn.Module | None) -> Autoencoder:
    if own is None:
        return family.from_description(description)
    if not issubclass(family, OwnAutoencoder):
        raise InputError(f"this autoencoder is of the kind {family.kind}, which needs no module; give none")
    return family.from_module(own, description)


def compact(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors to write, in half precision where that loses nothing: loading them gives the same numbers."""

    def smaller(tensor: Tensor) -> Tensor:
        half = tensor.half()
        exact = tensor.dtype == torch.float32 and torch.equal(half.float(), tensor)
        return (half if exact else tensor).contiguous()

    return {name: smaller(tensor) for name, tensor in tensors.items()}


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        InputError: the file is missing or is not safetensors.
    """
    return read_tensors(path)[0]


def check_weights(path: Path, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Compare names and shapes before anything is loaded.

    Raises:
        InputError: a tensor is missing, superfluous, or of another shape; the message names the first.
    """
    for name in sorted(expected.keys() | found.keys()):
        expected_shape = list(expected[name].shape) if name in expected else None
        shape = list(found[name].shape) if name in found else None
        if shape != expected_shape:
            raise InputError(
                f"{path}: tensor {name!r} has shape {shape}, expected {expected_shape} from the JSON file "
                "beside it; the two must come from the same model"
            )
