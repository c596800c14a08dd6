"""The CPU kernel: gather, tiny MLP and compositing fused into one pass per ray, compiled by numba.

Agrees with ``reference`` to about 1e-6 for float32 tensors on the CPU, several times faster and without its
intermediate tensors: all that is kept for the backward pass are the 1 + C raw outputs of the MLP of each sample.
A ray ends where less than 1e-6 of the light is left. To autograd and torch.compile a call is one operator.

    layout, vectors, memory, functions            what the loops are made of
    products, field, intervals, placing           the loops' parts
    forward, backward                             the loops
    comparing                                     the loop that renders, compares and differentiates in one pass
    threads, job                                  how a call runs
    grid                                          densities on a grid
    variation                                     the total variation of planes
    supported, errors                             the operators, with this module
    rows                                          steps of Adam

The first call compiles the loops, for about 15 seconds; later ones, in other processes too, read them from disk.

The functions are those of ``reference``. They raise InputError for what ``require_supported`` refuses, and for rays or
an occupancy that do not fit the field.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Intervals, SceneRays
from triptych.representation.config import SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels.arguments import (
    COUNT,
    SCENES,
    SceneArguments,
    check_occupancy,
    gradients_like,
    needs_gradients,
)
from triptych.representation.kernels.cpu.errors import (
    fill_gradient,
    fills_gradient,
    fuses_comparison,
    squared_error,
)
from triptych.representation.kernels.cpu.grid import grid_densities
from triptych.representation.kernels.cpu.job import Job
from triptych.representation.kernels.cpu.layout import GROUP, PLACE, PLACE_AND_RENDER, QUERY, RENDER, round_up
from triptych.representation.kernels.cpu.supported import require_supported, supported_arguments, supports
from triptych.representation.kernels.cpu.variation import total_variation
from triptych.representation.kernels.gradients import differentiate_integral
from triptych.representation.kernels.reference import Integral

__all__ = [
    "densities",
    "fill_gradient",
    "fills_gradient",
    "fuses_comparison",
    "grid_densities",
    "integrate",
    "place_samples",
    "render",
    "require_supported",
    "squared_error",
    "supports",
    "total_variation",
]


@torch.no_grad()
def place_samples(
    field: TriPlaneField, rays: SceneRays, sampling: SamplingConfig, jitter: Float[Tensor, "ray 2"]
) -> Intervals:
    """See ``reference.place_samples``."""
    check_occupancy(field.occupancy, len(field.planes))
    scenes = supported_arguments(field, rays)
    return Intervals(*_place_samples(*scenes, field.occupancy, jitter, sampling.coarse, sampling.importance))


def integrate(field: TriPlaneField, rays: SceneRays, intervals: Intervals) -> Integral:
    """See ``reference.integrate``; differentiable once, in planes and MLP."""
    scenes = supported_arguments(field, rays)
    channels, opacity, depth, _, _ = _integrate(*scenes, intervals.starts, intervals.ends, needs_gradients(field))
    return Integral(channels, opacity, depth)


@torch.no_grad()
def render(field: TriPlaneField, rays: SceneRays, sampling: SamplingConfig, jitter: Float[Tensor, "ray 2"]) -> Integral:
    """``integrate`` in the intervals that ``place_samples`` gives, in one pass which keeps none of them; without
    importance samples, and not differentiable."""
    assert not sampling.importance
    check_occupancy(field.occupancy, len(field.planes))
    return Integral(*_render(*supported_arguments(field, rays), field.occupancy, jitter, sampling.coarse))


@torch.no_grad()
def densities(field: TriPlaneField, rays: SceneRays, intervals: Intervals) -> Float[Tensor, "ray sample"]:
    """See ``reference.densities``; not differentiable."""
    return _densities(*supported_arguments(field, rays), intervals.starts, intervals.ends)


# The operators. All begin with ``SceneArguments``; shapes are those of the functions above.


@torch.library.custom_op(
    "triptych::integrate",
    mutates_args=(),
    schema=f"({SCENES}, Tensor t_starts, Tensor t_ends, bool keep) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _integrate(*arguments: Any) -> tuple[Tensor, ...]:
    """Channels, opacity, depth; and, to keep for the backward pass, raw MLP outputs and intervals reached."""
    scenes, (t_starts, t_ends, keep) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    job = Job(scenes, samples=t_starts.shape[1])
    outputs = _empty_outputs(*arguments)
    names = ("channels", "opacity", "depth", "raw", "reached")
    job.point(t_starts=t_starts, t_ends=t_ends)
    job.point(**dict(zip(names if keep else names[:3], outputs, strict=False)))
    job.run_forward(RENDER)
    return outputs


@_integrate.register_fake
def _empty_outputs(*arguments: Any) -> tuple[Tensor, ...]:
    planes, (t_starts, _, keep) = arguments[0], arguments[COUNT:]
    rays, samples = t_starts.shape
    raw_outputs = arguments[4].shape[0]
    kept = rays if keep else 0
    return (
        planes.new_empty((rays, raw_outputs - 1)),
        planes.new_empty(rays),
        planes.new_empty(rays),
        planes.new_empty((kept, raw_outputs, round_up(samples, GROUP))),
        planes.new_empty(kept, dtype=torch.int64),
    )


@torch.library.custom_op(
    "triptych::integrate_backward",
    mutates_args=(),
    schema=(
        f"({SCENES}, Tensor t_starts, Tensor t_ends, Tensor raw, Tensor reached, Tensor channels_gradient, "
        "Tensor opacity_gradient, Tensor depth_gradient, bool mlp_gradient) "
        "-> (Tensor, Tensor, Tensor, Tensor, Tensor)"
    ),
)
def _integrate_backward(*arguments: Any) -> tuple[Tensor, ...]:
    """Gradients of planes, hidden weight and bias, output weight and bias."""
    scenes, (*tensors, mlp_gradient) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    job = Job(scenes, samples=tensors[0].shape[1])
    names = ("t_starts", "t_ends", "raw", "reached", "channels_gradient", "opacity_gradient", "depth_gradient")
    job.point(**dict(zip(names, tensors, strict=True)))
    return job.run_backward(mlp_gradient)


@_integrate_backward.register_fake
def _empty_gradients(*arguments: Any) -> tuple[Tensor, ...]:
    return gradients_like(arguments, mlp_gradient=arguments[-1])


differentiate_integral(_integrate, _integrate_backward)


@torch.library.custom_op(
    "triptych::place_samples",
    mutates_args=(),
    schema=f"({SCENES}, Tensor? occupancy, Tensor jitter, int coarse, int importance) -> (Tensor, Tensor)",
)
def _place_samples(*arguments: Any) -> tuple[Tensor, Tensor]:
    """Starts and ends of the intervals."""
    scenes, (occupancy, jitter, coarse, importance) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    job = Job(scenes.of_density_alone(), samples=coarse + importance)
    t_starts, t_ends = _empty_intervals(*arguments)
    job.point(t_starts=t_starts, t_ends=t_ends, jitter=jitter)
    if occupancy is not None:
        job.point(occupancy=occupancy)
    job.run_forward(PLACE, coarse=coarse, importance=importance)
    return t_starts, t_ends


@_place_samples.register_fake
def _empty_intervals(*arguments: Any) -> tuple[Tensor, Tensor]:
    _, jitter, coarse, importance = arguments[COUNT:]
    shape = len(jitter), coarse + importance
    return jitter.new_empty(shape), jitter.new_empty(shape)


@torch.library.custom_op(
    "triptych::render",
    mutates_args=(),
    schema=f"({SCENES}, Tensor? occupancy, Tensor jitter, int coarse) -> (Tensor, Tensor, Tensor)",
)
def _render(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Channels, opacity and depth."""
    scenes, (occupancy, jitter, coarse) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    job = Job(scenes, samples=coarse)
    channels, opacity, depth = _empty_sums(*arguments)
    job.point(channels=channels, opacity=opacity, depth=depth, jitter=jitter)
    if occupancy is not None:
        job.point(occupancy=occupancy)
    job.run_forward(PLACE_AND_RENDER, coarse=coarse)
    return channels, opacity, depth


@_render.register_fake
def _empty_sums(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    jitter, channels = arguments[COUNT + 1], arguments[4].shape[0] - 1
    return jitter.new_empty((len(jitter), channels)), jitter.new_empty(len(jitter)), jitter.new_empty(len(jitter))


@torch.library.custom_op(
    "triptych::densities", mutates_args=(), schema=f"({SCENES}, Tensor t_starts, Tensor t_ends) -> Tensor"
)
def _densities(*arguments: Any) -> Tensor:
    """Density in the middle of each interval."""
    scenes, (t_starts, t_ends) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    job = Job(scenes.of_density_alone(), samples=t_starts.shape[1])
    densities = _empty_densities(*arguments)
    job.point(t_starts=t_starts, t_ends=t_ends, densities=densities)
    job.run_forward(QUERY)
    return densities


@_densities.register_fake
def _empty_densities(*arguments: Any) -> Tensor:
    t_starts = arguments[-1]
    return t_starts.new_empty(t_starts.shape)
