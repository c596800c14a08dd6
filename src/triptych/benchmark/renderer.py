"""The renderer alone, reference against fused."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from triptych.benchmark.measure import time_in_turn
from triptych.benchmark.sizes import Sizes
from triptych.benchmark.workload import backends, calls_of, make_workload
from triptych.representation.kernels import Backend

PARTS = ("forward", "forward + backward", "L_Enc with placing")
"""What is measured of each backend."""


def fused_against_reference(sizes: Sizes, repeats: int, device: torch.device) -> dict[str, float]:
    """Median seconds of both backends: of forward, and of forward and backward, on the same samples; and of L_Enc with
    its gradients, samples placed (half of them where there is matter), rendered and compared.

    Every view is of another scene, as in stage 1, and the scenes are as at the start of a training: half transparent,
    so that every sample counts, which is the fused kernel's worst case.
    """
    calls: dict[str, Callable[[], object]] = {}
    for name, backend in backends(device).items():
        parts = _calls(sizes, backend, device)
        calls |= {f"{name} {part}": parts[part] for part in PARTS}
    return time_in_turn(calls, repeats, device)


def growth(
    sizes: Sizes, ranges: Mapping[str, tuple[int, ...]], repeats: int, device: torch.device
) -> dict[str, dict[int, float]]:
    """Median seconds of the fused renderer, forward and backward, as one size varies."""
    found, fused = {}, backends(device)["fused"]
    for name, values in ranges.items():
        varied = {str(value): replace(sizes, **{name: value}) for value in values}
        calls = {value: _calls(sizes, fused, device)["forward + backward"] for value, sizes in varied.items()}
        found[name] = {int(value): seconds for value, seconds in time_in_turn(calls, repeats, device).items()}
    return found


def _calls(sizes: Sizes, backend: Backend, device: torch.device) -> dict[str, Callable[[], object]]:
    """The parts of one backend on a batch of random scenes."""
    work = make_workload(sizes, device)
    return calls_of(work, work.evenly().place(backend), backend)
