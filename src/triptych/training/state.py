"""The state of optimizers as flat, named tensors, so that checkpoints are safetensors and not pickles."""

from collections.abc import Mapping

import torch
from torch import Tensor

_PREFIX = "optimizer"


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Every tensor of an optimizer's state, named by the number of its parameter."""
    return {
        f"{_PREFIX}.{number}.{name}": value
        for number, entries in optimizer.state_dict()["state"].items()
        for name, value in entries.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Load what `flatten_optimizer` gave into an optimizer over the same parameters.

    Moments get the memory layout of their parameter again: fused Adam pairs numbers by their place in memory.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        prefix, _, rest = key.partition(".")
        if prefix == _PREFIX:
            number, name = rest.split(".")
            state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, entries in optimizer.state.items():
        for name, value in entries.items():
            if value.shape == parameter.shape:
                entries[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)
