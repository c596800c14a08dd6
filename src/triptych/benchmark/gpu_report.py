"""What is measured on a GPU beside all else, and a table of it to read."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from triptych.benchmark import gpu
from triptych.benchmark.report import megabytes_text, time_text
from triptych.benchmark.sizes import Sizes
from triptych.progress import Progress


def measure(
    device: torch.device, repeats: int, progress: Progress, workloads: Mapping[str, Sizes] = gpu.WORKLOADS
) -> dict[str, Any]:
    """Errors and times of the renderer on a device, for each workload, with and without empty space left out."""
    first = next(iter(workloads.values()))
    progress.start("the GPU", 2 + 2 * len(workloads))
    numbers: dict[str, Any] = {"errors": gpu.errors(first, device)}
    progress.advance()
    for key, occupancy in (("seconds", False), ("seconds_skipping", True)):
        numbers[key] = {}
        for name, sizes in workloads.items():
            numbers[key][name] = gpu.times(sizes, device, repeats, occupancy=occupancy)
            progress.advance()
    numbers["options"] = gpu.options(first, device, repeats)
    numbers["peak_mb"] = gpu.peak_mb(first, device)
    progress.advance()
    return numbers | {"sizes": {name: asdict(sizes) for name, sizes in workloads.items()}, "repeats": repeats}


def as_table(numbers: dict[str, Any]) -> str:
    """All numbers as lines of text."""
    lines = []
    for key, note in (("seconds", ""), ("seconds_skipping", ", empty space left out")):
        for name, seconds in numbers[key].items():
            lines += [f"{name}{note}", *_compared(seconds)]
    lines.append("latent batch, forward + backward, as precision and determinism vary")
    lines += [f"  {name:<30}{time_text(seconds):>14}" for name, seconds in numbers["options"].items()]
    for name, megabytes in numbers["peak_mb"].items():
        lines.append(f"  {name + ', peak memory':<30}{megabytes_text(megabytes):>14}")
    lines.append("latent batch: relative error against float64 of the outputs, and of the gradients, the worst of each")
    for way, errors in numbers["errors"].items():
        outputs, gradients = list(errors.values())[:3], list(errors.values())[3:]
        lines.append(f"  {way:<30}{max(outputs):>14.1e}{max(gradients):>14.1e}")
    return "\n".join(lines)


def _compared(seconds: dict[str, float]) -> list[str]:
    lines = []
    for part in gpu.PARTS:
        slow, fast = seconds[f"reference {part}"], seconds[f"fused {part}"]
        lines.append(f"  {part:<18} reference {time_text(slow):>9}   fused {time_text(fast):>9}   {slow / fast:6.1f}x")
    graph = seconds.get("fused as a CUDA graph")
    if graph is not None:
        slow = seconds["reference forward + backward"]
        lines.append(f"  {'  as a CUDA graph':<18} {'':>19}   fused {time_text(graph):>9}   {slow / graph:6.1f}x")
    return lines
