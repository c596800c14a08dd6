"""What is measured of fitted scenes, on their test views."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch

from triptych.bank import Scene, Scenes, compare_views
from triptych.data import Dataset
from triptych.evaluation.evaluate import evaluate
from triptych.files import field_of
from triptych.metrics import mean
from triptych.progress import Progress


@dataclass(frozen=True)
class Measured:
    """One scene, means over its views; or means over scenes. What does not apply is None.

    Attributes:
        views: test views.
        psnr: in dB.
        ssim: structural similarity.
        bytes: on disk.
        psnr_train_views: PSNR in dB on as many of the views that were used for fitting.
        seconds: of fitting; None for scenes that stage 1 has learned together.
        fitted_views: views that were used for fitting.
        psnr_autoencoder: PSNR in dB that the autoencoder alone reaches; None without one.
        latent_error: root mean square difference between encoded and rendered latents, relative to the standard
            deviation of the encoded ones; None without an autoencoder.
    """

    views: float
    psnr: float
    ssim: float
    bytes: float
    psnr_train_views: float
    seconds: float | None = None
    fitted_views: float | None = None
    psnr_autoencoder: float | None = None
    latent_error: float | None = None

    def as_json(self) -> dict[str, float]:
        """What applies, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, values: object, where: object) -> "Measured":
        """What ``as_json`` has given.

        Raises:
            InputError: a number is missing, or is none.
        """
        known = values if isinstance(values, Mapping) else {}
        names = [field.name for field in fields(cls) if field.default is not None or field.name in known]
        return cls(**{name: field_of(values, name, float, where) for name in names})


def mean_of(scenes: Sequence[Measured]) -> Measured:
    """Means over at least one scene; None where it does not apply to some."""
    columns = {field.name: [getattr(scene, field.name) for scene in scenes] for field in fields(Measured)}
    means: dict[str, Any] = {name: None if None in values else mean(values) for name, values in columns.items()}
    return Measured(**means)


def measure_scenes(banks: Sequence[Scenes], dataset: Dataset, progress: Progress) -> list[Measured]:
    """Measure fitted scenes, in the order of their banks.

    Scenes whose test views show a single color are left out: they would raise every mean.

    Args:
        banks: the scenes, in one bank or several.
        dataset: their pictures.
        progress: where to show how it goes.

    Raises:
        InputError: there is nothing to measure them on.
    """
    progress.start("evaluate", sum(len(scenes) for scenes in banks))
    return [measured for scenes in banks for measured in _measure_bank(scenes, dataset, progress)]


def _measure_bank(scenes: Scenes, dataset: Dataset, progress: Progress) -> list[Measured]:
    evaluation = evaluate(scenes, dataset, with_lpips=False, on_scene=lambda name: progress.advance())
    without_autoencoder = scenes.model.is_image_space
    measured = []
    for name, row in evaluation.scenes.items():
        if name not in evaluation.blank:
            found: dict[str, Any] = {**row, **_what_holds_it_back(scenes[name], dataset)}
            if without_autoencoder:
                found |= {"psnr_autoencoder": None, "latent_error": None}
            measured.append(Measured(**found))
    return measured


@torch.no_grad()
def _what_holds_it_back(scene: Scene, dataset: Dataset) -> dict[str, float]:
    """Which part holds a scene back: what it has not learned, the latents that are rendered between the views that it
    has learned from, or what the decoder makes of them."""
    number = dataset.names.index(scene.name)
    train, test = dataset.views(number).train, dataset.views(number).test
    unseen = compare_views(scene, dataset, number, test)
    fitted = compare_views(scene, dataset, number, train[:: len(train) // len(test) or 1])
    encoded = scene.model.encode(unseen.target)
    spread = encoded - encoded.mean(dim=(0, 2, 3), keepdim=True)
    return {
        "latent_error": float(((unseen.rendered.latents - encoded).square().mean() / spread.square().mean()).sqrt()),
        "psnr_train_views": mean(fitted.psnr()),
    }
