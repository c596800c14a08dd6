"""Learning the first step of new scenes along modes and base planes: how scenes went that started where they do."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.data import Dataset
from triptych.data.evenly import evenly
from triptych.model import CategoryModel
from triptych.model.first_step import learned_first_step
from triptych.model.modes import overlaps_of, slopes_along, ways_along
from triptych.training.config import Stage2Config
from triptych.training.fitting import Fitting, fit_scenes
from triptych.training.loop import Steps, TrainingState
from triptych.training.step import parts_with_gradients

PHASE = "first step"
LOOKS = 2
"""At each scene's slopes, with other random pixels."""


class _Found(nn.Module):
    """What scenes have told so far; zeros of the others."""

    slopes: Float[Tensor, "scene look place"]
    ways: Float[Tensor, "scene place"]

    def __init__(self, scenes: int, places: int) -> None:
        super().__init__()
        self.register_buffer("slopes", torch.zeros(scenes, LOOKS, places))
        self.register_buffer("ways", torch.zeros(scenes, places))


class FirstStepLesson:
    """What a category model learns its first step from.

    Args:
        model: gets the first step; it has none so far.
        dataset: scenes to learn from.
        count: of so many of them, evenly chosen, at most.
        stage2: how new scenes are fitted, in as many steps as say where a scene goes.
        seed: of everything drawn.
    """

    def __init__(self, model: CategoryModel, dataset: Dataset, count: int, stage2: Stage2Config, seed: int) -> None:
        self._model, self._stage2, self._seed = model, stage2, seed
        self._scenes = dataset.subset(evenly(range(len(dataset)), count))
        self._found = _Found(len(self._scenes), model.places)
        self._overlaps = overlaps_of(model.modes, model.config.planes.resolution)

    def run(self, loop: Steps, optimizer: torch.optim.Optimizer) -> None:
        """Fit all scenes, or those that are left, and let the model have what they say.

        Args:
            loop: goes through the scenes.
            optimizer: of what has been trained before; kept as it is.
        """
        state = TrainingState({"model": self._model, "found": self._found}, optimizer)
        for step in loop.steps(PHASE, len(self._scenes), state):
            scene = self._scenes.subset([step.number])
            self._found.ways[step.number] = self._way(scene).cpu()
            for look in range(LOOKS):
                self._found.slopes[step.number, look] = self._slopes(scene, self._seed + look).cpu()
        told = self._found.slopes.flatten(1).any(dim=1)  # a callback may have ended this early
        learned = learned_first_step(self._found.slopes[told], self._found.ways[told])
        self._model.first_step = learned.to(self._model.aabb.device)

    def _way(self, scene: Dataset) -> Float[Tensor, " place"]:
        """How far a scene goes along each mode and base plane."""
        model, fitted = self._model, fit_scenes(self._model, scene, self._stage2, self._seed)
        along = ways_along(model.modes, self._overlaps, fitted.micro.values - model.start_micro)
        return torch.cat([along, fitted.coefficients.values - model.start_coefficients], dim=1)[0]

    def _slopes(self, scene: Dataset, seed: int) -> Float[Tensor, " place"]:
        """A scene's slopes along them at the start."""
        fitting = Fitting(self._model, scene, seed)
        work = fitting.begin(self._stage2.latent, self._stage2.skipping)
        (part,) = parts_with_gradients(work, 0, fitting.everyone)
        micro, coefficients = (torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in part.leaves)
        return torch.cat([slopes_along(self._model.modes, micro), coefficients], dim=1)[0]
