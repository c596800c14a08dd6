"""What the demonstration shows of the predictor: never-seen scenes at once, beside what fitting makes of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.bank import Scene, compare_views
from triptych.data import Dataset
from triptych.data.evenly import evenly
from triptych.evaluation.pictures import Comparison, write_rows
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.pictures import from_pixels
from triptych.progress import Progress
from triptych.runtime import wait_for

GIVEN = (3, 8)
"""From so many pictures each scene is predicted."""
_SHOWN = 4
"""Scenes at most."""


@dataclass(frozen=True)
class Predicted:
    """Scenes, each predicted from as many pictures.

    Attributes:
        psnr: mean over the test views of each in dB, by the scene's name.
        seconds: what a prediction took, the encoding of its pictures included.
        images: the first test view of each, by the scene's name.
    """

    psnr: dict[str, float]
    seconds: float
    images: dict[str, Float[Tensor, "3 height width"]]


def predict_shown(
    model: CategoryModel, dataset: Dataset, fitted: Sequence[Comparison], path: Path, progress: Progress
) -> dict[int, Predicted]:
    """Predict some of the scenes that a page shows from a few of their training views, evenly spread, and look at
    their test views.

    Args:
        model: the category model.
        dataset: the scenes, and others.
        fitted: what fitting has made of those that the page shows.
        path: a PNG with a row for each of the first of them: predictions between the true picture and what fitting has
            reached.
        progress: where to show how it goes.

    Returns:
        What came out, by the number of pictures given; nothing, and no picture, where the model has no predictor.
    """
    if model.predictor is None:
        return {}
    fitted = fitted[:_SHOWN]
    shown = dataset.subset([dataset.names.index(each.name) for each in fitted])
    progress.start("predict", len(GIVEN) * len(shown))
    predicted = {count: _predicted(model, shown, count, progress) for count in GIVEN}
    titles = ("ground truth", *(f"predicted from {count}" for count in GIVEN), "fitted")
    rows = {
        each.name: (each.target, *(scenes.images[each.name] for scenes in predicted.values()), each.rendered)
        for each in fitted
    }
    write_rows(path, rows, titles)
    return predicted


@torch.no_grad()
def _predicted(model: CategoryModel, dataset: Dataset, count: int, progress: Progress) -> Predicted:
    psnr, seconds, images = {}, [], {}
    for number, name in enumerate(dataset.names):
        begun = time.perf_counter()
        given = evenly(dataset.views(number).train, count)
        pictures = from_pixels(dataset.images(number, given), model.aabb.device)
        scene = Scene.predicted(model, pictures, dataset.cameras(number)[given].to(model.aabb.device), name)
        wait_for(model.aabb.device)
        seconds.append(time.perf_counter() - begun)
        views = compare_views(scene, dataset, number, dataset.views(number).test)
        psnr[name], images[name] = mean(views.psnr()), views.rendered.images[0].clamp(0, 1).cpu()
        progress.advance()
    return Predicted(psnr, mean(seconds), images)
