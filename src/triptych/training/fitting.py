"""Fitting some scenes side by side while everything shared stays frozen: the inner loop of stage 2."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property

import torch

from triptych.data import Dataset
from triptych.data.evenly import evenly
from triptych.data.posed_views import Batch, PosedViews
from triptych.model import CategoryModel
from triptych.model.prediction import MOST_VIEWS, Predicting
from triptych.model.predictor import Prediction
from triptych.representation.kernels import Backend
from triptych.runtime import on_each
from triptych.training.chosen import Chosen
from triptych.training.config import SkippingConfig, Stage2Config, Start
from triptych.training.first_cells import first_cells
from triptych.training.in_place import steps_of
from triptych.training.loop import scene_stream, step_generator
from triptych.training.phase import Phase, Rates
from triptych.training.scenes import SceneParameters
from triptych.training.step import Work


def fit_scenes(
    model: CategoryModel,
    dataset: Dataset,
    config: Stage2Config,
    seed: int,
    note: Callable[[str], object] = lambda line: None,
) -> SceneParameters:
    """Fit some scenes of equally many training views side by side, with everything shared frozen; ``note`` is told what
    a user should know."""
    fitting = Fitting(model, dataset, seed, config.start, note)
    for _ in fitting.steps(config):
        pass
    return fitting.scenes


class EveryScene:
    """Each step takes the next views of every scene.

    Each scene has its own order of views and its own random samples, which follow from the seed and its content:
    whichever scenes are fitted beside it, the result is the same but for rounding.

    Attributes:
        views_per_epoch: training views of each scene.
    """

    def __init__(self, views: PosedViews, seed: int) -> None:
        self._views = views
        self._rows_of = [views.rows_of(scene) for scene in range(len(views.dataset))]
        self._streams = [scene_stream(fingerprint, seed) for fingerprint in views.dataset.fingerprints]
        self.views_per_epoch = len(self._rows_of[0])
        assert all(len(rows) == self.views_per_epoch for rows in self._rows_of)

    def choose(self, step: int, batch: int) -> Chosen:
        """The views of a step, ``batch`` of each scene."""
        size = min(batch, self.views_per_epoch)
        passes, place = divmod(step, -(-self.views_per_epoch // size))
        views = self._all_views if size == self.views_per_epoch else self._some_views(size, passes, place)
        generators = [step_generator(stream, step) for stream in self._streams]
        # The loss is a mean over the batch; a scene's own gradient must not shrink with its neighbors.
        return Chosen(views, generators, float(len(views.scenes)), passes=passes)

    @cached_property
    def _all_views(self) -> Batch:
        return self._views.group([row for rows in self._rows_of for row in rows])

    def _some_views(self, size: int, passes: int, place: int) -> Batch:
        rows = [
            _shuffled(rows, passes, stream)[place * size : (place + 1) * size]
            for rows, stream in zip(self._rows_of, self._streams, strict=True)
        ]
        return self._views.group([row for of_scene in rows for row in of_scene])


def predicted(model: CategoryModel, views: PosedViews) -> list[Prediction]:
    """Where each scene starts, from its training views, evenly spread."""
    predicting, device, predictions = Predicting(model, views.dataset.picture_size), model.aabb.device, []
    for scene in range(len(views.dataset)):
        batch = views.group(evenly(views.rows_of(scene), MOST_VIEWS))
        predictions.append(predicting.of(views.images(batch, device), views.cameras(batch, device)))
    return predictions


class Fitting:
    """Scenes of equally many training views that are fitted side by side.

    Attributes:
        scenes: the parameters that are fitted.
        everyone: who takes part in a step: all of them.
    """

    def __init__(
        self,
        model: CategoryModel,
        dataset: Dataset,
        seed: int,
        start: Start = "mean",
        note: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._note = note
        self._model = model.requires_grad_(False)
        self._views = PosedViews(dataset)
        self.everyone = EveryScene(self._views, seed)
        if start == "predicted" and model.predictor is not None:
            self.scenes = SceneParameters.predicted(predicted(model, self._views))
        else:
            self.scenes = SceneParameters.started(
                model.start_micro, model.start_coefficients, model.start_occupancy, len(dataset)
            )
            self.scenes.occupancy = torch.stack(
                on_each(lambda scene: first_cells(model, dataset, scene), range(len(dataset)))
            )
            self.scenes.begin_with(model.first_step, model.modes)
        self.scenes.move_along(model.modes)

    def begin(self, phase: Phase, skipping: SkippingConfig, backend: Backend = "auto", mlp_rate: float = 0.0) -> Work:
        """The work of a phase, in which nothing shared moves whatever its rates say, but for the tiny MLP where a rate
        is given."""
        own = phase.rates
        only = replace(phase, rates=Rates(own.micro, own.coefficients, mlp=mlp_rate, modes=own.modes))
        return Work(only, self._model, self.scenes, self._views, skipping, backend, note=self._note)

    def count(self, config: Stage2Config) -> int:
        """Number of steps of both phases."""
        return sum(phase.steps(self.everyone.views_per_epoch) for phase in (config.latent, config.image))

    def steps(self, config: Stage2Config) -> Iterator[int]:
        """Take the steps of both phases, one whenever the next number is asked for: how many are done."""
        done = 0
        for phase in (config.latent, config.image):
            take = steps_of(self.begin(phase, config.skipping), self.everyone)
            for step in range(phase.steps(self.everyone.views_per_epoch)):
                take(step)
                done += 1
                yield done


def _shuffled(rows: list[int], epoch: int, stream: int) -> list[int]:
    """The views of one scene in the order of an epoch, which is cut into batches (the last may be short)."""
    order = torch.randperm(len(rows), generator=step_generator(stream, epoch)).tolist()
    return [rows[number] for number in order]
