"""Adam over a few rows of a large array: what a step costs does not depend on how many scenes there are."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim.adam import adam

from triptych.representation.kernels import has_triton_for
from triptych.representation.kernels.cpu import rows as cpu_rows
from triptych.runtime import sent
from triptych.training.move import MOMENTUM, Move
from triptych.training.smoothing import gaussian

SQUARES = 0.999
"""What the running mean of the squares of gradients keeps per step (beta2)."""
EPSILON = 1e-8
"""What is added to the root of that mean."""


class RowAdam:
    """An array with one row a scene, and the Adam state of each row (Kingma and Ba 2015).

    Rows outside a batch are neither read nor written: they keep their values, moments and step counts, so that no
    stale momentum moves a scene that was not seen.

    Attributes:
        values: the parameters, [row, ...].
        first_moment: running mean of the gradients, like ``values``.
        second_moment: running mean of their squares, like ``values``.
        steps: number of steps taken by each row, [row].
    """

    def __init__(self, values: Float[Tensor, "row *shape"]) -> None:
        self.values = values
        self.first_moment = torch.zeros_like(values)
        self.second_moment = torch.zeros_like(values)
        self.steps = torch.zeros(len(values), device=values.device)

    def leaf(self, rows: Int[Tensor, " chosen"]) -> Float[Tensor, "chosen *shape"]:
        """Some rows that collect their gradient, to be read before they are stepped: a copy, or, as all of them in
        their order, the array itself."""
        if rows.device.type == "cpu" and len(rows) == len(self.values) and bool((rows.diff() == 1).all()):
            return self.values.detach().requires_grad_()
        return self.values[sent(rows, self.values.device)].requires_grad_()

    def step(
        self,
        rows: Int[Tensor, " chosen"],
        gradient: Float[Tensor, "chosen *shape"],
        rate: float | Float[Tensor, ""],
        momentum: float = MOMENTUM,
    ) -> None:
        """One Adam step on distinct rows, in place; a rate that is a tensor is where the values are."""
        if gradient[:1].numel() == 0:
            return
        if has_triton_for(self.values):
            self._step_at_once(sent(rows, self.values.device), gradient, rate, momentum)
            return
        chosen = rows.tolist()
        adam(
            [self.values[row] for row in chosen],
            list(gradient.unbind()),
            [self.first_moment[row] for row in chosen],
            [self.second_moment[row] for row in chosen],
            [],
            [self.steps[row] for row in chosen],
            fused=True,
            amsgrad=False,
            beta1=momentum,
            beta2=SQUARES,
            lr=rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )

    def step_within(
        self,
        planes: Float[Tensor, "row 3 k k feature"],
        gradient: Float[Tensor, "row 3 k k feature"],
        scale: float,
        move: Move,
    ) -> None:
        """A step of all rows, which are the first features of full planes, on a CPU and in one pass over these.

        Args:
            planes: the full planes, changed in place; see ``kernels.cpu.rows.supports``.
            gradient: of the full planes, before it is smoothed.
            scale: what the gradient is multiplied by.
            move: the rate of micro planes, momentum and smoothing are taken.
        """
        self.steps += 1
        steps = self.steps.double().numpy()
        rates, roots = move.micro / (1 - move.momentum**steps), (1 - SQUARES**steps) ** -0.5
        own = cpu_rows.Rows(self.values, self.first_moment, self.second_moment)
        weights = gaussian(self.values.shape[2], move.smoothing)
        adam = cpu_rows.Adam(scale, move.momentum, SQUARES, EPSILON, rates, roots)
        cpu_rows.step_rows(own, planes, gradient, weights, adam)

    def _step_at_once(self, rows: Tensor, gradient: Tensor, rate: float | Tensor, momentum: float) -> None:
        from triptych.representation.kernels.triton import rows as kernel  # not every machine has Triton

        own = kernel.Rows(self.values, self.first_moment, self.second_moment, self.steps)
        kernel.step_rows(own, rows, gradient, rate, (momentum, SQUARES), EPSILON)

    def state_dict(self) -> dict[str, Tensor]:
        """The array and its optimizer state, by name; the tensors are not copied."""
        return {
            "values": self.values,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "steps": self.steps,
        }
