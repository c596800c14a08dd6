"""Training the predictor of a category model, all else frozen.

Each step draws scenes, some views of each to predict it from, and others to compare the prediction with, by L_Enc and
L_Dec. First all networks learn together, and the last correction is taken once; then it alone learns to correct again,
from wherever it has itself taken a scene. Over several ranks each takes a part of these scenes; all draw the same
ones, and hold the whole predictor.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from triptych.data import Dataset
from triptych.data.evenly import evenly
from triptych.geometry import Cameras
from triptych.geometry.silhouettes import object_windows
from triptych.metrics import psnr
from triptych.model import CategoryModel
from triptych.model.prediction import slopes_of, surroundings
from triptych.model.predictor import EncodedViews, Prediction
from triptych.model.rendering import render_views
from triptych.representation.field import TriPlaneField
from triptych.representation.occupancy import with_occupancy
from triptych.representation.sampler import Sampler
from triptych.training.loop import Loop, TrainingState, seed_stream, step_generator
from triptych.training.objective import batch_losses
from triptych.training.phase import LossWeights
from triptych.training.predicting.config import PredictorTraining
from triptych.training.predicting.draws import Drawn, TrainingViews, draw
from triptych.training.ranks import ALONE, Ranks
from triptych.training.targets import Targets

Losses = dict[str, Tensor]
LossesOf = Callable[[int], Losses]

PHASE, REPEATS = PHASES = ("predictor", "repeats")
_SAMPLED = 16
"""Scenes that tell how large the predictor's inputs are."""
_COMPARED = 2
"""Repeated corrections of a step that are compared with other views: what comes before them costs as much."""


