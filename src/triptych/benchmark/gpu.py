"""The renderer on a GPU, fused against reference on the same card: `triptych bench --device cuda`.

Scenes are random and half transparent, so that every sample counts, as at the start of a training. With empty space
left out, what is occupied is a ball in the middle of the box.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from triptych.benchmark.measure import synchronized, time_in_turn
from triptych.benchmark.renderer import BOX
from triptych.benchmark.sizes import Sizes
from triptych.geometry import Intervals, Rays, SceneRays, bit_grid, hemisphere_cameras
from triptych.representation import kernels
from triptych.representation.config import MLPConfig, SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels.reference import Integral
from triptych.representation.mlp import TinyMLP
from triptych.runtime import extra_memory

WORKLOADS: Mapping[str, Sizes] = {
    "latent batch, 32 views of 16x16": Sizes(),
    "joint batch, four rays a latent pixel": Sizes(side=32),
    "RGB view of 128x128": Sizes(views=1, side=128, channels=3),
    "RGB view of 256x256": Sizes(views=1, side=256, channels=3),
}
PRECISIONS = {"float32": "highest", "TF32": "high", "bfloat16": "medium"}
_BACKENDS: dict[str, kernels.Backend] = {"fused": "auto", "reference": "reference"}
_OCCUPIED_RADIUS = 0.3
"""Radius of the occupied ball, in sides of the box."""


@dataclass(frozen=True)
class Workload:
    """A batch of random scenes and rays on a device."""

    field: TriPlaneField
    rays: SceneRays
    sampling: SamplingConfig
    jitter: Tensor

    @property
    def parameters(self) -> list[Tensor]:
        """What gradients are taken of."""
        return [self.field.planes, *self.field.mlp.parameters()]

    def double(self) -> "Workload":
        """The same in float64."""
        planes = self.field.planes.detach().double().requires_grad_()
        field = replace(self.field, planes=planes, mlp=deepcopy(self.field.mlp).double(), aabb=self.field.aabb.double())
        flat = Rays(self.rays.flat.origins.double(), self.rays.flat.directions.double())
        return replace(self, field=field, rays=replace(self.rays, flat=flat))

    def place(self, backend: kernels.Backend) -> Intervals:
        """Its intervals."""
        return kernels.place_samples(self.field, self.rays, self.sampling, self.jitter, backend)

    def render(self, intervals: Intervals, backend: kernels.Backend) -> Integral:
        """What its rays gather."""
        return kernels.integrate(self.field, self.rays, intervals, backend)


def make_workload(sizes: Sizes, device: torch.device, *, occupancy: bool = False) -> Workload:
    """Random scenes of these sizes, each seen from one camera."""
    torch.manual_seed(0)
    mlp = TinyMLP(sizes.features, sizes.channels, MLPConfig()).to(device)
    planes = 0.1 * torch.randn(sizes.views, 3, sizes.resolution, sizes.resolution, sizes.features, device=device)
    bits = _ball().to(device).repeat(sizes.views, 1, 1) if occupancy else None
    rays = SceneRays.of_views(hemisphere_cameras(sizes.views, sizes.side, seed=0).rays().to(device), [1] * sizes.views)
    jitter = torch.rand(len(rays.flat.origins), 2).to(device)
    field = TriPlaneField(planes.requires_grad_(), mlp, BOX.to(device), bits)
    return Workload(field, rays, sizes.sampling(), jitter)


def errors(sizes: Sizes, device: torch.device) -> dict[str, dict[str, float]]:
    """Relative errors against the reference in float64, of outputs and gradients, for each way to compute them."""
    work = make_workload(sizes, device)
    intervals = work.place("reference")
    names = ("channels", "opacity", "depth", "planes", "hidden weight", "hidden bias", "output weight", "output bias")
    exact = _results(work.double(), Intervals(intervals.starts.double(), intervals.ends.double()), "reference")
    ways: dict[str, tuple[kernels.Backend, str, bool]] = {"reference": ("reference", "highest", False)}
    ways |= {f"fused, {name}": ("auto", value, False) for name, value in PRECISIONS.items()}
    ways["fused, deterministic"] = ("auto", "highest", True)
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
    for name, backend in _BACKENDS.items():
        for part, call in _calls(work, backend).items():
            calls[f"{name} {part}"] = call
    if device.type == "cuda":
        calls["fused with gradients, graph"] = _recorded(calls["fused with gradients"])
    return time_in_turn({name: synchronized(call, device) for name, call in calls.items()}, repeats)


def options(sizes: Sizes, device: torch.device, repeats: int) -> dict[str, float]:
    """Median seconds of the fused renderer with gradients, as its precision and its determinism vary."""
    call = _calls(make_workload(sizes, device), "auto")["with gradients"]
    calls = {name: _in_settings(call, value) for name, value in PRECISIONS.items()}
    calls["deterministic"] = _in_settings(call, "highest", deterministic=True)
    return time_in_turn({name: synchronized(call, device) for name, call in calls.items()}, repeats)


def peak_mb(sizes: Sizes, device: torch.device) -> dict[str, float]:
    """Most megabytes held on a GPU while rendering with gradients, above what was held before, by both backends."""
    work, found = make_workload(sizes, device), {}
    for name, backend in _BACKENDS.items():
        call = _calls(work, backend)["with gradients"]
        call()
        found[name] = extra_memory(call, device) / 2**20
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


def device_name(device: torch.device) -> str:
    """What a device calls itself."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def _ball() -> Tensor:
    places = (torch.arange(bit_grid.SIDE) + 0.5) / bit_grid.SIDE - 0.5
    z, y, x = torch.meshgrid(places, places, places, indexing="ij")
    return bit_grid.pack((z**2 + y**2 + x**2 < _OCCUPIED_RADIUS**2)[None])


def _calls(work: Workload, backend: kernels.Backend) -> dict[str, Callable[[], object]]:
    intervals = work.place(backend)

    def forward() -> Integral:
        with torch.no_grad():
            return work.render(intervals, backend)

    def with_gradients() -> None:
        integral = work.render(intervals, backend)
        loss = integral.channels.square().mean() + integral.opacity.square().mean()
        torch.autograd.grad(loss, work.parameters)

    return {"placing": lambda: work.place(backend), "forward": forward, "with gradients": with_gradients}


def _results(work: Workload, intervals: Intervals, backend: kernels.Backend) -> list[Tensor]:
    """Outputs, and gradients of their sum weighted at random."""
    integral = work.render(intervals, backend)
    outputs = [integral.channels, integral.opacity, integral.depth]
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(out.shape, generator=generator).to(out) for out in outputs]
    loss = torch.stack([(weight * out).sum() for weight, out in zip(weights, outputs, strict=True)]).sum()
    return [out.detach() for out in outputs] + list(torch.autograd.grad(loss, work.parameters))


def _recorded(call: Callable[[], object]) -> Callable[[], object]:
    """The call as a CUDA graph, after some turns on a stream of its own, as recording demands."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def _in_settings(call: Callable[[], Any], precision: str, *, deterministic: bool = False) -> Callable[[], object]:
    def with_settings() -> None:
        with settings(precision, deterministic=deterministic):
            call()

    return with_settings
