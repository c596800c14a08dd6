"""The parameters that belong to single scenes, while they are trained."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from triptych.representation.planes import PlaneConfig
from triptych.training.config import Rates
from triptych.training.row_adam import RowAdam


class SceneParameters:
    """Micro planes and coefficients of many scenes, with optimiser state of their own.

    Args:
        micro: micro planes of every scene.
        coefficients: coefficients of every scene.
    """

    def __init__(self, micro: Float[Tensor, "scene 3 k k micro"], coefficients: Float[Tensor, "scene base"]) -> None:
        self.micro = RowAdam(micro)
        self.coefficients = RowAdam(coefficients)

    @classmethod
    def fresh(
        cls, config: PlaneConfig, count: int, generator: torch.Generator, device: torch.device
    ) -> "SceneParameters":
        """Random scenes for stage 1: Gaussian texels of deviation 0.1; coefficients near the mean of the bases."""
        micro = 0.1 * torch.randn((count, *config.micro_shape), generator=generator)
        bases = max(config.coefficients, 1)
        noise = torch.randn((count, config.coefficients), generator=generator)
        return cls(micro.to(device), ((1 + noise) / bases).to(device))

    @classmethod
    def started(
        cls, micro: Float[Tensor, "3 k k micro"], coefficients: Float[Tensor, " base"], count: int
    ) -> "SceneParameters":
        """Scenes that all start alike: stage 2 starts from the mean of the trained ones."""
        return cls(micro.expand(count, *micro.shape).clone(), coefficients.expand(count, *coefficients.shape).clone())

    def leaves(
        self, scenes: Int[Tensor, " chosen"]
    ) -> tuple[Float[Tensor, "chosen 3 k k micro"], Float[Tensor, "chosen base"]]:
        """Copies of some scenes' parameters that collect gradients."""
        return self.micro.leaf(scenes), self.coefficients.leaf(scenes)

    def step(
        self,
        scenes: Int[Tensor, " chosen"],
        leaves: tuple[Float[Tensor, "chosen 3 k k micro"], Float[Tensor, "chosen base"]],
        rates: Rates,
        factor: float,
    ) -> None:
        """One Adam step of these scenes, from the gradients that their leaves have collected."""
        micro, coefficients = leaves
        for rows, leaf, rate in (
            (self.micro, micro, rates.micro),
            (self.coefficients, coefficients, rates.coefficients),
        ):
            if leaf.grad is not None and rate:
                rows.step(scenes, leaf.grad, rate * factor)

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors by name, not copied."""
        parts = {"micro": self.micro, "coefficients": self.coefficients}
        return {f"{part}.{name}": tensor for part, rows in parts.items() for name, tensor in rows.state_dict().items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over a saved state of the same shape."""
        for name, tensor in self.state_dict().items():
            tensor.copy_(state[name])
