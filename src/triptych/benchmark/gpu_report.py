"""What is measured on a GPU, and a table of it to read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from triptych.benchmark import gpu, steps
from triptych.benchmark.sizes import Sizes
from triptych.progress import Progress
from triptych.runtime import versions

_PARTS = ("placing", "forward", "with gradients")
_STEPS = ("warm-up step", "joint step", "stage-2 step")
SCENES = 100
"""As on a CPU."""


def measure(
    device: torch.device, repeats: int, progress: Progress, workloads: Mapping[str, Sizes] = gpu.WORKLOADS
) -> dict[str, Any]:
    """Errors and times of the renderer on a device, for each workload, with and without empty space left out; and
    times of whole steps."""
    first = next(iter(workloads.values()))
    progress.start("benchmark", 3 + 2 * len(workloads))
    numbers: dict[str, Any] = {"errors": gpu.errors(first, device)}
    progress.advance()
    for key, occupancy in (("seconds", False), ("seconds_skipping", True)):
        numbers[key] = {}
        for name, sizes in workloads.items():
            numbers[key][name] = gpu.times(sizes, device, repeats, occupancy=occupancy)
            progress.advance()
    numbers["steps"] = steps.steps_of_both_backends(first, SCENES, first.views // 2, repeats, device)
    progress.advance()
    numbers["options"] = gpu.options(first, device, repeats)
    numbers["peak_mb"] = gpu.peak_mb(first, device) if device.type == "cuda" else {}
    progress.advance()
    return numbers | {
        "sizes": {name: asdict(sizes) for name, sizes in workloads.items()},
        "repeats": repeats,
        "versions": versions() | {"device": gpu.device_name(device)},
    }


def as_table(numbers: dict[str, Any]) -> str:
    """All numbers as lines of text."""
    lines = [numbers["versions"]["device"]]
    for key, note in (("seconds", ""), ("seconds_skipping", ", empty space left out")):
        for name, seconds in numbers[key].items():
            lines += [f"{name}{note}", *_compared(seconds)]
    lines.append(f"whole steps, {SCENES} scenes in stage 1, two views of each in stage 2")
    lines += _compared(numbers["steps"], _STEPS)
    lines.append("latent batch with gradients, as precision and determinism vary")
    lines += [f"  {name:<30}{_time(seconds):>14}" for name, seconds in numbers["options"].items()]
    lines += [f"  {name + ', peak memory':<30}{megabytes:>11.0f} MB" for name, megabytes in numbers["peak_mb"].items()]
    lines.append("latent batch: relative error against float64 of the outputs, and of the gradients, the worst of each")
    for way, errors in numbers["errors"].items():
        outputs, gradients = list(errors.values())[:3], list(errors.values())[3:]
        lines.append(f"  {way:<30}{max(outputs):>14.1e}{max(gradients):>14.1e}")
    return "\n".join(lines)


def _compared(seconds: dict[str, float], parts: Sequence[str] = _PARTS) -> list[str]:
    lines = []
    for part in parts:
        slow, fast = seconds[f"reference {part}"], seconds[f"fused {part}"]
        lines.append(f"  {part:<18} reference {_time(slow):>9}   fused {_time(fast):>9}   {slow / fast:6.1f}x")
    graph = seconds.get("fused with gradients, graph")
    if graph is not None:
        slow = seconds["reference with gradients"]
        lines.append(f"  {'  as a CUDA graph':<18} {'':>19}   fused {_time(graph):>9}   {slow / graph:6.1f}x")
    return lines


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
