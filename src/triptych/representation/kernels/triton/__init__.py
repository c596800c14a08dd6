"""The GPU kernel: gather, tiny MLP and compositing fused into one pass per ray, compiled by Triton.

Agrees with ``reference`` to about 1e-6 for float32 tensors on an NVIDIA GPU. A call keeps one number per 16 samples:
the backward pass recomputes the rest. A ray ends where less than 1e-6 of the light is left, and its empty
intervals cost nothing. To autograd and torch.compile a call is one operator.

    language                                   how kernels are compiled, what they are told, elementary functions
    field                                      a block of samples: gather, tiny MLP and their transposes
    packing, placing, forward, backward        the kernels
    call, operators                            how a call runs
    variation                                  the total variation of planes

Two of torch's own settings choose between speed and exactness:

- `torch.set_float32_matmul_precision`: "highest" (the default) writes each factor as the sum of two TF32 numbers, which
  is float32 to rounding; "high" multiplies in TF32, "medium" in bfloat16. Sums are float32 in each.
- `torch.use_deterministic_algorithms`: gradients of planes are summed in 64-bit fixed point instead of float32, whose
  sums depend on the order of atomic additions. All else is deterministic anyway.

Without a GPU, Triton's interpreter runs the kernels on tensors on the CPU, slowly: set TRITON_INTERPRET=1 before the
first import, and name the backend "triton".

The functions are those of ``reference``. They raise InputError for what ``require_supported`` refuses, and for rays or
an occupancy that do not fit the field.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from triton import knobs

from triptych.errors import InputError
from triptych.geometry import Intervals, SceneRays
from triptych.representation.config import SamplingConfig
from triptych.representation.field import Field, TriPlaneField
from triptych.representation.kernels.arguments import (
    check_occupancy,
    needs_gradients,
    parameters,
    scene_arguments,
)
from triptych.representation.kernels.reference import Integral
from triptych.representation.kernels.triton import operators
from triptych.representation.kernels.triton.variation import total_variation

__all__ = ["densities", "integrate", "place_samples", "require_supported", "supports", "total_variation"]

_DEVICE = "cpu" if knobs.runtime.interpret else "cuda"
_PRECISIONS = {
    "highest": "tf32x3",
    "high": "tf32",
    "medium": "rounded to bf16" if knobs.runtime.interpret else "bf16",
}


def supports(field: Field) -> bool:
    """Whether this kernel can handle this field: tri-planes in float32 on a GPU, square ones."""
    if not isinstance(field, TriPlaneField) or field.planes.shape[2] != field.planes.shape[3]:
        return False
    tensors = *parameters(field), field.aabb
    return all(tensor.device.type == _DEVICE and tensor.dtype == torch.float32 for tensor in tensors)


def require_supported(field: Field) -> None:
    """Refuse what this kernel cannot handle.

    Raises:
        InputError: the field is not one it supports.
    """
    if not isinstance(field, TriPlaneField):
        raise InputError(f"backend triton: renders tri-planes alone, got {type(field).__name__}; use auto or reference")
    if not supports(field):
        planes = field.planes
        raise InputError(
            f"backend triton: expected float32 planes [scene, 3, K, K, feature], MLP and box on a GPU, got "
            f"{planes.dtype} {list(planes.shape)} on {planes.device}; use backend auto or reference"
        )


@torch.no_grad()
def place_samples(
    field: TriPlaneField, rays: SceneRays, sampling: SamplingConfig, jitter: Float[Tensor, "ray 2"]
) -> Intervals:
    """See ``reference.place_samples``."""
    require_supported(field)
    check_occupancy(field.occupancy, len(field.planes))
    scenes = scene_arguments(field, rays)
    counts = sampling.coarse, sampling.importance
    return Intervals(*operators.place_samples(*scenes, field.occupancy, jitter, *counts, _precision()))


def integrate(field: TriPlaneField, rays: SceneRays, intervals: Intervals) -> Integral:
    """See ``reference.integrate``; differentiable once, in planes and MLP."""
    require_supported(field)
    scenes = scene_arguments(field, rays)
    options = needs_gradients(field), torch.are_deterministic_algorithms_enabled(), _precision()
    channels, opacity, depth, _, _ = operators.integrate(*scenes, intervals.starts, intervals.ends, *options)
    return Integral(channels, opacity, depth)


@torch.no_grad()
def densities(field: TriPlaneField, rays: SceneRays, intervals: Intervals) -> Float[Tensor, "ray sample"]:
    """See ``reference.densities``; not differentiable."""
    require_supported(field)
    scenes = scene_arguments(field, rays)
    return operators.densities(*scenes, intervals.starts, intervals.ends, _precision())


@torch.compiler.assume_constant_result
def _precision() -> str:
    """Precision of matrix products; a compiled graph keeps the one it was compiled with."""
    return _PRECISIONS[torch.get_float32_matmul_precision()]
