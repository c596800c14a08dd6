"""Which device computes."""

from typing import Literal

import torch

from triptych.errors import InputError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def choose_device(name: DeviceName) -> torch.device:
    """The device of that name; auto takes a CUDA GPU if there is one, else the CPU.

    Raises:
        InputError: this machine or this build of torch has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available[name]:
        raise InputError(f"--device {name}: not available to this build of torch on this machine; use auto or cpu")
    return torch.device(name)
