"""Adam over a few rows of a large array in about half the memory: fewer and shorter moments."""

import torch
from jaxtyping import BFloat16, Float, Int
from torch import Tensor

from triptych.runtime import sent
from triptych.training.move import MOMENTUM
from triptych.training.row_adam import EPSILON, SQUARES, RowAdam


class LeanRowAdam(RowAdam):
    """``RowAdam`` with its first moment in bfloat16, and one second moment for all features of a texel: the mean of
    theirs.

    The second moment stays in 32 bits: in bfloat16 it would never fall, since 0.999 of a number rounds to itself there.

    Args:
        values: as there; the last axis is that of the features.
    """

    first_moment: BFloat16[Tensor, "row *shape"]
    second_moment: Float[Tensor, "row *shape"]

    def __init__(self, values: Float[Tensor, "row *shape"]) -> None:
        self.values = values
        self.first_moment = torch.zeros_like(values, dtype=torch.bfloat16)
        self.second_moment = values.new_zeros((*values.shape[:-1], 1))
        self.steps = torch.zeros(len(values), device=values.device)

    def step(
        self,
        rows: Int[Tensor, " chosen"],
        gradient: Float[Tensor, "chosen *shape"],
        rate: float | Float[Tensor, ""],
        momentum: float = MOMENTUM,
    ) -> None:
        if gradient.numel() == 0:
            return
        rows = sent(rows, self.values.device)
        steps = self.steps[rows] + 1
        mean = self.first_moment[rows].float().lerp_(gradient, 1 - momentum)
        variance = self.second_moment[rows].lerp_(gradient.square().mean(dim=-1, keepdim=True), 1 - SQUARES)
        along = (-1, *[1] * (gradient.dim() - 1))
        scale = ((1 - SQUARES**steps).sqrt() / (1 - momentum**steps)).view(along)
        eps = EPSILON * (1 - SQUARES**steps).sqrt().view(along)
        self.values[rows] -= rate * scale * mean / (variance.sqrt() + eps)
        self.first_moment[rows] = mean.bfloat16()
        self.second_moment[rows] = variance
        self.steps[rows] = steps
