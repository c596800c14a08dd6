"""What computes: the device and its memory, the process and its end, the commit of this code."""

import os
import platform
import signal
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn

import torch

from triptych.errors import InputError, Terminated
from triptych.version import __version__

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


def require_memory(needed: Mapping[str, int], device: torch.device | None = None) -> None:
    """Refuse work that cannot fit, before it is begun.

    Args:
        needed: bytes that are surely held at the same time, by what they are for.
        device: where; None for the main memory.

    Raises:
        InputError: the device has less than that free.
    """
    free, total = free_memory(device or torch.device("cpu")), sum(needed.values())
    if total > free:
        largest = max(needed, key=lambda part: needed[part])
        raise InputError(
            f"at least {total / 2**30:,.1f} GiB of memory are needed, {needed[largest] / 2**30:,.1f} of them for "
            f"{largest}, but {free / 2**30:,.1f} GiB are free; choose smaller sizes"
        )


def free_memory(device: torch.device) -> int:
    """Bytes that a device can still give, or that it has at all where more is not known."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    listed = Path("/proc/meminfo")  # Linux alone has it
    lines = dict(line.split(":") for line in listed.read_text().splitlines()) if listed.exists() else {}
    if "MemAvailable" not in lines:
        return whole
    return sum(1024 * int(lines[part].split()[0]) for part in ("MemAvailable", "SwapFree") if part in lines)


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


def versions() -> dict[str, str]:
    """What a result depends on besides its configuration."""
    return {
        "triptych": __version__,
        "python": platform.python_version(),
        **{library: version(library) for library in ("torch", "numpy", "numba")},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
