"""What computes: the device, the process and its end, the commit of this code."""

import signal
import subprocess
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn

import torch

from triptych.errors import InputError, Terminated

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


def stop_on_sigterm() -> None:
    """Let SIGTERM, by which schedulers and containers end a process, unwind this one as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def commit() -> str | None:
    """The git commit that this code was checked out from, with a + when files have changed since; None outside git."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--exclude=*", "--dirty=+"],
            cwd=here, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
