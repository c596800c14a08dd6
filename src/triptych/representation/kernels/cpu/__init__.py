"""The CPU kernel: gather, tiny MLP and compositing fused into one pass a ray, compiled by numba.

Agrees with ``reference`` to about 1e-6 for float32 tensors on the CPU, several times faster and without its
intermediate tensors: all that is kept for the backward pass are the 1 + C raw outputs of the MLP of each sample.
A ray ends where less than 1e-6 of the light is left. To autograd and torch.compile a call is one operator.

    layout, vectors, memory, functions   what the loops are made of
    field, rays                          the loops
    threads, job                         how a call runs

The first call compiles the loops, for about 15 seconds; later ones, in other processes too, read them from disk.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.geometry import Rays
from triptych.representation.kernels.cpu.job import Job
from triptych.representation.kernels.cpu.layout import GROUP, round_up
from triptych.representation.kernels.reference import Integral
from triptych.representation.mlp import TinyMLP


def supports(planes: Float[Tensor, "scene 3 row column feature"], mlp: TinyMLP) -> bool:
    """Whether this kernel can handle these tensors: float32 on the CPU, square planes."""
    tensors = _parameters(planes, mlp)
    return planes.shape[2] == planes.shape[3] and all(
        tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in tensors
    )


def integrate(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    rays: Rays,
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
    rays_per_scene: Sequence[int],
) -> Integral:
    """Volume rendering of rays through tri-plane scenes; differentiable in planes and MLP.

    See ``reference.integrate``. Not differentiable twice.

    Raises:
        InputError: the tensors are not ones this kernel supports, or rays_per_scene does not fit them.
    """
    parameters = _supported_parameters(planes, mlp)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in parameters)
    channels, opacity, depth, _, _ = _integrate(
        *parameters,
        aabb,
        rays.origins,
        rays.directions,
        t_starts,
        t_ends,
        list(rays_per_scene),
        *_constants(mlp),
        keep,
    )
    return Integral(channels, opacity, depth)


def interval_weights(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    rays: Rays,
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
    rays_per_scene: Sequence[int],
) -> Float[Tensor, "ray sample"]:
    """Rendering weights of the intervals, for importance sampling; not differentiable.

    See ``reference.interval_weights``.

    Raises:
        InputError: the tensors are not ones this kernel supports, or rays_per_scene does not fit them.
    """
    return _interval_weights(
        *_supported_parameters(planes, mlp),
        aabb,
        rays.origins,
        rays.directions,
        t_starts,
        t_ends,
        list(rays_per_scene),
        *_constants(mlp),
    )


def _parameters(planes: Tensor, mlp: TinyMLP) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    return planes, mlp.hidden.weight, mlp.hidden.bias, mlp.output.weight, mlp.output.bias


def _supported_parameters(planes: Tensor, mlp: TinyMLP) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    if not supports(planes, mlp):
        raise InputError(
            f"backend cpu: expected float32 planes [scene, 3, K, K, feature] and MLP on the CPU, got {planes.dtype} "
            f"{list(planes.shape)} on {planes.device}; use backend auto or reference"
        )
    return _parameters(planes, mlp)


def _constants(mlp: TinyMLP) -> tuple[bool, bool, float, float]:
    config = mlp.config
    relu, sigmoid = config.hidden_activation == "relu", config.channel_activation == "sigmoid"
    return relu, sigmoid, float(config.density_scale), float(config.density_shift)


# The operators. All begin with the arguments of ``Job``; shapes are those of the functions above.

_INPUTS = (
    "Tensor planes, Tensor hidden_weight, Tensor hidden_bias, Tensor output_weight, Tensor output_bias, "
    "Tensor aabb, Tensor origins, Tensor directions, Tensor t_starts, Tensor t_ends, SymInt[] rays_per_scene, "
    "bool relu, bool sigmoid, float density_scale, float density_shift"
)
_INPUT_COUNT = _INPUTS.count(",") + 1
_PARAMETER_COUNT = 5


@torch.library.custom_op(
    "triptych::integrate",
    mutates_args=(),
    schema=f"({_INPUTS}, bool keep) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _integrate(*arguments):
    """Channels, opacity, depth; and, to keep for the backward pass, raw MLP outputs and intervals reached."""
    *inputs, keep = arguments
    job = Job(*inputs)
    outputs = _empty_outputs(*arguments)
    names = ("channels", "opacity", "depth", "raw", "reached")
    job.point(**dict(zip(names if keep else names[:3], outputs, strict=False)))
    job.run_forward()
    return outputs


@_integrate.register_fake
def _empty_outputs(*arguments):
    planes, t_starts, keep = arguments[0], arguments[8], arguments[-1]
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
        f"({_INPUTS}, Tensor raw, Tensor reached, Tensor channels_gradient, Tensor opacity_gradient, "
        "Tensor depth_gradient, bool mlp_gradient) -> (Tensor, Tensor, Tensor, Tensor, Tensor)"
    ),
)
def _integrate_backward(*arguments):
    """Gradients of planes, hidden weight and bias, output weight and bias."""
    inputs, (*tensors, mlp_gradient) = arguments[:_INPUT_COUNT], arguments[_INPUT_COUNT:]
    job = Job(*inputs)
    names = ("raw", "reached", "channels_gradient", "opacity_gradient", "depth_gradient")
    job.point(**dict(zip(names, tensors, strict=True)))
    return job.run_backward(mlp_gradient)


@_integrate_backward.register_fake
def _empty_gradients(*arguments):
    planes, *mlp = arguments[:_PARAMETER_COUNT]
    mlp_gradient = arguments[-1]
    return planes.new_empty(planes.shape), *(
        parameter.new_empty(parameter.shape if mlp_gradient else 0) for parameter in mlp
    )


def _save_for_backward(ctx, inputs, output):
    channels, opacity, depth, raw, reached = output
    ctx.mark_non_differentiable(raw, reached)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs[:10], raw, reached)
    ctx.constants = inputs[10:_INPUT_COUNT]
    ctx.output_shapes = [tensor.shape for tensor in (channels, opacity, depth)]


def _differentiate(ctx, *gradients):
    *tensors, raw, reached = ctx.saved_tensors
    output_gradients = [
        raw.new_zeros(shape) if gradient is None else gradient
        for gradient, shape in zip(gradients, ctx.output_shapes, strict=False)
    ]
    mlp_gradient = any(ctx.needs_input_grad[1:_PARAMETER_COUNT])
    planes, *mlp = _integrate_backward(*tensors, *ctx.constants, raw, reached, *output_gradients, mlp_gradient)
    without = [None] * (_INPUT_COUNT + 1 - _PARAMETER_COUNT)
    return planes, *(mlp if mlp_gradient else [None] * 4), *without


_integrate.register_autograd(_differentiate, setup_context=_save_for_backward)


@torch.library.custom_op("triptych::interval_weights", mutates_args=(), schema=f"({_INPUTS}) -> Tensor")
def _interval_weights(*inputs):
    """Weights of the intervals, from the MLP's density alone."""
    planes, hidden_weight, hidden_bias, output_weight, output_bias, *rest = inputs
    job = Job(planes, hidden_weight, hidden_bias, output_weight[:1], output_bias[:1], *rest)
    weights = _empty_weights(*inputs)
    job.point(weights=weights)
    job.run_forward()
    return weights


@_interval_weights.register_fake
def _empty_weights(*inputs):
    t_starts = inputs[8]
    return t_starts.new_empty(t_starts.shape)
