"""Rehearsals of stage 2: the tiny MLP learns to serve scenes that have taken a few steps alone.

Stage 1 trains it beside scenes that are all but done. Here, round after round, some scenes start anew where new ones
do, and are fitted as new ones are, but that the tiny MLP takes small steps of its own along; then the start moves
toward what they have become (Reptile: Nichol, Achiam and Schulman 2018; for coordinate networks: Tancik et al. 2021).
Base planes stay as they are.
"""

from dataclasses import replace

import torch

from triptych.bank import Scene, compare_views
from triptych.data import Dataset
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.training.config import Stage2Config
from triptych.training.fitting import Fitting, fit_scenes
from triptych.training.loop import Steps, TrainingState, seed_stream, step_generator
from triptych.training.outcome import compared_views
from triptych.training.phase import Rates
from triptych.training.rehearsing.config import Rehearsing
from triptych.training.rehearsing.first_step import FirstStepLesson
from triptych.training.schedule import Schedule
from triptych.training.step import shared_optimizer, take_step

PHASE = "rehearsal"


class Rehearsal:
    """The rounds.

    Args:
        model: whose tiny MLP and start move.
        dataset: scenes, more than are held out; these, the last, are measured instead.
        config: all settings.
        stage2: how new scenes are fitted; its first phase is rehearsed, in as many steps as ``config`` says.
        seed: of everything drawn.
    """

    def __init__(
        self, model: CategoryModel, dataset: Dataset, config: Rehearsing, stage2: Stage2Config, seed: int
    ) -> None:
        self._model, self._config, self._seed = model, config, seed
        self._phase = replace(stage2.latent, step_count=config.step_count)
        self._as_rehearsed = replace(stage2, latent=self._phase, start="mean")
        self.optimizer = shared_optimizer(model, Rates(mlp=config.mlp_rate))
        rehearsed = len(dataset) - config.held_out
        self._rehearsed = dataset.subset(range(rehearsed))
        self._held_out = [dataset.subset([scene]) for scene in range(rehearsed, len(dataset))]

    def lesson(self) -> FirstStepLesson:
        """What the model learns its first step from, after the rounds."""
        count, seed = self._config.first_step_scenes, self._seed
        return FirstStepLesson(self._model, self._rehearsed, count, self._as_rehearsed, seed)

    def run(self, loop: Steps) -> None:
        """Take all rounds, or those that are left."""
        state = TrainingState({"model": self._model}, self.optimizer)
        schedule = Schedule(self._config.rounds, final=self._config.final_factor)
        for step in loop.steps(PHASE, self._config.rounds, state):
            loss = self._take_round(step.number, schedule.factor(step.number))
            step.report({"loss": loss}, {"loss": loss})
            if step.is_one_of(self._config.measurements) and (found := self.measured()) is not None:
                step.measure(psnr=found)

    def _take_round(self, number: int, factor: float) -> float:
        """Fit some scenes, and let the model follow: the loss of their last step."""
        fitting = Fitting(self._model, self._scenes(number), self._seed + number)
        work = fitting.begin(self._phase, self._as_rehearsed.skipping, mlp_rate=factor * self._config.mlp_rate)
        work.optimizer = self.optimizer
        for step in range(self._config.step_count - 1):
            take_step(work, step, fitting.everyone)
        last = take_step(work, self._config.step_count - 1, fitting.everyone)
        share, scenes = factor * self._config.start_share, fitting.scenes
        with torch.no_grad():
            self._model.start_micro.lerp_(scenes.micro.values.mean(dim=0), share)
            self._model.start_coefficients.lerp_(scenes.coefficients.values.mean(dim=0), share)
        return float(last.total(self._phase.weights))

    def _scenes(self, number: int) -> Dataset:
        """Random scenes of as many views, which are fitted side by side."""
        data, generator = self._rehearsed, step_generator(seed_stream(self._seed), number)
        order = torch.randperm(len(data), generator=generator).tolist()
        views = [len(data.views(scene).train) for scene in order]
        alike = [scene for scene, count in zip(order, views, strict=True) if count == views[0]]
        return data.subset(sorted(alike[: self._config.scenes_per_round]))

    def measured(self) -> float | None:
        """Mean PSNR, in dB, of the scenes held out, if any, each fitted in as many steps as are rehearsed."""
        values = []
        for one in self._held_out:
            fitted = fit_scenes(self._model, one, self._as_rehearsed, self._seed)
            shown = Scene(self._model, fitted.micro.values[0], fitted.coefficients.values[0], one.names[0])
            with torch.no_grad():
                values.append(mean(compare_views(shown, one, 0, compared_views(one, 0)).psnr()))
        return mean(values) if values else None
