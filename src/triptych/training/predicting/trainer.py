"""Training the predictor of a category model, all else frozen.

Each step draws a scene, some of its views to predict it from, and others to compare the prediction with, by L_Enc and
L_Dec.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from triptych.data import Dataset
from triptych.data.evenly import evenly
from triptych.geometry.silhouettes import object_windows
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.model.prediction import slopes_of, surroundings
from triptych.model.predictor import Prediction
from triptych.model.rendering import render_views
from triptych.representation.field import TriPlaneField
from triptych.representation.occupancy import with_occupancy
from triptych.representation.sampler import Sampler
from triptych.training.loop import Steps, TrainingState
from triptych.training.objective import batch_losses
from triptych.training.phase import LossWeights
from triptych.training.predicting.config import PredictorTraining
from triptych.training.predicting.draws import Drawn, TrainingViews, draw
from triptych.training.targets import Targets

PHASE = "predictor"
_SAMPLED = 16
"""Scenes that tell how large the predictor's inputs are."""


class PredictorTrainer:
    """The training of a predictor."""

    def __init__(self, model: CategoryModel, dataset: Dataset, config: PredictorTraining, seed: int) -> None:
        assert model.predictor is not None
        self.model = model.requires_grad_(False)
        self.predictor = model.predictor.requires_grad_(True)
        self.config = config
        self.seed = seed
        self.scenes = TrainingViews(model, dataset)
        self.around = surroundings(model)
        self.background = self.scenes.background
        self.trained = len(dataset) - min(config.held_out, len(dataset) - 1)
        self.optimizer = torch.optim.Adam(self.predictor.parameters(), lr=config.rate, betas=(0.9, 0.99), fused=True)

    def run(self, loop: Steps) -> None:
        """Take all steps, or those that are left."""
        schedule = self.config.schedule()
        self._standardize()
        state = TrainingState({"predictor": self.predictor}, self.optimizer)
        for step in loop.steps(PHASE, self.config.steps, state):
            for group in self.optimizer.param_groups:
                group["lr"] = self.config.rate * schedule.factor(step.number)
            losses = self.losses(step.number)
            self.optimizer.zero_grad()
            sum(losses.values(), self.background.new_zeros(())).backward()
            norm = torch.nn.utils.clip_grad_norm_(self.predictor.parameters(), self.config.clip)
            self.optimizer.step()
            step.report(losses, {**losses, "norm": norm})
            if step.is_one_of(self.config.measurements):
                step.measure(psnr=self.measured())

    def _standardize(self) -> None:
        draws = (draw(self.scenes, self.config, self.trained, step, self.seed) for step in range(_SAMPLED))
        self.predictor.standardize([self.scenes.views(drawn.scene, drawn.given) for drawn in draws], self.around)

    def losses(self, step: int) -> dict[str, Tensor]:
        """The weighted losses of a step, by name."""
        config, drawn = self.config, draw(self.scenes, self.config, self.trained, step, self.seed)
        prediction = self._predicted(drawn.scene, drawn.given)
        field = self._field(prediction, everywhere=step % 2 == 0)
        losses = {"enc": config.weights.enc * self._enc(field, drawn)}
        if not self.model.is_image_space:  # there L_Dec is L_Enc
            losses["dec"] = config.weights.dec * self._dec(field, drawn, whole=step % 4 == 0)
        return losses

    def _predicted(self, scene: int, given: list[int]) -> Prediction:
        views = self.scenes.views(scene, given)
        return self.predictor(views, self.around, slopes_of(self.model, views, self.background))

    def _field(self, prediction: Prediction, *, everywhere: bool) -> TriPlaneField:
        """A predicted scene, sampled in the cells that it says, or also in all in which scenes of the category have
        matter: there it must learn to have none."""
        occupancy = prediction.occupancy
        if everywhere:
            occupancy = occupancy | self.model.start_occupancy
        field = self.model.field(prediction.micro[None], prediction.coefficients[None])
        return replace(field, occupancy=occupancy[None])

    def _enc(self, field: TriPlaneField, drawn: Drawn) -> Tensor:
        pixels = self.scenes.pixels(drawn, self.config.pixels, self.config.crop_share)
        return pixels.error(field, self._sampler(drawn), self.config.weights.opacity)

    def _dec(self, field: TriPlaneField, drawn: Drawn, *, whole: bool) -> Tensor:
        asked, reach = drawn.asked[: self.config.decoded_views], self.scenes.reach
        images, cameras = self.scenes.images(drawn.scene, asked), self.scenes.cameras(drawn.scene, asked)
        targets = Targets(cameras, [len(asked)], images, None, self.background)
        if reach is not None and not whole:
            color, side = self.model.background_color, self.model.autoencoder.downscale
            windows = object_windows(images, color, side, reach.decoder)
            targets = replace(targets, windows=windows, reach=reach)
        return batch_losses(self.model, field, targets, LossWeights(dec=1.0), self._sampler(drawn)).dec

    def _sampler(self, drawn: Drawn) -> Sampler:
        sampling = replace(self.model.config.sampling, coarse=self.config.samples, supersample=1)
        return Sampler(sampling, [drawn.generator])

    @torch.no_grad()
    def measured(self) -> float:
        """PSNR of the scenes that are held out, each predicted from eight views and seen from others, in dB."""
        values = []
        for scene in range(self.trained, len(self.scenes.dataset)):
            everything = range(self.scenes.count(scene))
            asked = evenly(everything, min(4, max(1, len(everything) // 3)))
            given = evenly([view for view in everything if view not in asked], 8)
            start = self._predicted(scene, given)
            field = with_occupancy(self.model.field(start.micro[None], start.coefficients[None]))
            views = render_views(self.model, field, self.scenes.cameras(scene, asked), self.background)
            values += psnr(views.images, self.scenes.images(scene, asked))
        return mean(values) if values else math.nan
