"""How autograd differentiates the operators of a fused kernel, which ``torch.library.custom_op`` has made."""

from typing import Any

import torch
from torch import Tensor

from triptych.representation.kernels.arguments import COUNT, PARAMETER_COUNT, TENSOR_COUNT


def differentiate_integral(integrate: Any, backward: Any) -> None:
    """Make the operator of volume rendering differentiable in planes and MLP.

    Args:
        integrate: takes ``SceneArguments``, starts and ends of the intervals, whether to keep what the backward pass
            needs, and options. Returns channels, opacity, depth and what was kept.
        backward: takes ``SceneArguments``, starts, ends, what was kept, the gradients of channels, opacity and depth,
            whether the MLP needs gradients, and the same options. Returns the gradients of planes and MLP.
    """

    def save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        channels, opacity, depth, *kept = output
        t_starts, t_ends, _, *options = inputs[COUNT:]
        ctx.mark_non_differentiable(*kept)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs[:TENSOR_COUNT], t_starts, t_ends, *kept)
        ctx.constants, ctx.options = inputs[TENSOR_COUNT:COUNT], options
        ctx.output_shapes = [tensor.shape for tensor in (channels, opacity, depth)]

    def differentiate(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        tensors, kept = ctx.saved_tensors[:TENSOR_COUNT], ctx.saved_tensors[TENSOR_COUNT:]
        output_gradients = [
            tensors[0].new_zeros(shape) if gradient is None else gradient
            for gradient, shape in zip(gradients, ctx.output_shapes, strict=False)
        ]
        mlp_gradient = any(ctx.needs_input_grad[1:PARAMETER_COUNT])
        planes, *mlp = backward(*tensors, *ctx.constants, *kept, *output_gradients, mlp_gradient, *ctx.options)
        without = [None] * (len(ctx.needs_input_grad) - PARAMETER_COUNT)
        return planes, *(mlp if mlp_gradient else [None] * (PARAMETER_COUNT - 1)), *without

    integrate.register_autograd(differentiate, setup_context=save)


def differentiate_error(error: Any) -> None:
    """Make an operator differentiable that computes an error and its gradients at once.

    Args:
        error: takes ``SceneArguments`` and further arguments, returns the error and its gradients in planes and MLP;
            those of the MLP may be empty.
    """

    def save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        _, *gradients = output
        ctx.mark_non_differentiable(*gradients)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*gradients)

    def differentiate(ctx: Any, factor: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
        without = [None] * (len(ctx.needs_input_grad) - PARAMETER_COUNT)
        if factor is None:
            return *[None] * PARAMETER_COUNT, *without
        gradients = [own if need else None for need, own in zip(ctx.needs_input_grad, ctx.saved_tensors, strict=False)]
        if type(factor) is not Tensor:  # stands for a number while torch compiles
            return *(None if own is None else factor * own for own in gradients), *without
        if float(factor) != 1.0:  # planes are large, and nobody else has these
            gradients = [None if own is None else own.mul_(factor) for own in gradients]
        return *gradients, *without

    error.register_autograd(differentiate, setup_context=save)


def differentiate_variation(variation: Any, backward: Any) -> None:
    """Tell torch the shapes and the gradient of the total variation of planes.

    Args:
        variation: takes planes, returns a number.
        backward: takes planes and the gradient of that number, returns the gradient of the planes.
    """

    def save(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    def differentiate(ctx: Any, gradient: Tensor) -> Tensor:
        (planes,) = ctx.saved_tensors
        return backward(planes, gradient)

    variation.register_fake(lambda planes: planes.new_empty(()))
    backward.register_fake(lambda planes, gradient: torch.empty_like(planes, memory_format=torch.contiguous_format))
    variation.register_autograd(differentiate, setup_context=save)
