"""An autoencoder on disk: what it is (JSON) and its weights (safetensors). Nothing is pickled."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from triptych.autoencoder.base import Autoencoder
from triptych.autoencoder.convolutional import ConvolutionalAutoencoder
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.autoencoder.pretrained import DiffusersAutoencoder
from triptych.errors import InputError
from triptych.files import read_json, write_atomically, write_json

DESCRIPTION_NAME = "autoencoder.json"
WEIGHTS_NAME = "autoencoder.safetensors"
_KINDS: dict[str, type[Autoencoder]] = {
    family.kind: family for family in (ConvolutionalAutoencoder, DiffusersAutoencoder, IdentityAutoencoder)
}


def save_autoencoder(autoencoder: Autoencoder, folder: Path) -> None:
    """Write ``autoencoder.json`` and ``autoencoder.safetensors`` into ``folder``, beside what is there."""
    weights = compact(autoencoder.state_dict())
    write_atomically(folder / WEIGHTS_NAME, lambda file: file.write(save(weights)))
    write_json(folder / DESCRIPTION_NAME, {"kind": autoencoder.kind, **autoencoder.description()})


def load_autoencoder(folder: Path) -> Autoencoder:
    """Read back what `save_autoencoder` wrote, on the CPU, without the network.

    Raises:
        InputError: a file is missing or damaged, describes no autoencoder, or the weights are of another one.
    """
    path = folder / DESCRIPTION_NAME
    description = read_json(path)
    if not isinstance(description, dict) or description.get("kind") not in _KINDS:
        raise InputError(f"{path}: expected an object whose 'kind' is one of {', '.join(sorted(_KINDS))}")
    family = _KINDS[description.pop("kind")]
    try:
        autoencoder = family.from_description(description)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    weights = read_weights(folder / WEIGHTS_NAME)
    check_weights(folder / WEIGHTS_NAME, weights, autoencoder.state_dict())
    autoencoder.load_state_dict(weights)
    return autoencoder


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
    try:
        return load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: expected a safetensors file, found an unreadable one ({error})") from None


def check_weights(path: Path, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Compare names and shapes before anything is loaded.

    Raises:
        InputError: a tensor is missing, superfluous, or of another shape; the message names the first.
    """
    for name in sorted(expected.keys() | found.keys()):
        wanted = list(expected[name].shape) if name in expected else None
        given = list(found[name].shape) if name in found else None
        if wanted != given:
            raise InputError(
                f"{path}: tensor {name!r} has shape {given}, expected {wanted} from the JSON file "
                "beside it; the two must come from the same model"
            )
