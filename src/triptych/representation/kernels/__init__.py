"""One kernel, several backends: the reference in PyTorch defines the result, the others must agree with it."""

from collections.abc import Sequence
from types import ModuleType
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Rays
from triptych.representation.kernels import cpu, reference
from triptych.representation.kernels.reference import Integral
from triptych.representation.mlp import TinyMLP

Backend = Literal["auto", "reference", "cpu"]
"""Which implementation renders: auto takes the fastest one that can handle the tensors."""


def integrate(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    rays: Rays,
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
    rays_per_scene: Sequence[int],
    backend: Backend = "auto",
) -> Integral:
    """Volume rendering of rays through tri-plane scenes (see ``reference.integrate``)."""
    return _module(backend, planes, mlp).integrate(planes, mlp, aabb, rays, t_starts, t_ends, rays_per_scene)


def interval_weights(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    rays: Rays,
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
    rays_per_scene: Sequence[int],
    backend: Backend = "auto",
) -> Float[Tensor, "ray sample"]:
    """Rendering weights of the intervals (see ``reference.interval_weights``)."""
    return _module(backend, planes, mlp).interval_weights(planes, mlp, aabb, rays, t_starts, t_ends, rays_per_scene)


def _module(backend: Backend, planes: Tensor, mlp: TinyMLP) -> ModuleType:
    if backend == "reference" or (backend == "auto" and not cpu.supports(planes, mlp)):
        return reference
    return cpu
