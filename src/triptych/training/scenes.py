"""The parameters that belong to single scenes, while they are trained."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int, Int32
from torch import Tensor

from triptych.geometry import bit_grid
from triptych.model.first_step import FirstStep
from triptych.model.predictor import Prediction
from triptych.representation.config import PlaneConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels import Backend
from triptych.representation.occupancy import find_occupancy
from triptych.runtime import sent
from triptych.training.along_modes import AlongModes
from triptych.training.config import Moments, SkippingConfig
from triptych.training.first_step import LearnedStep
from triptych.training.host_rows import HostRows, are_kept_by_host
from triptych.training.lean_adam import LeanRowAdam
from triptych.training.memory import of_scenes
from triptych.training.move import Move
from triptych.training.row_adam import RowAdam
from triptych.training.smoothing import gaussian, smoothed


class SceneParameters:
    """Micro planes and coefficients of many scenes, with optimizer state of their own, and their occupancies.

    Scenes are chosen by numbers that are on the CPU, as the count of their visits is: no step waits for a GPU. For
    ``leaves`` and ``step`` they may be on the device, too.

    Args:
        micro: micro planes of every scene; where they are on the CPU and all else is not, they stay there.
        coefficients: coefficients of every scene.
        occupancy: the cells in which every scene is sampled until it has an occupancy of its own.
        moments: what Adam keeps for the micro planes.
    """

    def __init__(
        self,
        micro: Float[Tensor, "scene 3 k k micro"],
        coefficients: Float[Tensor, "scene base"],
        occupancy: Int32[Tensor, "z y"],
        moments: Moments = "full",
    ) -> None:
        rows = RowAdam(micro) if moments == "full" else LeanRowAdam(micro)
        device = occupancy.device
        self.micro = rows if micro.device == device else HostRows(rows, device)
        self.coefficients = RowAdam(coefficients)
        self.occupancy = occupancy.expand(len(micro), *occupancy.shape).clone()
        self.visits = torch.zeros(len(micro), dtype=torch.int64)
        self.along: AlongModes | None = None
        self.first_step: LearnedStep | None = None

    @classmethod
    def fresh(
        cls,
        config: PlaneConfig,
        count: int,
        generator: torch.Generator,
        device: torch.device,
        moments: Moments = "full",
    ) -> "SceneParameters":
        """Random scenes for stage 1: Gaussian texels of deviation 0.1; coefficients near the mean of the bases."""
        micro, coefficients = _random(config, count, generator)
        return cls._placed(config, micro, coefficients, device, moments)

    @classmethod
    def fresh_alone(
        cls,
        config: PlaneConfig,
        generators: Sequence[torch.Generator],
        device: torch.device,
        moments: Moments = "full",
    ) -> "SceneParameters":
        """The same, each scene from a generator of its own: it does not depend on those beside it."""
        drawn = [_random(config, 1, generator) for generator in generators]
        micro, coefficients = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        return cls._placed(config, micro, coefficients, device, moments)

    @classmethod
    def _placed(
        cls, config: PlaneConfig, micro: Tensor, coefficients: Tensor, device: torch.device, moments: Moments
    ) -> "SceneParameters":
        """Scenes on a device, but for micro planes that take too much of its memory."""
        by_host = are_kept_by_host(of_scenes(config, len(micro), moments), device)
        place = micro.device if by_host else device
        return cls(micro.to(place), coefficients.to(device), bit_grid.everywhere().to(device), moments)

    @classmethod
    def started(
        cls,
        micro: Float[Tensor, "3 k k micro"],
        coefficients: Float[Tensor, " base"],
        occupancy: Int32[Tensor, "z y"],
        count: int,
    ) -> "SceneParameters":
        """Scenes that all start alike: stage 2 starts from the mean of the trained ones, where any of them was."""
        return cls(
            micro.expand(count, *micro.shape).clone(),
            coefficients.expand(count, *coefficients.shape).clone(),
            occupancy,
        )

    @classmethod
    def predicted(cls, predictions: Sequence[Prediction]) -> "SceneParameters":
        """Scenes that start where they were predicted, each sampled in the cells of its own prediction at first."""
        scenes = cls(
            torch.stack([prediction.micro for prediction in predictions]),
            torch.stack([prediction.coefficients for prediction in predictions]),
            predictions[0].occupancy,
        )
        scenes.occupancy = torch.stack([prediction.occupancy for prediction in predictions])
        return scenes

    def move_along(self, modes: Float[Tensor, "mode 3 m m micro"]) -> None:
        """Let steps go along these modes of variation, too."""
        self.along = AlongModes(modes, len(self.visits)) if len(modes) else None

    def begin_with(self, first_step: FirstStep, modes: Float[Tensor, "mode 3 m m micro"]) -> None:
        """Let the first step be as the category of these modes has learned it, if it has."""
        self.first_step = LearnedStep(first_step.matrix, modes) if first_step.is_learned else None

    def leaves(
        self, scenes: Int[Tensor, " chosen"]
    ) -> tuple[Float[Tensor, "chosen 3 k k micro"], Float[Tensor, "chosen base"]]:
        """Copies of some scenes' parameters that collect gradients."""
        return self.micro.leaf(scenes), self.coefficients.leaf(scenes)

    def due(self, scenes: Int[Tensor, " chosen"], config: SkippingConfig) -> Int[Tensor, " due"]:
        """Which of these scenes look up their empty cells at their next visit: their places among them."""
        since_first = self.visits[scenes] - config.first_update
        return ((since_first >= 0) & (since_first % config.update_every == 0)).nonzero()[:, 0]

    def skip_empty(
        self,
        field: TriPlaneField,
        scenes: Int[Tensor, " chosen"],
        config: SkippingConfig,
        backend: Backend = "auto",
    ) -> TriPlaneField:
        """The field of these scenes with the cells in which to sample it this time; each call counts as a visit.

        From time to time a scene looks up its occupancy again from its density in all cells, and is sampled everywhere
        once where the settings say so: a cell left out by mistake shows itself, and the loss can fill one that had been
        empty.
        """
        due, device = self.due(scenes, config), self.occupancy.device
        if len(due):
            self.look_up_empty(field, scenes, due, config, backend)
        self.visits[scenes] += 1
        occupancy = self.occupancy[sent(scenes, device)]
        if len(due) and config.everywhere:
            occupancy[sent(due, device)] = -1  # all bits
        return replace(field, occupancy=occupancy)

    def look_up_empty(
        self,
        field: TriPlaneField,
        scenes: Int[Tensor, " chosen"],
        due: Int[Tensor, " due"],
        config: SkippingConfig,
        backend: Backend = "auto",
    ) -> None:
        """Look up the empty cells of those of these scenes that are ``due``, from the field of all of them."""
        device = self.occupancy.device
        looked_at = replace(field, planes=field.planes.detach()[sent(due, device)])
        self.occupancy[sent(scenes[due], device)] = find_occupancy(looked_at, backend, config.empty_optical_depth)

    def step(
        self,
        scenes: Int[Tensor, " chosen"],
        leaves: tuple[Float[Tensor, "chosen 3 k k micro"], Float[Tensor, "chosen base"]],
        move: Move,
        numbers: Float[Tensor, " number"] | None = None,
    ) -> None:
        """One Adam step of these scenes, from the gradients that their leaves have collected.

        Args:
            scenes: their numbers.
            leaves: see ``leaves``.
            move: how they move.
            numbers: see ``numbers_of``, on the device; sent there if not given.
        """
        micro, coefficients = (leaf.grad for leaf in leaves)
        numbers = sent(self.numbers_of(move), self.occupancy.device) if numbers is None else numbers
        (of_micro, of_coefficients, of_modes), weights = numbers[:3], numbers[3:]
        learned = self.first_step if move.as_learned else None
        if learned is not None and micro is not None:
            slopes = self.coefficients.values.new_zeros(len(micro), 0) if coefficients is None else coefficients
            moves, ways = learned.moves(micro, slopes)
            self.micro.values[sent(scenes, self.micro.values.device)] += moves
            self.coefficients.values[sent(scenes, self.coefficients.values.device)] += ways
        elif micro is not None and move.modes and self.along is not None:
            self.micro.values[sent(scenes, self.micro.values.device)] += self.along.step(scenes, micro, of_modes)
        if micro is not None and move.micro:
            self.micro.step(scenes, smoothed(micro, weights), of_micro, move.momentum)
        if learned is None and coefficients is not None and move.coefficients:
            self.coefficients.step(scenes, coefficients, of_coefficients)

    def numbers_of(self, move: Move) -> Float[Tensor, " number"]:
        """What of a move differs from step to step, on the CPU: its three rates, then the weights of ``smoothed``."""
        rates = torch.tensor([move.micro, move.coefficients, move.modes])
        return torch.cat([rates, gaussian(self.micro.values.shape[2], move.smoothing)])

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors by name, not copied."""
        parts = {"micro": self.micro, "coefficients": self.coefficients}
        state = {f"{part}.{name}": tensor for part, rows in parts.items() for name, tensor in rows.state_dict().items()}
        return state | {"occupancy": self.occupancy, "visits": self.visits}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over a saved state of the same shape."""
        for name, tensor in self.state_dict().items():
            tensor.copy_(state[name])


def _random(
    config: PlaneConfig, count: int, generator: torch.Generator
) -> tuple[Float[Tensor, "scene 3 k k micro"], Float[Tensor, "scene base"]]:
    micro = 0.1 * torch.randn((count, *config.micro_shape), generator=generator)
    noise = torch.randn((count, config.coefficients), generator=generator)
    return micro, (1 + noise) / max(config.coefficients, 1)
