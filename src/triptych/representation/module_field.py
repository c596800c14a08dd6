"""One scene as any module: a field that is not one of triptych's own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.errors import InputError


@dataclass(frozen=True)
class ModuleField:
    """One scene whose density and channels a module tells, as a ``Field``.

    Attributes:
        module: takes points [point, 3] in [-1, 1]^3, the box, and unit directions [point, 3]; gives densities [point]
            per world unit, none of them negative, and channels [point, channel].
        aabb: the scene box.
        channels: how many it has to give.
        in_unit_range: whether channels are colors, so that a sigmoid follows.
    """

    module: nn.Module
    aabb: Float[Tensor, "2 3"]
    channels: int
    in_unit_range: bool = False
    occupancy: None = None

    @property
    def proposal(self) -> "ModuleField":
        """This field."""
        return self

    def query(
        self, points: Float[Tensor, "point 3"], directions: Float[Tensor, "point 3"], points_per_scene: Sequence[int]
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "point channel"]]:
        """See ``Field``; there is one scene.

        Raises:
            InputError: the module gives something else.
        """
        lower, upper = self.aabb
        found = self.module((points - lower) / (upper - lower) * 2 - 1, directions)
        shapes = [tuple(part.shape) if isinstance(part, Tensor) else None for part in found]
        if shapes != [(len(points),), (len(points), self.channels)]:
            raise InputError(
                f"field: {type(self.module).__name__} gives {shapes} for {len(points)} points, expected densities "
                f"[{len(points)}] and channels [{len(points)}, {self.channels}]"
            )
        density, channels = found
        return density, torch.sigmoid(channels) if self.in_unit_range else channels
