"""Measuring a bank on views that were never seen: numbers, a table and a picture."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.bank import SceneBank
from triptych.errors import InputError
from triptych.evaluation.metrics import lpips_or_reason, ssim
from triptych.evaluation.pictures import Comparison, write_comparison
from triptych.files import write_json, write_text
from triptych.model import CategoryModel, SceneViews
from triptych.scenes import SceneCollection
from triptych.text import markdown_cell
from triptych.training.losses import mean, psnr
from triptych.training.views import PosedViews

_SHOWN_SCENES = 6
_METRICS = ("psnr", "psnr_autoencoder", "ssim", "lpips")


@dataclass(frozen=True)
class Evaluation:
    """Quality of the scenes of a bank on their test views.

    Attributes:
        scenes: the metrics of each scene, means over its test views, by name: ``psnr`` and ``psnr_autoencoder``
            (what the autoencoder alone reaches) in dB, ``ssim``, ``lpips`` where measured, ``views``, ``bytes`` on
            disk, and ``seconds`` of fitting where the bank has it.
        notes: what was left out, and why.
    """

    scenes: dict[str, dict[str, float]]
    notes: list[str]

    def mean(self, metric: str) -> float:
        """Mean over the scenes of their means over views; NaN where it was not measured."""
        return mean([scene[metric] for scene in self.scenes.values() if metric in scene])

    def summary(self) -> dict[str, float]:
        """The means of everything measured."""
        keys = [*_METRICS, "bytes", "seconds"]
        return {key: value for key in keys if not math.isnan(value := self.mean(key))}

    def markdown(self) -> str:
        """One row a scene and one of means, as a Markdown table."""
        columns = [key for key in (*_METRICS, "seconds", "bytes") if any(key in row for row in self.scenes.values())]
        lines = [
            "| scene | " + " | ".join(columns) + " |",
            "|---" * (len(columns) + 1) + "|",
            *(_markdown_row(markdown_cell(name), values, columns) for name, values in self.scenes.items()),
            _markdown_row("**mean**", self.summary(), columns),
        ]
        return "\n".join([*lines, "", *self.notes]) + "\n"


def evaluate(
    model: CategoryModel,
    bank: SceneBank,
    collection: SceneCollection,
    *,
    with_lpips: bool = True,
    on_scene: Callable[[str], None] = lambda name: None,
) -> tuple[Evaluation, list[Comparison]]:
    """Measure every scene of the bank that the collection holds, on its test views alone.

    Args:
        model: the bank's category model.
        bank: fitted scenes.
        collection: the dataset they come from; scenes are matched by content, not by name.
        with_lpips: whether to try LPIPS.
        on_scene: called before each scene, with its name.

    Returns:
        The metrics, and what the comparison picture needs for the first few scenes.

    Raises:
        InputError: the bank's scenes are not in the collection, or one has no test views.
    """
    bank.require_model(model)
    perceptual = lpips_or_reason() if with_lpips else "LPIPS left out"
    place = {fingerprint: number for number, fingerprint in enumerate(collection.fingerprints)}
    views = PosedViews(collection, "test")
    scenes: dict[str, dict[str, float]] = {}
    comparisons = []
    for name in bank.names():
        stored = bank.scene(name)
        if stored.fingerprint not in place:
            raise InputError(f"{bank.folder}: scene {name!r} is not in the dataset given; evaluate with its own")
        on_scene(name)
        rows = views.rows_of(place[stored.fingerprint])
        if not rows:
            raise InputError(f"scene {name!r}: no test views; hold some out with --test-views")
        batch = views.group(rows)
        images = views.images(batch, model.aabb.device)
        found = model.render_scene(
            stored.micro.to(model.aabb.device),
            stored.coefficients.to(model.aabb.device),
            views.cameras(batch, model.aabb.device),
        )
        with torch.no_grad():
            encoded = model.encode(images)
            ceiling = psnr(model.decode(encoded), images)
        scenes[name] = _scene_metrics(found, images, ceiling, perceptual) | {"bytes": float(bank.bytes_of(name))}
        if "seconds" in stored.record:
            scenes[name]["seconds"] = stored.record["seconds"]
        if len(comparisons) < _SHOWN_SCENES:
            comparisons.append(Comparison.of_first_view(name, images, found, encoded))
    if not scenes:
        raise InputError(f"{bank.folder}: the bank is empty; fit scenes first")
    return Evaluation(scenes, [perceptual] if isinstance(perceptual, str) else []), comparisons


def write_evaluation(evaluation: Evaluation, comparisons: list[Comparison], out: Path, about: dict[str, Any]) -> None:
    """Write ``metrics.json``, ``metrics.md`` and ``comparison.png`` into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    document = {
        "about": about,
        "mean": evaluation.summary(),
        "scenes": evaluation.scenes,
        "notes": evaluation.notes,
    }
    write_json(out / "metrics.json", document)
    write_text(out / "metrics.md", evaluation.markdown())
    write_comparison(out / "comparison.png", comparisons)


def _scene_metrics(
    found: SceneViews,
    images: Float[Tensor, "view 3 height width"],
    ceiling: list[float],
    perceptual: Callable[[Tensor, Tensor], list[float]] | str,
) -> dict[str, float]:
    metrics: dict[str, float] = {
        "views": float(len(images)),
        "psnr": mean(psnr(found.images, images)),
        "psnr_autoencoder": mean(ceiling),
        "ssim": mean(ssim(found.images, images)),
    }
    if not isinstance(perceptual, str):
        metrics["lpips"] = mean(perceptual(found.images, images))
    return metrics


def _markdown_row(name: str, values: dict[str, float], columns: list[str]) -> str:
    formats = {
        "psnr": ".2f",
        "psnr_autoencoder": ".2f",
        "ssim": ".4f",
        "lpips": ".4f",
        "seconds": ".2f",
        "bytes": ".0f",
    }
    cells = [format(values[key], formats[key]) if key in values else "" for key in columns]
    return f"| {name} | " + " | ".join(cells) + " |"
