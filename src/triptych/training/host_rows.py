"""Rows of scenes in the host's memory while a GPU computes: for more scenes than the GPU has room for."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from triptych.runtime import free_memory, sent
from triptych.training.move import MOMENTUM
from triptych.training.row_adam import RowAdam

_SHARE = 0.5
"""Of the memory that a GPU has free."""


def are_kept_by_host(size: int, device: torch.device) -> bool:
    """Whether parameters and moments of so many bytes are better kept in the host's memory than on this device."""
    return device.type == "cuda" and size > _SHARE * free_memory(device)


class HostRows:
    """Rows and their Adam state on the CPU; those of a step go to the device, by way of pinned memory, and come back.

    Args:
        rows: all of them, on the CPU.
        device: what computes.
    """

    def __init__(self, rows: RowAdam, device: torch.device) -> None:
        self._rows = rows
        self._device = device

    @property
    def values(self) -> Float[Tensor, "row *shape"]:
        """The parameters, on the CPU."""
        return self._rows.values

    def leaf(self, rows: Int[Tensor, " chosen"]) -> Float[Tensor, "chosen *shape"]:
        """A copy of some rows, on the device, that collects their gradient."""
        return sent(self.values[rows], self._device).requires_grad_()

    def step(
        self,
        rows: Int[Tensor, " chosen"],
        gradient: Float[Tensor, "chosen *shape"],
        rate: float | Float[Tensor, ""],
        momentum: float = MOMENTUM,
    ) -> None:
        """One Adam step on distinct rows, taken on the device."""
        everything = self.state_dict()
        part = type(self._rows)(sent(self.values[rows], self._device))
        here = part.state_dict()
        for name, tensor in here.items():
            if name != "values":
                tensor.copy_(sent(everything[name][rows], self._device))
        part.step(torch.arange(len(rows)), gradient, rate, momentum)
        for name, tensor in here.items():
            everything[name][rows] = tensor.cpu()

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors by name, on the CPU, not copied."""
        return self._rows.state_dict()
