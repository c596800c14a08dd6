"""The operators that autograd and torch.compile see; shapes are those of the functions in ``triton/__init__.py``.

All begin with the arguments of ``Call`` and end with the precision of matrix products.
"""

import torch

from triptych.representation.kernels.arguments import (
    COUNT,
    PARAMETER_COUNT,
    SCENES,
    TENSOR_COUNT,
    gradients_like,
    of_density_alone,
)
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
def integrate(*arguments):
    """Channels, opacity, depth; and, to keep for the backward pass, optical depths and blocks reached."""
    scenes, (t_starts, t_ends, keep, _, precision) = arguments[:COUNT], arguments[COUNT:]
    rendered, kept = Call(*scenes, precision=precision).render(t_starts, t_ends, keep=keep)
    return *rendered, *kept


@integrate.register_fake
def _empty_outputs(*arguments):
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
def _integrate_backward(*arguments):
    """Gradients of planes, hidden weight and bias, output weight and bias."""
    scenes, (t_starts, t_ends, before, reached, *gradients) = arguments[:COUNT], arguments[COUNT:-3]
    mlp_gradient, deterministic, precision = arguments[-3:]
    ray_gradients = Rendered(*(gradient.contiguous() for gradient in gradients))
    call = Call(*scenes, precision=precision)
    return call.differentiate(t_starts, t_ends, Kept(before, reached), ray_gradients, mlp_gradient, deterministic)


@_integrate_backward.register_fake
def _empty_gradients(*arguments):
    return gradients_like(arguments, mlp_gradient=arguments[-3])


def _save_for_backward(ctx, inputs, output):
    channels, opacity, depth, before, reached = output
    t_starts, t_ends, _, *options = inputs[COUNT:]
    ctx.mark_non_differentiable(before, reached)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs[:TENSOR_COUNT], t_starts, t_ends, before, reached)
    ctx.constants, ctx.options = inputs[TENSOR_COUNT:COUNT], options
    ctx.output_shapes = [tensor.shape for tensor in (channels, opacity, depth)]


def _differentiate(ctx, *gradients):
    tensors, kept = ctx.saved_tensors[:TENSOR_COUNT], ctx.saved_tensors[TENSOR_COUNT:]
    output_gradients = [
        tensors[0].new_zeros(shape) if gradient is None else gradient
        for gradient, shape in zip(gradients, ctx.output_shapes, strict=False)
    ]
    mlp_gradient = any(ctx.needs_input_grad[1:PARAMETER_COUNT])
    planes, *mlp = _integrate_backward(*tensors, *ctx.constants, *kept, *output_gradients, mlp_gradient, *ctx.options)
    without = [None] * (COUNT + 5 - PARAMETER_COUNT)
    return planes, *(mlp if mlp_gradient else [None] * 4), *without


integrate.register_autograd(_differentiate, setup_context=_save_for_backward)


@torch.library.custom_op(
    "triptych::triton_place_samples",
    mutates_args=(),
    schema=(
        f"({SCENES}, Tensor? occupancy, Tensor jitter, int coarse, int importance, str precision) -> (Tensor, Tensor)"
    ),
)
def place_samples(*arguments):
    """Starts and ends of the intervals."""
    scenes, (occupancy, jitter, coarse, importance, precision) = arguments[:COUNT], arguments[COUNT:]
    return Call(*of_density_alone(scenes), precision=precision).place(jitter, occupancy, coarse, importance)


@place_samples.register_fake
def _empty_intervals(*arguments):
    _, jitter, coarse, importance, _ = arguments[COUNT:]
    shape = len(jitter), coarse + importance
    return jitter.new_empty(shape), jitter.new_empty(shape)


@torch.library.custom_op(
    "triptych::triton_densities",
    mutates_args=(),
    schema=f"({SCENES}, Tensor t_starts, Tensor t_ends, str precision) -> Tensor",
)
def densities(*arguments):
    """Density in the middle of each interval."""
    scenes, (t_starts, t_ends, precision) = arguments[:COUNT], arguments[COUNT:]
    return Call(*of_density_alone(scenes), precision=precision).query(t_starts, t_ends, weights=False)


@densities.register_fake
def _empty_densities(*arguments):
    t_starts = arguments[COUNT]
    return t_starts.new_empty(t_starts.shape)
