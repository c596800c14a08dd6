"""Whether fitting a scene has worked: its test views, against the mean start and what the autoencoder alone reaches."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from triptych.bank import Scene, StoragePrecision, as_stored, compare_views
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.runtime import on_each
from triptych.training.loop import Stateful
from triptych.training.scenes import SceneParameters

_LEAST_SHARE = 0.15
"""Of the way in dB from the mean start to what the autoencoder alone reaches, a fit has to go so much at least."""
_FAR_ENOUGH = 40.0
"""PSNR in dB beyond which nothing has to be reached: no autoencoder at all, in image space, loses nothing."""


@dataclass(frozen=True)
class FitOutcome:
    """How well a scene was fitted.

    Attributes:
        test_psnr: mean over its test views in dB; None where it has none.
        problem: why it does not count as fitted; None where it does.
        finite: whether all its numbers are, in the format that they are stored in.
        scene: the scene as it is stored, which is what was measured.
        rounding_seconds: what it took to round it, its share of what all took.
    """

    test_psnr: float | None
    problem: str | None
    finite: bool
    scene: Scene
    rounding_seconds: float


@dataclass(frozen=True)
class QualityBounds:
    """Between what the quality of a fitted scene is expected to lie.

    Attributes:
        start: PSNR of the mean start in dB, over the views of ``compared_views``.
        ceiling: the same of the autoencoder alone.
    """

    start: float
    ceiling: float


def quality_bounds(model: CategoryModel, dataset: Dataset) -> list[QualityBounds]:
    """Those of every scene, for a model that is not fine-tuned yet."""
    start = Scene.start_of(model)

    @torch.no_grad()
    def bounds(number: int) -> QualityBounds:
        views = compare_views(start, dataset, number, compared_views(dataset, number))
        ceiling = psnr(model.decode(model.encode(views.target)), views.target)
        return QualityBounds(mean(views.psnr()), mean(ceiling))

    return on_each(bounds, range(len(dataset)), model.aabb.device, _bytes_of_views(dataset))


def judge(
    model: CategoryModel,
    scenes: SceneParameters,
    dataset: Dataset,
    bounds: Sequence[QualityBounds],
    precision: StoragePrecision,
) -> list[FitOutcome]:
    """Round fitted scenes, measure them on their test views, and tell whether fitting them has worked.

    Args:
        model: what they are rendered with.
        scenes: the fitted parameters of the dataset's scenes.
        dataset: the pictures.
        bounds: from ``quality_bounds``.
        precision: the number format that they are to be stored in.
    """
    everything, begun = range(len(dataset)), time.perf_counter()

    def as_kept(number: int) -> Scene:
        own = scenes.micro.values[number], scenes.coefficients.values[number]
        return as_stored(Scene(model, *own, dataset.names[number]), precision)

    stored = on_each(as_kept, everything)
    rounding = (time.perf_counter() - begun) / len(dataset)

    @torch.no_grad()
    def outcome(number: int) -> FitOutcome:
        scene, chosen = stored[number], list(dataset.views(number).test) or compared_views(dataset, number)
        views = compare_views(replace(scene), dataset, number, chosen)  # a copy, whose full planes are soon forgotten
        micro = scenes.micro.values[number]
        micro = micro if precision == "float32" else micro.half()
        if not all(bool(tensor.isfinite().all()) for tensor in (micro, scene.coefficients, views.rendered.images)):
            return FitOutcome(None, "its numbers are no longer finite: lower the rates", False, scene, rounding)
        quality = views.psnr()
        compared = mean([quality[chosen.index(view)] for view in compared_views(dataset, number)])
        test_psnr = mean(quality) if dataset.views(number).test else None
        return FitOutcome(test_psnr, _problem(compared, bounds[number]), True, scene, rounding)

    return on_each(outcome, everything, model.aabb.device, _bytes_of_views(dataset))


def _bytes_of_views(dataset: Dataset) -> int:
    """That a scene's test views take, as they are and as they are rendered."""
    views = max(len(dataset.views(scene).test) for scene in range(len(dataset)))
    return max(views, 2) * dataset.height * dataset.width * 2 * 3 * 4


def compared_views(dataset: Dataset, scene: int) -> list[int]:
    """Two of a scene's test views, or of its training views where it has no others."""
    views = dataset.views(scene).test or dataset.views(scene).train
    return sorted({views[0], views[len(views) // 2]})


def _problem(decibels: float, bounds: QualityBounds) -> str | None:
    if decibels - bounds.start >= _LEAST_SHARE * (min(bounds.ceiling, _FAR_ENOUGH) - bounds.start):
        return None
    ceiling = f" and the autoencoder alone {bounds.ceiling:.1f}" if bounds.ceiling < _FAR_ENOUGH else ""
    return f"{decibels:.1f} dB, where the mean scene has {bounds.start:.1f}{ceiling}"


def require_finite(model: Stateful, run: Path) -> None:
    """Refuse to store what a training has brought forth whose numbers are no longer finite.

    Args:
        model: what it has trained.
        run: the run's folder, for the message.

    Raises:
        InputError: a number of the model is infinite, or not a number.
    """
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise InputError(
            f"{run}: training has diverged, its numbers are no longer finite; begin again with lower rates"
        )
