"""The devices that compute, and their memory."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import psutil
import torch

from triptych.errors import InputError
from triptych.runtime.config import DeviceName, Products

_FAR = {"cuda"}
"""Devices that compute by themselves while Python goes on."""
_PRECISIONS: Mapping[Products, str] = {"float32": "highest", "tf32": "high", "bfloat16": "medium"}
"""As torch calls them."""


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


def set_arithmetic(products: Products, *, deterministic: bool) -> None:
    """How the GPUs of this process compute from here on, where it has some.

    Args:
        products: what matrices are multiplied in.
        deterministic: whether the same is to give the same, bit by bit; what torch has no such way for, it warns of.
    """
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the GPU is first used
        torch.use_deterministic_algorithms(deterministic, warn_only=True)
        torch.set_float32_matmul_precision(_PRECISIONS[products])


def arithmetic(device: torch.device) -> dict[str, Any]:
    """What ``set_arithmetic`` was told, as far as it is not what torch does anyway."""
    if device.type != "cuda":
        return {}
    names = {precision: products for products, precision in _PRECISIONS.items()}
    told = {"products": names[torch.get_float32_matmul_precision()]}
    told |= {"deterministic": torch.are_deterministic_algorithms_enabled()}
    return {name: value for name, value in told.items() if value not in ("float32", False)}


def computes_by_itself(device: torch.device) -> bool:
    """Whether Python goes on while this device computes, as long as nobody waits for it."""
    return device.type in _FAR


def wait_for(device: torch.device) -> None:
    """Go on when a device has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def sent(tensor: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """A tensor on a device. On the way to a GPU it is pinned, so that nobody waits for what that is at."""
    if computes_by_itself(torch.device(device)) and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def send_into(own: torch.Tensor, tensor: torch.Tensor) -> None:
    """Copy a tensor of the CPU into one of a device; nobody waits for a GPU, as in ``sent``."""
    own.copy_(tensor.pin_memory() if computes_by_itself(own.device) else tensor, non_blocking=True)


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
    """Bytes that a device can still give, swap space included."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available + psutil.swap_memory().free


def peak_memory(device: torch.device) -> int:
    """The most bytes that this process has held so far, on a GPU or in the main memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    held = psutil.Process().memory_info()
    if sys.platform == "win32":
        return held.peak_wset
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, but bytes on macOS
    return largest if sys.platform == "darwin" else 1024 * largest


def extra_memory(work: Callable[[], object], device: torch.device) -> int:
    """The most bytes that a GPU holds while some work is done, above what it holds before."""
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    return torch.cuda.max_memory_allocated(device) - before


def start_threads() -> None:
    """Start the threads of compiled loops now, so that torch's number of threads stays what it is; see
    `thread_count_kept`."""
    import numba

    with thread_count_kept():
        numba.get_num_threads()


@contextmanager
def thread_count_kept(meanwhile: int | None = None) -> Iterator[None]:
    """Torch has as many threads afterward as before, which numba's parallel loops change when they start their own: how
    sums are cut, and so how they round, depends on it.

    Args:
        meanwhile: how many threads torch and numba have until then; None leaves them.
    """
    threads = torch.get_num_threads()
    try:
        with nullcontext() if meanwhile is None else _threads(meanwhile):
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(count)
    torch.set_num_threads(count)
    try:
        yield
    finally:
        numba.set_num_threads(before)
