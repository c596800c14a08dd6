"""Measuring a bank on views that were never seen: numbers, a table and a picture."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from triptych.bank import ComparedViews, Scene, SceneBank, Scenes, compare_views
from triptych.data import Dataset
from triptych.evaluation.held_out import HeldOutViews, MeasurableScenes, find_in
from triptych.evaluation.pictures import ChannelRange, Comparison, write_comparison
from triptych.files import write_json, write_text
from triptych.metrics import lpips_or_reason, mean, psnr, ssim
from triptych.runtime import versions
from triptych.text import listed, markdown_cell, one_line, span
from triptych.training.picture_sizes import require_picture_size

_SHOWN_SCENES = 6
_METRICS = ("psnr", "psnr_autoencoder", "ssim", "lpips")
_FORMATS = {
    "psnr": ".2f",
    "psnr_autoencoder": ".2f",
    "ssim": ".4f",
    "lpips": ".4f",
    "seconds": ".2f",
    "bytes": ".0f",
    "fitted_views": ".0f",
    "views": ".0f",
}
"""The columns of the table, in order."""


@dataclass(frozen=True)
class Evaluation:
    """Quality of the scenes of a bank on their test views.

    Attributes:
        scenes: the metrics of each scene, means over its test views, by name: ``psnr`` and ``psnr_autoencoder``
            (what the autoencoder alone reaches, where there is one) in dB, ``ssim``, ``lpips`` where measured,
            ``views``, ``fitted_views`` (how many others it was fitted to, where the bank says so), ``bytes`` on disk,
            and ``seconds`` of fitting where the bank has it.
        notes: what was left out, and why.
        blank: scenes whose test views show one color each: measured, but in no mean, which they would lift.
        comparisons: the first test view of each of the first few scenes, for the comparison picture.
    """

    scenes: dict[str, dict[str, float]]
    notes: list[str]
    blank: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = field(default=(), repr=False, compare=False)

    def mean(self, metric: str) -> float:
        """Mean over the scenes of their means over views, blank ones apart; NaN where it was not measured."""
        return mean([row[metric] for name, row in self.scenes.items() if metric in row and name not in self.blank])

    def summary(self) -> dict[str, float]:
        """The means of everything measured."""
        keys = [*_METRICS, "bytes", "seconds"]
        return {key: value for key in keys if not math.isnan(value := self.mean(key))}

    def __repr__(self) -> str:
        means = "".join(f"; {key} {value:{_FORMATS[key]}}" for key, value in self.summary().items())
        return f"Evaluation({len(self.scenes)} scene(s){means})"

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        return self.markdown()

    def measured(self) -> list[str]:
        """What was measured of at least one scene, in the order of tables."""
        return [key for key in _FORMATS if any(key in row for row in self.scenes.values())]

    def markdown(self) -> str:
        """One row per scene and one of means, as a Markdown table."""
        columns = self.measured()
        lines = [
            "| scene | " + " | ".join(columns) + " |",
            "|---" * (len(columns) + 1) + "|",
            *(_markdown_row(markdown_cell(name), values, columns) for name, values in self.scenes.items()),
            _markdown_row("**mean**", self.summary(), columns),
        ]
        return "\n".join([*lines, "", *(f"{one_line(note)}\n" for note in self.notes)]).rstrip() + "\n"


def evaluate(
    scenes: Scenes,
    dataset: Dataset,
    *,
    with_lpips: bool = True,
    on_scene: Callable[[str], None] = lambda name: None,
) -> Evaluation:
    """Measure every one of some scenes that a dataset holds, on its test views alone.

    Views that a scene was fitted to are left out, whatever the dataset holds out.

    Args:
        scenes: fitted scenes.
        dataset: the dataset they come from; scenes are matched by content, not by name.
        with_lpips: whether to try LPIPS.
        on_scene: called before each scene, with its name.

    Raises:
        InputError: none of the scenes is in the dataset, or none has test views.
    """
    return measure(scenes, find_in(scenes, dataset), with_lpips=with_lpips, on_scene=on_scene)


def measure(
    scenes: Scenes,
    measurable: MeasurableScenes,
    *,
    with_lpips: bool = True,
    on_scene: Callable[[str], None] = lambda name: None,
) -> Evaluation:
    """Measure scenes on the views that ``held_out`` has found for them, as ``evaluate``, each in its own dataset.

    Raises:
        InputError: a scene is damaged, or the model takes no pictures of their size.
    """
    for held in measurable.scenes:
        require_picture_size(held.dataset, scenes.model)
    perceptual = lpips_or_reason() if with_lpips else "LPIPS left out"
    rows: dict[str, dict[str, float]] = {}
    comparisons, blank, resized = [], [], []
    for held in measurable.scenes:
        on_scene(held.name)
        scene = scenes[held.name]
        views = compare_views(scene, held.dataset, held.scene, held.views)
        with torch.no_grad():
            encoded = scene.model.encode(views.target)
            ceiling = None if scene.model.is_image_space else psnr(scene.model.decode(encoded), views.target)
        rows[held.name] = _scene_metrics(views, ceiling, perceptual) | _about(held, scene, scenes.bank)
        if bool((views.target == views.target[:, :, :1, :1]).all()):
            blank.append(held.name)
        if held.dataset.picture_size != scene.picture_size:
            resized.append(held.name)
        if len(comparisons) < _SHOWN_SCENES:
            comparisons.append(Comparison.of_first_view(held.name, views, encoded))
    notes = [*measurable.notes, *([perceptual] if isinstance(perceptual, str) else [])]
    if resized:
        notes.insert(0, f"{len(resized)} scene(s) measured on pictures of another size than fitted: {listed(resized)}")
    if blank:
        notes.insert(0, f"{len(blank)} blank scene(s), measured but not in the mean: {listed(blank)}")
    return Evaluation(rows, [_counts(measurable.scenes), *notes], tuple(blank), tuple(comparisons))


def _about(held: HeldOutViews, scene: Scene, bank: SceneBank) -> dict[str, float]:
    """What is known of a scene besides its quality."""
    about = {"bytes": float(bank.bytes_of(held.name))}
    if "seconds" in scene.record:
        about["seconds"] = scene.record["seconds"]
    if held.fitted is not None:
        about["fitted_views"] = float(held.fitted)
    return about


def _counts(scenes: Sequence[HeldOutViews]) -> str:
    tested = span(len(held.views) for held in scenes)
    fitted = [held.fitted for held in scenes if held.fitted is not None]
    to = f", none of them among the {span(fitted)} that it was fitted to" if fitted else ""
    return f"{len(scenes)} scene(s), each on {tested} views{to}"


def measured_on(scenes: Scenes, measurable: MeasurableScenes) -> dict[str, Any]:
    """What ``write_evaluation`` is to say about a measurement: bank, data, model, versions."""
    return {
        "bank": str(scenes.bank.folder),
        "data": ", ".join(measurable.folders()),
        "model": scenes.bank.model_id,
        "versions": versions(),
    }


def write_evaluation(
    evaluation: Evaluation, out: Path, about: dict[str, Any], latent_range: ChannelRange | None = None
) -> None:
    """Write ``metrics.json``, ``metrics.md`` and ``comparison.png`` into a folder.

    Args:
        evaluation: what was measured.
        out: the folder.
        about: JSON values about the measurement, from ``measured_on`` for instance.
        latent_range: as for ``write_comparison``.
    """
    out.mkdir(parents=True, exist_ok=True)
    document = {
        "about": about,
        "mean": evaluation.summary(),
        "scenes": evaluation.scenes,
        "blank": list(evaluation.blank),
        "notes": evaluation.notes,
    }
    write_json(out / "metrics.json", document)
    write_text(out / "metrics.md", evaluation.markdown())
    write_comparison(out / "comparison.png", evaluation.comparisons, latent_range)


def _scene_metrics(
    views: ComparedViews, ceiling: list[float] | None, perceptual: Callable[[Tensor, Tensor], list[float]] | str
) -> dict[str, float]:
    rendered, target = views.rendered.images, views.target
    metrics: dict[str, float] = {
        "views": float(len(target)),
        "psnr": mean(views.psnr()),
        **({} if ceiling is None else {"psnr_autoencoder": mean(ceiling)}),
        "ssim": mean(ssim(rendered, target)),
    }
    if not isinstance(perceptual, str):
        metrics["lpips"] = mean(perceptual(rendered, target))
    return metrics


def cells(values: Mapping[str, float], columns: Sequence[str]) -> list[str]:
    """Some of the metrics of a scene, or their means, as texts; nothing for one that was not measured."""
    return [format(values[key], _FORMATS[key]) if key in values else "" for key in columns]


def _markdown_row(name: str, values: dict[str, float], columns: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells(values, columns)) + " |"
