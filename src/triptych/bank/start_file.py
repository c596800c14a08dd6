"""The mean scene in the folder of a bank whose scenes are stored as what they add to it."""

from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from triptych.bank.description import BankDescription
from triptych.bank.precision import is_compact
from triptych.errors import InputError
from triptych.files import SUM, read_tensors, write_sealed_tensors

START_FILE = "start.safetensors"


def keep_start(folder: Path, description: BankDescription, start: Float[Tensor, "3 k k micro"] | None) -> None:
    """Write the micro planes of the mean scene where the bank needs them, in half precision if that loses nothing."""
    if not is_compact(description.precision):
        return
    assert start is not None, "a compact bank needs the mean scene"
    exact = start.detach().cpu()
    half = exact.half()
    write_sealed_tensors(folder / START_FILE, {"micro": half if (half.float() == exact).all() else exact}, {})


def start_of(folder: Path, description: BankDescription) -> Float[Tensor, "3 k k micro"] | None:
    """The micro planes of the mean scene; None where the bank does not need them.

    Raises:
        InputError: the file is missing or damaged, or of other sizes.
    """
    if not is_compact(description.precision):
        return None
    path, shape = folder / START_FILE, description.planes.micro_shape
    tensors, about = read_tensors(path)
    micro = tensors.get("micro")
    if SUM not in about or micro is None or tuple(micro.shape) != shape:
        raise InputError(f"{path}: expected micro planes {list(shape)} with a checksum")
    return micro.clone().float()
