"""What the kernels are made of: how they are compiled, what they are told, elementary functions, matrix products.

Letters: K texels along a side of a plane, F features, H hidden units, O outputs of the MLP (density, then C channels).
A block's axes have powers of two as lengths, and at least 16 where they enter a matrix product; the rest is masked.
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportAssignmentType=false
# Triton compiles these functions: the type checker knows constexpr arguments and literals by other names.

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import triton
import triton.language as tl


def compiled(function: Callable[..., Any]) -> Any:
    """Triton's jit, of the bare function, without what a run-time type checker may have wrapped around it."""
    return triton.jit(inspect.unwrap(function))


def power_of_two(count: int, at_least: int = 1) -> int:
    """The smallest power of two that is not less."""
    return max(1 << (count - 1).bit_length(), at_least)


class Scenes(NamedTuple):
    """Tensors that all kernels read: planes [scene, 3, K, K, F], the tiny MLP [H, F], [H], [O, H], [O], the box
    [2, 3], and of each ray its origin [ray, 3], its direction [ray, 3] and the number of its scene [ray]."""

    planes: Any
    hidden_weight: Any
    hidden_bias: Any
    output_weight: Any
    output_bias: Any
    aabb: Any
    origins: Any
    directions: Any
    scene: Any


@dataclass(frozen=True)
class Sizes:
    """What a kernel is compiled for."""

    resolution: int
    features: int
    hidden: int
    outputs: int
    relu: bool
    sigmoid: bool
    density_scale: float
    density_shift: float
    precision: str
    """Operands of matrix products: ieee, tf32x3, tf32 or bf16; sums are float32. Triton's interpreter takes bf16 for
    integers (3.9); there they are rounded to it instead, and multiplied in float32."""
    block: int
    """Samples of a ray taken at a time."""

    @property
    def feature_block(self) -> int:
        """F, padded."""
        return power_of_two(self.features, 16)

    @property
    def hidden_block(self) -> int:
        """H, padded."""
        return power_of_two(self.hidden, 16)

    @property
    def output_block(self) -> int:
        """O, padded."""
        return power_of_two(self.outputs, 16)


@compiled
def dot(a, b, S: tl.constexpr):
    """Matrix product with operands in the chosen precision and sums in float32."""
    if S.precision == "bf16":
        return tl.dot(a.to(tl.bfloat16), b.to(tl.bfloat16))
    elif S.precision == "rounded to bf16":  # noqa: RET505 - Triton compiles the one branch alone
        return tl.dot(a.to(tl.bfloat16).to(tl.float32), b.to(tl.bfloat16).to(tl.float32))
    else:
        return tl.dot(a, b, input_precision=S.precision)


@compiled
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    small = tl.exp(-tl.abs(x))
    return tl.where(x > 0.0, 1.0, small) / (1.0 + small)


@compiled
def softplus(x):
    """log(1 + exp(x)), to an absolute error of 1e-7."""
    return tl.maximum(x, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(x)))


@compiled
def softplus_exact(x):
    """log(1 + exp(x)) to a relative error of a few 1e-7: what 1 + y rounds off is put back (Kahan)."""
    small = tl.exp(-tl.abs(x))
    above = 1.0 + small
    off = tl.where(above > 1.0, above - 1.0, 1.0)
    return tl.maximum(x, 0.0) + tl.where(above > 1.0, tl.log(above) * (small / off), small)


@compiled
def absorbed(x):
    """1 - exp(-x) for x >= 0, as accurate for small x as for large."""
    series = x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6)))))
    return tl.where(x < 0.25, series, 1.0 - tl.exp(-x))
