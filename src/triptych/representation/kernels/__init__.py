"""One kernel, several backends: the reference in PyTorch defines the result, the others must agree with it."""

from importlib.util import find_spec
from types import ModuleType
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.geometry import Intervals, SceneRays
from triptych.representation import planes as of_planes
from triptych.representation.config import SamplingConfig
from triptych.representation.field import Field, TriPlaneField
from triptych.representation.kernels import cpu, reference
from triptych.representation.kernels.arguments import needs_gradients
from triptych.representation.kernels.comparison import Comparison
from triptych.representation.kernels.cpu import bands
from triptych.representation.kernels.cpu import fill_gradient as fill_gradient
from triptych.representation.kernels.grids import rows_of_grid
from triptych.representation.kernels.reference import Integral

Backend = Literal["auto", "reference", "cpu", "triton"]
"""Which implementation renders: auto takes the fastest one that can handle the tensors, where they are."""

_HAS_TRITON = find_spec("triton") is not None


def place_samples(
    field: Field, rays: SceneRays, sampling: SamplingConfig, jitter: Float[Tensor, "ray 2"], backend: Backend = "auto"
) -> Intervals:
    """The intervals in which rays sample the field (see ``reference.place_samples``)."""
    return _module(backend, field).place_samples(field, rays, sampling, jitter)


def integrate(field: Field, rays: SceneRays, intervals: Intervals, backend: Backend = "auto") -> Integral:
    """Volume rendering of rays through scenes (see ``reference.integrate``)."""
    return _module(backend, field).integrate(field, rays, intervals)


def render(
    field: Field, rays: SceneRays, sampling: SamplingConfig, jitter: Float[Tensor, "ray 2"], backend: Backend = "auto"
) -> Integral:
    """Place samples and integrate, in one pass where there is one and nothing asks for gradients."""
    module = _module(backend, field)
    if module is cpu and isinstance(field, TriPlaneField) and not sampling.importance and not needs_gradients(field):
        return cpu.render(field, rays, sampling, jitter)
    return module.integrate(field, rays, module.place_samples(field, rays, sampling, jitter))


def densities(
    field: Field, rays: SceneRays, intervals: Intervals, backend: Backend = "auto"
) -> Float[Tensor, "ray sample"]:
    """Density in the middle of each interval (see ``reference.densities``)."""
    return _module(backend, field).densities(field, rays, intervals)


@torch.no_grad()
def grid_densities(field: TriPlaneField, side: int, backend: Backend = "auto") -> Float[Tensor, "scene z y x"]:
    """Density per world unit in the middle of each of the ``side``³ cells of the scene box."""
    module = _module(backend, field)
    if module is cpu:
        return cpu.grid_densities(field, side)
    densities = module.densities(field, *rows_of_grid(field.aabb, side, len(field.planes)))
    return densities.reshape(-1, side, side, side)


def total_variation(field: TriPlaneField, backend: Backend = "auto") -> Float[Tensor, ""]:
    """Total variation of all planes of a field (see ``reference.total_variation``)."""
    return _module(backend, field).total_variation(field.planes)


def along_both_axes(
    matrix: Float[Tensor, "out side"], planes: Float[Tensor, "scene 3 side side feature"]
) -> Float[Tensor, "scene 3 out out feature"]:
    """See ``triptych.representation.planes.along_both_axes``; in float32, and not differentiable on a CPU."""
    return (bands if planes.device.type == "cpu" else of_planes).along_both_axes(matrix, planes)


def squared_error(
    field: Field,
    rays: SceneRays,
    sampling: SamplingConfig,
    jitter: Float[Tensor, "ray 2"],
    comparison: Comparison,
    backend: Backend = "auto",
) -> Float[Tensor, ""]:
    """Place samples, integrate and compare (see ``Comparison.error``), in one pass where that is faster."""
    rays_per_pixel = comparison.rays_per_pixel
    if isinstance(field, TriPlaneField) and compares_in_one_pass(field, sampling, rays_per_pixel, backend):
        return cpu.squared_error(field, rays, sampling, jitter, comparison)
    module = _module(backend, field)
    intervals = module.place_samples(field, rays, sampling, jitter)
    return comparison.error(module.integrate(field, rays, intervals))


def compares_in_one_pass(
    field: TriPlaneField, sampling: SamplingConfig, rays_per_pixel: int, backend: Backend = "auto"
) -> bool:
    """Whether ``squared_error`` is more than its parts: one pass that knows the loss, for gradients of the field."""
    return _module(backend, field) is cpu and cpu.fuses_comparison(field, sampling, rays_per_pixel)


def renders_in_place(field: TriPlaneField, sampling: SamplingConfig, backend: Backend = "auto") -> bool:
    """Whether there is ``fill_gradient`` for a field, for one ray to a pixel."""
    return _module(backend, field) is cpu and cpu.fills_gradient(field, sampling)


def has_triton_for(tensor: Tensor) -> bool:
    """Whether Triton's kernels are what computes with a tensor: float32 on an NVIDIA GPU."""
    return _HAS_TRITON and tensor.is_cuda and tensor.dtype == torch.float32


def _module(backend: Backend, field: Field) -> ModuleType:
    if backend == "reference":
        return reference
    if backend == "auto":
        return _fastest(field)
    module = cpu if backend == "cpu" else _triton()
    module.require_supported(field)
    return module


def _fastest(field: Field) -> ModuleType:
    if cpu.supports(field):
        return cpu
    if isinstance(field, TriPlaneField) and has_triton_for(field.planes) and _triton().supports(field):
        return _triton()
    return reference


def _triton() -> ModuleType:
    """The kernel for GPUs, imported when it is first used: it needs Triton, which not every machine has."""
    if not _HAS_TRITON:
        raise InputError("backend triton: needs the package triton, which comes with torch for NVIDIA GPUs on Linux")
    from triptych.representation.kernels import triton

    return triton
