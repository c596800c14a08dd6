"""Times as medians of calls in turn, and peak memory."""

import ctypes
import gc
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import torch

from triptych.runtime import extra_memory, wait_for


def time_in_turn(calls: Mapping[str, Callable[[], object]], repeats: int, device: torch.device) -> dict[str, float]:
    """Median seconds until the device has done what each call asks for. The calls take turns, so that a slow moment of
    the machine hits all of them."""
    calls = {name: synchronized(call, device) for name, call in calls.items()}
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in seconds.items()}


def synchronized(call: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """A call that ends when its device has done what it asks for."""

    def finish() -> None:
        call()
        wait_for(device)

    return finish


def peak_extra_mb(call: Callable[[], object], device: torch.device) -> float | None:
    """Most memory of a device held during a call above what was held before, in MB; None on a CPU where /proc does not
    tell."""
    if device.type == "cuda":
        return extra_memory(call, device) / 2**20
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not (status.exists() and reset.exists()):
        return None
    # What earlier calls have freed must not count as held: give it back to the system.
    gc.collect()
    getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)(0)
    try:
        reset.write_text("5")  # the peak starts again from the present
    except OSError:
        return None
    before = _kilobytes(status, "VmRSS")
    call()
    return (_kilobytes(status, "VmHWM") - before) / 1024


def _kilobytes(file: Path, field: str) -> int:
    (line,) = (line for line in file.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1])