class PredictorTrainer:
    """The training of a predictor."""

    def __init__(
        self, model: CategoryModel, dataset: Dataset, config: PredictorTraining, seed: int, ranks: Ranks = ALONE
    ) -> None:
        assert model.predictor is not None
        self.model = model.requires_grad_(False)
        self.predictor = model.predictor.requires_grad_(True)
        self.config = config
        self.seed = seed
        self.ranks = ranks
        self.scenes = TrainingViews(model, dataset)
        self.around = surroundings(model)
        self.background = self.scenes.background
        self.trained = len(dataset) - min(config.held_out, len(dataset) - 1)
        self.corrections = len(self.predictor.corrections)

    def run(self, loop: Loop) -> None:
        """Take all steps, or those that are left."""
        config, predictor = self.config, self.predictor
        if config.steps and self.ranks.is_first:
            self._standardize()
        self.ranks.same_start(predictor)
        if config.steps:
            self._run(loop, PHASE, (config.steps, config.rate), predictor, self.losses)
        once, self.corrections = self.corrections, predictor.looks
        if config.repeat_steps and self.corrections > once:
            last = predictor.corrections[-1]
            self._run(loop, REPEATS, (config.repeat_steps, config.repeat_rate), last, self.repeat_losses)

    def _run(self, loop: Loop, phase: str, pace: tuple[int, float], part: nn.Module, losses_of: LossesOf) -> None:
        """Take steps at a rate, in which a part of the predictor learns."""
        if loop.is_past(phase):
            return
        (steps, rate), schedule = pace, self.config.schedule(pace[0])
        self.predictor.requires_grad_(False)
        parameters = list(part.requires_grad_(True).parameters())
        optimizer = torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.99), fused=True)
        for step in loop.steps(phase, steps, TrainingState({"predictor": self.predictor}, optimizer)):
            for group in optimizer.param_groups:
                group["lr"] = rate * schedule.factor(step.number)
            losses = losses_of(step.number)
            optimizer.zero_grad()
            sum(losses.values(), self.background.new_zeros(())).backward()
            terms = torch.stack([loss.detach() for loss in losses.values()])
            self.ranks.sum_gradients(parameters, terms)
            losses = dict(zip(losses, terms, strict=True))
            norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.clip)
            optimizer.step()
            step.report(losses, {**losses, "norm": norm})
            if step.is_one_of(self.config.measurements):
                step.measure(psnr=self.measured())

    def _standardize(self) -> None:
        self.predictor.standardize([self._given(drawn) for drawn in self._drawn(range(_SAMPLED))], self.around)

    def _drawn(self, numbers: Iterable[int]) -> list[Drawn]:
        return [draw(self.scenes, self.config, self.trained, number, self.seed) for number in numbers]

    def _given(self, drawn: Drawn) -> EncodedViews:
        return self.scenes.views(drawn.scene, drawn.given)

    def losses(self, step: int) -> Losses:
        """What this rank's scenes add to the weighted losses of a step, by name."""
        drawn = self._drawn_for(step)
        own = self._own(drawn)
        return self._compared(self._predicted([self._given(each) for each in own]), own, drawn, step)

    def repeat_losses(self, step: int) -> Losses:
        """The same for some repeated corrections, each by itself: the gradient ends at the planes that it corrects."""
        drawn = self._drawn_for(step)
        own, compared = self._own(drawn), self._repeats_compared(step)
        scenes = [self._given(each) for each in own]
        slopes, total = slopes_of(self.model, scenes, self.background), Losses()
        with torch.no_grad():
            guess = self.predictor.first(scenes, self.around, slopes)
        for number in range(max(compared) + 1):
            with torch.set_grad_enabled(number in compared):
                guess = self.predictor.corrected(guess, number, self.around, slopes)
            if number in compared:
                losses = self._compared(guess.prediction(self.around), own, drawn, step)
                total = {name: loss / len(compared) + total.get(name, 0.0) for name, loss in losses.items()}
                guess = replace(guess, moved=guess.moved.detach())
        return total

    def _repeats_compared(self, step: int) -> set[int]:
        """Numbers of some of the corrections that the last network makes."""
        first = len(self.predictor.corrections) - 1
        order = torch.randperm(self.predictor.looks - first, generator=step_generator(seed_stream(self.seed), step))
        return {first + number for number in order[:_COMPARED].tolist()}

    def _drawn_for(self, step: int) -> list[Drawn]:
        together = self.config.scenes_per_step
        return self._drawn(range(step * together, (step + 1) * together))

    def _own(self, drawn: Sequence[Drawn]) -> list[Drawn]:
        return [drawn[place] for place in self.ranks.share(len(drawn))]

    def _compared(self, prediction: Prediction, own: Sequence[Drawn], drawn: Sequence[Drawn], step: int) -> Losses:
        config, field = self.config, self._field(prediction, own)
        losses = {"enc": config.weights.enc * len(own) / len(drawn) * self._enc(field, own)}
        if not self.model.is_image_space:  # there L_Dec is L_Enc
            of_views = self._views_decoded(own) / self._views_decoded(drawn)
            losses["dec"] = config.weights.dec * of_views * self._dec(field, own, whole=step % 4 == 0)
        return losses

    def _views_decoded(self, drawn: Sequence[Drawn]) -> int:
        return sum(len(each.asked[: self.config.decoded_views]) for each in drawn)

    def _predicted(self, scenes: Sequence[EncodedViews]) -> Prediction:
        slopes = slopes_of(self.model, scenes, self.background)
        return self.predictor(scenes, self.around, slopes, self.corrections)

    def _field(self, prediction: Prediction, drawn: Sequence[Drawn]) -> TriPlaneField:
        """Predicted scenes, sampled in the cells that they say, every other one also in all in which scenes of the
        category have matter: there it must learn to have none."""
        around = self.model.start_occupancy
        cells = [
            occupancy if each.number % 2 else occupancy | around
            for occupancy, each in zip(prediction.occupancy, drawn, strict=True)
        ]
        return replace(self.model.field(prediction.micro, prediction.coefficients), occupancy=torch.stack(cells))

    def _enc(self, field: TriPlaneField, drawn: Sequence[Drawn]) -> Tensor:
        pixels = self.scenes.pixels(drawn, self.config.pixel_counts)
        return pixels.error(field, self._sampler(drawn), self.config.weights.opacity)

    def _dec(self, field: TriPlaneField, drawn: Sequence[Drawn], *, whole: bool) -> Tensor:
        """L_Dec; where it is not asked for ``whole`` views, the CPU looks only at what shows the objects."""
        asked = [(each.scene, each.asked[: self.config.decoded_views]) for each in drawn]
        images = torch.cat([self.scenes.images(*views) for views in asked])
        cameras = Cameras.together([self.scenes.cameras(*views) for views in asked])
        targets = Targets(cameras, [len(views) for _, views in asked], images, None, self.background)
        reach = self.scenes.reach
        if reach is not None and not whole:
            color, side = self.model.background_color, self.model.autoencoder.downscale
            windows = object_windows(images, color, side, reach.decoder)
            targets = replace(targets, windows=windows, reach=reach)
        return batch_losses(self.model, field, targets, LossWeights(dec=1.0), self._sampler(drawn)).dec

    def _sampler(self, drawn: Sequence[Drawn]) -> Sampler:
        sampling = replace(self.model.config.sampling, coarse=self.config.samples, supersample=1)
        return Sampler(sampling, [each.generator for each in drawn])

    @torch.no_grad()
    def measured(self) -> float:
        """PSNR of the scenes that are held out, each predicted from eight views and seen from others, in dB."""
        values, held_out = [], torch.arange(self.trained, len(self.scenes.dataset))
        for scene in self.ranks.part(held_out).tolist():
            everything = range(self.scenes.count(scene))
            asked = evenly(everything, min(4, max(1, len(everything) // 3)))
            given = evenly([view for view in everything if view not in asked], 8)
            start = self._predicted([self.scenes.views(scene, given)])
            field = with_occupancy(self.model.field(start.micro, start.coefficients))
            views = render_views(self.model, field, self.scenes.cameras(scene, asked), self.background)
            values += psnr(views.images, self.scenes.images(scene, asked))
        total = torch.tensor([sum(values), len(values)], dtype=torch.float64)
        self.ranks.sum([total])
        return float(total[0] / total[1])  # not a number where none is held out
