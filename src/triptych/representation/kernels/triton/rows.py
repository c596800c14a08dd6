"""Adam on some rows of a large array, all of them in one launch.

With gradient g and step count t of a row, as ``torch.optim.Adam`` has it:

    m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
    value -= rate / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon)
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportAssignmentType=false
# Triton compiles these functions: the type checker knows constexpr arguments and literals by other names.

import math
from typing import Any, NamedTuple

import torch
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

from triptych.representation.kernels.triton.language import absorbed, compiled, power_of_two

_BLOCK = 1024
_NONE = 1e-30
"""In place of a decay of 0, whose logarithm is none."""


class Rows(NamedTuple):
    """Parameters and their Adam state, with a row each: parameters and both moments [row, ...], and steps taken [row].

    A field must not be called ``values``: to Triton that is what a tuple consists of.
    """

    parameters: Any
    first_moment: Any
    second_moment: Any
    steps: Any


def step_rows(
    rows: Rows,
    chosen: Int[Tensor, " chosen"],
    gradient: Float[Tensor, "chosen *shape"],
    rate: float | Float[Tensor, ""],
    decays: tuple[float, float],
    epsilon: float,
) -> None:
    """One Adam step on distinct rows, in place.

    Args:
        rows: contiguous, in float32.
        chosen: the rows, on the same device.
        gradient: of these rows.
        rate: Adam's step size; as a tensor on the same device it may differ each time a CUDA graph is replayed.
        decays: beta1 and beta2.
        epsilon: added to the root of the second moment.
    """
    gradient = gradient.contiguous()
    size = gradient[0].numel() if len(gradient) else 0
    if not size:
        return
    rows.steps[chosen] += 1
    rate = gradient.new_full((), rate) if isinstance(rate, float) else rate
    block = min(_BLOCK, power_of_two(size))
    logarithms = (-math.log(max(decay, _NONE)) for decay in decays)
    with torch.cuda.device_of(rows.parameters):
        _step_rows[(len(chosen), -(-size // block))](
            rows, chosen, gradient, size, rate, *decays, *logarithms, epsilon, BLOCK=block
        )


@compiled
def _step_rows(
    rows, chosen, gradient, size, rate, beta1, beta2, minus_log_beta1, minus_log_beta2, epsilon, BLOCK: tl.constexpr
):
    """A part of a chosen row. 1 - beta^t is computed from t log beta, which keeps all its digits where t is small."""
    number = tl.program_id(0).to(tl.int64)
    i = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside, row = i < size, tl.load(chosen + number).to(tl.int64)
    own = row * size + i
    steps = tl.load(rows.steps + row)
    slope = tl.load(gradient + number * size + i, inside, other=0.0)
    mean = tl.load(rows.first_moment + own, inside, other=0.0)
    square = tl.load(rows.second_moment + own, inside, other=0.0)
    mean += (1.0 - beta1) * (slope - mean)
    square += (1.0 - beta2) * (slope * slope - square)
    step = tl.load(rate) / absorbed(steps * minus_log_beta1)
    root = tl.sqrt(square) / tl.sqrt(absorbed(steps * minus_log_beta2)) + epsilon
    value = tl.load(rows.parameters + own, inside, other=0.0)
    tl.store(rows.parameters + own, value - step * (mean / root), inside)
    tl.store(rows.first_moment + own, mean, inside)
    tl.store(rows.second_moment + own, square, inside)
