"""Steps of new scenes along the modes of variation of their category."""

from jaxtyping import Float, Int
from torch import Tensor

from triptych.model.modes import moved_along, slopes_along
from triptych.training.row_adam import RowAdam

_MOMENTUM = 0.0
"""What Adam's running mean of the gradients keeps per step: a step is long, and any swings past the best place where
scenes differ much."""


class AlongModes:
    """How far scenes have moved along each mode, with optimizer state of their own.

    Args:
        modes: see `triptych.model.modes`.
        count: number of scenes.
    """

    def __init__(self, modes: Float[Tensor, "mode 3 m m micro"], count: int) -> None:
        self._modes = modes
        self._places = RowAdam(modes.new_zeros(count, len(modes)))

    def step(
        self,
        scenes: Int[Tensor, " chosen"],
        gradient: Float[Tensor, "chosen 3 k k micro"],
        rate: float | Float[Tensor, ""],
        scale: float = 1.0,
    ) -> Float[Tensor, "chosen 3 k k micro"]:
        """One Adam step on where scenes are along the modes: what it adds to their micro planes.

        Args:
            scenes: their numbers.
            gradient: of their micro planes.
            rate: in standard deviations of a mode.
            scale: what the gradient is multiplied by.
        """
        before = self._places.leaf(scenes).detach().clone()
        self._places.step(scenes, scale * slopes_along(self._modes, gradient), rate, _MOMENTUM)
        return moved_along(self._modes, self._places.leaf(scenes).detach() - before, gradient.shape[2])
