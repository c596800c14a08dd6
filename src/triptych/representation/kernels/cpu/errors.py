"""The squared error of pixels and its gradients, in one pass: the operator, and the same without autograd."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import SceneRays
from triptych.representation.config import SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels.arguments import (
    COUNT,
    SCENES,
    SceneArguments,
    check_occupancy,
    gradients_like,
    parameters,
)
from triptych.representation.kernels.comparison import Comparison
from triptych.representation.kernels.cpu.job import Job
from triptych.representation.kernels.cpu.supported import supported_arguments
from triptych.representation.kernels.gradients import differentiate_error

_MOST_KEPT = 2**14
"""Most samples of a pixel that a fused comparison keeps: 12 MB with 32 features and hidden layers of 64."""


def fuses_comparison(field: TriPlaneField, sampling: SamplingConfig, rays_per_pixel: int) -> bool:
    """Whether ``squared_error`` can be computed, and is the faster way to gradients of planes."""
    return torch.is_grad_enabled() and field.planes.requires_grad and _can_be_kept(sampling, rays_per_pixel)


def fills_gradient(field: TriPlaneField, sampling: SamplingConfig) -> bool:
    """Whether there is ``fill_gradient`` for a field, for one ray to a pixel."""
    return field.planes.shape[-1] % 16 == 0 and _can_be_kept(sampling, 1)


def _can_be_kept(sampling: SamplingConfig, rays_per_pixel: int) -> bool:
    return rays_per_pixel * (sampling.coarse + sampling.importance) <= _MOST_KEPT


def squared_error(
    field: TriPlaneField,
    rays: SceneRays,
    sampling: SamplingConfig,
    jitter: Float[Tensor, "ray 2"],
    comparison: Comparison,
) -> Float[Tensor, ""]:
    """Place, integrate and compare in one pass, gradients of planes and MLP included; differentiable once, in them.

    Targets and background get no gradient.
    """
    mlp_gradient = any(tensor.requires_grad for tensor in parameters(field)[1:])
    error, *_ = _squared_error(*_compared_arguments(field, rays, sampling, jitter, comparison), mlp_gradient)
    return error


@torch.no_grad()
def fill_gradient(
    field: TriPlaneField,
    rays: SceneRays,
    sampling: SamplingConfig,
    jitter: Float[Tensor, "ray 2"],
    comparison: Comparison,
    out: Float[Tensor, "scene 3 row column feature"],
) -> None:
    """Fill ``out`` with the gradient of ``squared_error`` by the planes, without autograd; see ``fills_gradient``."""
    _compared((*_compared_arguments(field, rays, sampling, jitter, comparison), False), out)


def _compared_arguments(
    field: TriPlaneField,
    rays: SceneRays,
    sampling: SamplingConfig,
    jitter: Float[Tensor, "ray 2"],
    comparison: Comparison,
) -> tuple[Any, ...]:
    """The arguments of a comparison, but for whether the MLP needs gradients."""
    check_occupancy(field.occupancy, len(field.planes))
    return (
        *supported_arguments(field, rays),
        field.occupancy,
        jitter,
        sampling.coarse,
        sampling.importance,
        comparison.targets,
        comparison.background,
        comparison.opacities,
        comparison.opacity_weight,
        comparison.cutoff,
        comparison.rays_per_pixel,
    )


@torch.library.custom_op(
    "triptych::squared_error",
    mutates_args=(),
    schema=(
        f"({SCENES}, Tensor? occupancy, Tensor jitter, int coarse, int importance, Tensor targets, "
        "Tensor background, Tensor? opacities, float opacity_weight, float cutoff, int rays_per_pixel, "
        "bool mlp_gradient) "
        "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
    ),
)
def _squared_error(*arguments: Any) -> tuple[Tensor, ...]:
    """Mean squared error; gradients of planes, hidden weight and bias, output weight and bias."""
    return _compared(arguments)


def _compared(arguments: tuple[Any, ...], out: Tensor | None = None) -> tuple[Tensor, ...]:
    """The same; ``out`` is memory for the gradient of the planes."""
    scenes, (occupancy, jitter, coarse, importance, *rest) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    targets, background, opacities, opacity_weight, cutoff, rays_per_pixel, mlp_gradient = rest
    job = Job(scenes, samples=coarse + importance)
    errors = targets.new_empty(len(targets))
    job.point(jitter=jitter, targets=targets, background=background, errors=errors)
    if occupancy is not None:
        job.point(occupancy=occupancy)
    if opacities is not None:
        job.point(opacities=opacities)
    sizes = {"coarse": coarse, "importance": importance, "rays_per_pixel": rays_per_pixel}
    gradients = job.run_comparison(mlp_gradient, **sizes, opacity_weight=opacity_weight, cutoff=cutoff, out=out)
    return (errors.double().sum() / max(targets.numel(), 1)).float(), *gradients


@_squared_error.register_fake
def _empty_error(*arguments: Any) -> tuple[Tensor, ...]:
    return arguments[0].new_empty(()), *gradients_like(arguments, mlp_gradient=arguments[-1])


differentiate_error(_squared_error)
