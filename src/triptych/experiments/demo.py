"""The demonstration: never-seen procedural cars, fitted and measured honestly, on one page."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from triptych.bank import Scenes
from triptych.data import Dataset, write_contact_sheet
from triptych.data.generators.cars import CarsConfig
from triptych.data.opening import draw_cars
from triptych.evaluation.evaluate import Evaluation, evaluate, write_evaluation
from triptych.evaluation.pictures import range_of
from triptych.experiments.ahead import compiled_ahead
from triptych.experiments.config import DemoConfig
from triptych.experiments.demo_page import PREDICTIONS, write_demo_page
from triptych.experiments.predictions import Predicted, predict_shown
from triptych.export import write_orbit
from triptych.files import lock, read_json, write_json
from triptych.geometry import Orbit
from triptych.metrics import mean
from triptych.model import CategoryModel, find_model
from triptych.progress import Progress
from triptych.runtime import versions
from triptych.training.conditions import Conditions
from triptych.training.presets import STAGE1, STAGE2
from triptych.training.stage1 import MODEL, PLAIN_MODEL, train
from triptych.training.stage2 import fit

CLOCK_FILE = "seconds.json"
SHIPPED_MODEL = Path("cars")
_SHARE_OF_PRESET = 0.4
"""Of the preset's steps, for a page in about a minute; the others are worth 0.7 dB."""
_FRAMES = 36


def run_demo(config: DemoConfig, conditions: Conditions) -> Path:
    """Fit never-seen cars, evaluate, film, and write ``report.html`` and ``metrics.json``.

    With ``from_scratch`` stage 1 comes first, and the same never-seen cars are fitted twice with the same settings: in
    the 3D-aware latent space, and in that of the plain autoencoder as it was before the joint phase.

    Returns:
        The page.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    with lock(config.out):
        return _run(config, conditions)


def _run(config: DemoConfig, conditions: Conditions) -> Path:
    seed, progress = conditions.seed, conditions.progress
    out, clock = config.out, _Clock(config.out / CLOCK_FILE)
    with compiled_ahead(conditions.device):
        cars = _draw(config, seed, progress)
    clock.lap("drawing")
    new = cars.select("test", "all")
    if config.from_scratch:
        train(cars.select("train", "all"), out / "stage1", STAGE1["quick"], conditions)
        clock.lap("stage 1")
        models = {"ours": out / "stage1" / MODEL, "plain": out / "stage1" / PLAIN_MODEL}
        preset, share = STAGE2["quick"], 1.0
    else:
        models, preset, share = {"ours": find_model(SHIPPED_MODEL)}, STAGE2["latent"], _SHARE_OF_PRESET

    evaluations: dict[str, Evaluation] = {}
    for kind, folder in models.items():
        model = CategoryModel.load(folder).to(conditions.device)
        bank = fit(model, new, out / f"bank_{kind}", preset.longer(share), conditions, force=True)
        clock.lap(f"stage 2, {kind}")
        progress.start("evaluate", len(bank))
        scenes = Scenes(bank, model)
        evaluation = evaluate(scenes, new, with_lpips=False, on_scene=lambda name: progress.advance())
        evaluations[kind] = evaluation
        # The first scale holds for all: latents of one color are alike, whatever the space.
        latent_range = range_of(evaluations["ours"].comparisons)
        write_evaluation(evaluation, out / f"evaluation_{kind}", {"versions": versions()}, latent_range)
        clock.lap("evaluation")
        if kind == "ours":
            write_orbit(out / "orbit.mp4", scenes, Orbit(count=_FRAMES))
            clock.lap("video")

    model = CategoryModel.load(models["ours"]).to(conditions.device)
    predicted = predict_shown(model, new, evaluations["ours"].comparisons, out / PREDICTIONS, progress)
    clock.lap("prediction")
    metrics = _metrics(evaluations, predicted, model, clock) | {"share_of_preset": share}
    write_json(out / "metrics.json", metrics | {"config": asdict(config) | {"out": str(out)}, "seed": seed})
    stage1, name = (
        (out / "stage1", str(out / "stage1")) if config.from_scratch else (models["ours"], str(SHIPPED_MODEL))
    )
    return write_demo_page(out, metrics, evaluations, stage1, name)


def _draw(config: DemoConfig, seed: int, progress: Progress) -> Dataset:
    """The cars, new ones and, from scratch, stage 1's."""
    # The shipped model's are of series 0.
    stage1_scenes, series = (config.scenes, seed) if config.from_scratch else (0, seed + 1)
    cars = CarsConfig(stage1_scenes + config.new_scenes, stage1_scenes, config.views, config.resolution, series)
    dataset = draw_cars(config.out / "cars", cars, progress, config.out / "cache")
    write_contact_sheet(dataset, config.out / "cars.png")
    return dataset


class _Clock:
    """Seconds spent on each part, kept on the disk so that a resumed demo counts all of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.seconds: dict[str, float] = read_json(path) if path.exists() else {}
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        """Add the time since the last lap to a part."""
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now
        write_json(self._path, self.seconds)


def _metrics(
    evaluations: dict[str, Evaluation], predicted: dict[int, Predicted], model: CategoryModel, clock: _Clock
) -> dict[str, Any]:
    ours = evaluations["ours"]
    plain = {}
    if "plain" in evaluations:
        plain["psnr_plain_latent"] = evaluations["plain"].mean("psnr")
        plain["psnr_plain_autoencoder"] = evaluations["plain"].mean("psnr_autoencoder")
    return {
        "psnr_new_scenes": ours.mean("psnr"),
        "ssim_new_scenes": ours.mean("ssim"),
        "psnr_autoencoder": ours.mean("psnr_autoencoder"),
        **plain,
        "seconds_total": sum(clock.seconds.values()),
        "seconds_per_new_scene": ours.mean("seconds"),
        "bytes_per_new_scene": ours.mean("bytes"),
        "predicted": {
            views: {"psnr": mean(list(scenes.psnr.values())), "seconds": scenes.seconds, "scenes": list(scenes.psnr)}
            for views, scenes in predicted.items()
        },
        "scenes_stage1": len(model.trained_scenes),
        "scenes_stage2": len(ours.scenes),
        "seconds": clock.seconds,
        "model": model.identity(),
        "versions": versions(),
    }
