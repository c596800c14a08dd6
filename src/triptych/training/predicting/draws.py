"""What a step of training a predictor works on: views of a scene, those given and those asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.geometry import Cameras
from triptych.model import CategoryModel
from triptych.model.encoding import shrunk_opacities
from triptych.model.prediction import encoded
from triptych.model.predictor import EncodedViews
from triptych.model.reach import reach_of
from triptych.pictures import from_pixels
from triptych.runtime import computes_by_itself
from triptych.training.loop import seed_stream, step_generator
from triptych.training.phase import PixelCounts
from triptych.training.pixels import LatentPixels, LatentViews
from triptych.training.predicting.config import PredictorTraining
from triptych.training.seen import SeenLatents

_BYTES_KEPT = 2 << 30
"""Of latents that stay in the device's memory."""


@dataclass(frozen=True)
class Drawn:
    """A scene that takes part in a step.

    Attributes:
        number: how many were drawn before it, in this step and those before.
        scene: the scene's number.
        given: its views that the prediction is made from.
        asked: other views, which it is compared with.
        generator: the random numbers of the rest of the step.
    """

    number: int
    scene: int
    given: list[int]
    asked: list[int]
    generator: torch.Generator


class TrainingViews:
    """Views of scenes, encoded when they are first needed.

    Attributes:
        reach: how far the autoencoder looks; None where whole views are encoded and decoded, as on a GPU.
    """

    def __init__(self, model: CategoryModel, dataset: Dataset) -> None:
        self.model = model
        self.dataset = dataset
        self.reach = None if computes_by_itself(model.aabb.device) else reach_of(model)
        self.background = model.background()
        views = max(self.count(scene) for scene in range(len(dataset)))
        of_scene = 2 * views * (model.autoencoder.channels + 1) * math.prod(model.latent_size)
        self._kept = lru_cache(max(1, _BYTES_KEPT // of_scene))(self._encode)

    def views(self, scene: int, views: list[int]) -> EncodedViews:
        """Some of a scene's training views."""
        kept, _ = self._kept(scene)
        kept = kept[views]
        return replace(kept, latents=kept.latents.float())

    def pixels(self, drawn: Sequence[Drawn], counts: PixelCounts) -> LatentPixels:
        """Random latent pixels of the views that are asked for."""
        parts = []
        for each in drawn:
            _, kept = self._kept(each.scene)
            chosen = kept.draw([torch.tensor(each.asked)], counts, [each.generator], each.number)
            parts.append(kept.at(chosen, 1))
        return LatentPixels.together(parts)

    def images(self, scene: int, views: list[int]) -> Float[Tensor, "view 3 height width"]:
        """Their pictures."""
        chosen = [self.dataset.views(scene).train[view] for view in views]
        return from_pixels(self.dataset.images(scene, chosen), self.model.aabb.device)

    def cameras(self, scene: int, views: list[int]) -> Cameras:
        """Their cameras."""
        chosen = [self.dataset.views(scene).train[view] for view in views]
        return self.dataset.cameras(scene)[chosen].to(self.model.aabb.device)

    def count(self, scene: int) -> int:
        """How many there are."""
        return len(self.dataset.views(scene).train)

    def _encode(self, scene: int) -> tuple[EncodedViews, LatentViews]:
        everything = list(range(self.count(scene)))
        views = encoded(self.model, self.images(scene, everything), self.cameras(scene, everything), self.reach)
        latents, background = views.latents.half(), self.background
        opacities = shrunk_opacities(PosedViews(self.dataset.subset([scene])), self.model.autoencoder.downscale)
        if opacities is not None:
            opacities = opacities.to(latents.device)
        seen, numbers = SeenLatents(latents, opacities), torch.arange(len(everything))
        boxes = seen.boxes(background).cpu()
        return replace(views, latents=latents), LatentViews(views.cameras, seen, background, boxes, numbers)


def draw(scenes: TrainingViews, config: PredictorTraining, count: int, number: int, seed: int) -> Drawn:
    """The next of the first ``count`` scenes, and views of it: each epoch takes every scene once."""
    epoch, place = divmod(number, count)
    order = torch.randperm(count, generator=step_generator(seed_stream(seed), epoch))
    scene, generator = int(order[place]), step_generator(seed_stream(seed), number)
    views = torch.randperm(scenes.count(scene), generator=generator).tolist()
    asked = views[: min(config.asked_views, len(views) - 1)]
    most = min(config.most_views, len(views) - len(asked))
    given = math.floor(math.exp(float(torch.rand(1, generator=generator)) * math.log(most + 1)))
    return Drawn(number, scene, sorted(views[len(asked) :][:given]), sorted(asked), generator)
