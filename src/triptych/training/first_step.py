"""The first step of new scenes, as their category has learned it."""

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.model.first_step import ways_of
from triptych.model.modes import moved_along, slopes_along


class LearnedStep:
    """What scenes do at their first step along modes and base planes.

    Args:
        matrix: see `triptych.model.first_step`.
        modes: see `triptych.model.modes`.
    """

    def __init__(self, matrix: Float[Tensor, "slope place"], modes: Float[Tensor, "mode 3 m m micro"]) -> None:
        self._matrix, self._modes = matrix, modes

    def moves(
        self, of_micro: Float[Tensor, "scene 3 k k micro"], of_coefficients: Float[Tensor, "scene base"]
    ) -> tuple[Float[Tensor, "scene 3 k k micro"], Float[Tensor, "scene base"]]:
        """What is added to micro planes and coefficients, from their gradients."""
        slopes = torch.cat([slopes_along(self._modes, of_micro), of_coefficients], dim=1)
        along, base = ways_of(self._matrix, slopes).tensor_split([len(self._modes)], dim=1)
        return moved_along(self._modes, along, of_micro.shape[2]), base
