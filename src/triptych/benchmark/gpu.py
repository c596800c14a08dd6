"""What is measured on a GPU beside all else: its errors, and what pictures, precision and CUDA graphs cost there.

Scenes are random and half transparent, so that every sample counts, as at the start of a training. With empty space
left out, what is occupied is a ball in the middle of the box.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from triptych.benchmark.measure import peak_extra_mb, time_in_turn
from triptych.benchmark.sizes import Sizes
from triptych.benchmark.workload import Workload, backends, calls_of, make_workload
from triptych.geometry import Intervals
from triptych.representation import kernels
from triptych.training.captured import Recording

PARTS = ("placing", "forward", "forward + backward")
"""What is timed of each backend."""
WORKLOADS: Mapping[str, Sizes] = {
    "latent batch, 32 views of 16x16": Sizes(),
    "joint batch, four rays a latent pixel": Sizes(side=32),
    "RGB view of 128x128": Sizes(views=1, side=128, channels=3),
    "RGB view of 256x256": Sizes(views=1, side=256, channels=3),
}
PRECISIONS = {"float32": "highest", "TF32": "high", "bfloat16": "medium"}


def errors(sizes: Sizes, device: torch.device) -> dict[str, dict[str, float]]:
    """Relative errors against the reference in float64, of outputs and gradients, for each way to compute them."""
    work = make_workload(sizes, device)
    intervals = work.place("reference")
    names = ("channels", "opacity", "depth", "planes", "hidden weight", "hidden bias", "output weight", "output bias")
    exact = _results(work.double(), Intervals(intervals.starts.double(), intervals.ends.double()), "reference")
    fused = backends(device)["fused"]
    ways: dict[str, tuple[kernels.Backend, str, bool]] = {"reference": ("reference", "highest", False)}
    ways |= {f"fused, {name}": (fused, value, False) for name, value in PRECISIONS.items()}
    ways["fused, deterministic"] = (fused, "highest", True)
    found = {}
    for way, (backend, precision, deterministic) in ways.items():
        with settings(precision, deterministic=deterministic):
            results = _results(work, intervals, backend)
        parts = zip(names, results, exact, strict=True)
        found[way] = {name: float((result - true).norm() / true.norm()) for name, result, true in parts}
    return found


def times(sizes: Sizes, device: torch.device, repeats: int, *, occupancy: bool) -> dict[str, float]:
    """Median seconds of placing samples, of rendering and of rendering with gradients, by both backends.

    On a GPU also of the fused renderer with gradients as a CUDA graph, which leaves out the time of Python.
    """
    work = make_workload(sizes, device, occupancy=occupancy)
    calls = {}
    for name, backend in backends(device).items():
        parts = calls_of(work, work.place(backend), backend)
        calls |= {f"{name} {part}": parts[part] for part in PARTS}
    if device.type == "cuda":
        calls["fused as a CUDA graph"] = _recorded(calls["fused forward + backward"], device)
    return time_in_turn(calls, repeats, device)


def options(sizes: Sizes, device: torch.device, repeats: int) -> dict[str, float]:
    """Median seconds of the fused renderer with gradients, as its precision and its determinism vary."""
    call = _with_gradients(sizes, device, backends(device)["fused"])
    calls = {name: _in_settings(call, value) for name, value in PRECISIONS.items()}
    calls["deterministic"] = _in_settings(call, "highest", deterministic=True)
    return time_in_turn(calls, repeats, device)


def peak_mb(sizes: Sizes, device: torch.device) -> dict[str, float | None]:
    """Most MB held while rendering with gradients, above what was held before, by both backends."""
    found = {}
    for name, backend in backends(device).items():
        call = _with_gradients(sizes, device, backend)
        call()
        found[name] = peak_extra_mb(call, device)
    return found


@contextmanager
def settings(precision: str, *, deterministic: bool = False) -> Iterator[None]:
    """Torch's precision of matrix products and its determinism, for a while."""
    before = torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()
    torch.set_float32_matmul_precision(precision)
    torch.use_deterministic_algorithms(deterministic)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.use_deterministic_algorithms(before[1])


def _with_gradients(sizes: Sizes, device: torch.device, backend: kernels.Backend) -> Callable[[], object]:
    work = make_workload(sizes, device)
    return calls_of(work, work.place(backend), backend)["forward + backward"]


def _results(work: Workload, intervals: Intervals, backend: kernels.Backend) -> list[Tensor]:
    """Outputs, and gradients of their sum weighted at random."""
    integral = work.render(intervals, backend)
    outputs = [integral.channels, integral.opacity, integral.depth]
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(out.shape, generator=generator).to(out) for out in outputs]
    loss = torch.stack([(weight * out).sum() for weight, out in zip(weights, outputs, strict=True)]).sum()
    return [out.detach() for out in outputs] + list(torch.autograd.grad(loss, work.parameters))


def _recorded(call: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """The call as a CUDA graph; its kernels are compiled and loaded before."""
    for _ in range(3):
        call()
    recording = Recording(call, (), device)
    return lambda: recording(())


def _in_settings(call: Callable[[], Any], precision: str, *, deterministic: bool = False) -> Callable[[], object]:
    def with_settings() -> None:
        with settings(precision, deterministic=deterministic):
            call()

    return with_settings
