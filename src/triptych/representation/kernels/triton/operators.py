"""The operators that autograd and torch.compile see; shapes are those of the functions in ``triton/__init__.py``.

All begin with ``SceneArguments`` and end with the precision of matrix products.
"""

from typing import Any

import torch
from torch import Tensor

from triptych.representation.kernels.arguments import COUNT, SCENES, SceneArguments, gradients_like
from triptych.representation.kernels.gradients import differentiate_integral
from triptych.representation.kernels.triton.call import BLOCK, Call
from triptych.representation.kernels.triton.forward import Kept, Rendered


@torch.library.custom_op(
    "triptych::triton_integrate",
    mutates_args=(),
    schema=(
        f"({SCENES}, Tensor t_starts, Tensor t_ends, bool keep, bool deterministic, str precision) "
        "-> (Tensor, Tensor, Tensor, Tensor, Tensor)"
    ),
)
def integrate(*arguments: Any) -> tuple[Tensor, ...]:
    """Channels, opacity, depth; and, to keep for the backward pass, optical depths and blocks reached."""
    scenes, (t_starts, t_ends, keep, _, precision) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    rendered, kept = Call(scenes, precision=precision).render(t_starts, t_ends, keep=keep)
    return *rendered, *kept


@integrate.register_fake
def _empty_outputs(*arguments: Any) -> tuple[Tensor, ...]:
    planes, (t_starts, _, keep, *_) = arguments[0], arguments[COUNT:]
    rays, samples = t_starts.shape
    kept = rays if keep else 0
    return (
        planes.new_empty((rays, arguments[4].shape[0] - 1)),
        planes.new_empty(rays),
        planes.new_empty(rays),
        planes.new_empty((kept, -(-samples // BLOCK))),
        planes.new_empty(kept, dtype=torch.int32),
    )


@torch.library.custom_op(
    "triptych::triton_integrate_backward",
    mutates_args=(),
    schema=(
        f"({SCENES}, Tensor t_starts, Tensor t_ends, Tensor before, Tensor reached, "
        "Tensor channels_gradient, Tensor opacity_gradient, Tensor depth_gradient, "
        "bool mlp_gradient, bool deterministic, str precision) -> (Tensor, Tensor, Tensor, Tensor, Tensor)"
    ),
)
def _integrate_backward(*arguments: Any) -> tuple[Tensor, ...]:
    """Gradients of planes, hidden weight and bias, output weight and bias."""
    scenes, (t_starts, t_ends, before, reached, *gradients) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:-3]
    mlp_gradient, deterministic, precision = arguments[-3:]
    ray_gradients = Rendered(*(gradient.contiguous() for gradient in gradients))
    call = Call(scenes, precision=precision)
    return call.differentiate(t_starts, t_ends, Kept(before, reached), ray_gradients, mlp_gradient, deterministic)


@_integrate_backward.register_fake
def _empty_gradients(*arguments: Any) -> tuple[Tensor, ...]:
    return gradients_like(arguments, mlp_gradient=arguments[-3])


differentiate_integral(integrate, _integrate_backward)


@torch.library.custom_op(
    "triptych::triton_place_samples",
    mutates_args=(),
    schema=(
        f"({SCENES}, Tensor? occupancy, Tensor jitter, int coarse, int importance, str precision) -> (Tensor, Tensor)"
    ),
)
def place_samples(*arguments: Any) -> tuple[Tensor, Tensor]:
    """Starts and ends of the intervals."""
    scenes, (occupancy, jitter, coarse, importance, precision) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    return Call(scenes.of_density_alone(), precision=precision).place(jitter, occupancy, coarse, importance)


@place_samples.register_fake
def _empty_intervals(*arguments: Any) -> tuple[Tensor, Tensor]:
    _, jitter, coarse, importance, _ = arguments[COUNT:]
    shape = len(jitter), coarse + importance
    return jitter.new_empty(shape), jitter.new_empty(shape)


@torch.library.custom_op(
    "triptych::triton_densities",
    mutates_args=(),
    schema=f"({SCENES}, Tensor t_starts, Tensor t_ends, str precision) -> Tensor",
)
def densities(*arguments: Any) -> Tensor:
    """Density in the middle of each interval."""
    scenes, (t_starts, t_ends, precision) = SceneArguments(*arguments[:COUNT]), arguments[COUNT:]
    return Call(scenes.of_density_alone(), precision=precision).query(t_starts, t_ends, weights=False)


@densities.register_fake
def _empty_densities(*arguments: Any) -> Tensor:
    t_starts = arguments[COUNT]
    return t_starts.new_empty(t_starts.shape)
