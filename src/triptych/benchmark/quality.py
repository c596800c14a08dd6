"""Latent scenes against RGB tri-planes: quality on never-seen scenes against the time that a scene takes.

The protocol, for each set of scenes (procedural cars; real meshes, split by mesh, where they are given):

1. Stage 1 on its training scenes.
2. Its never-seen scenes, fitted at several budgets of time: in the latent space of stage 1, in that of the plain
   autoencoder it started from, and as RGB tri-planes without anything shared. Every budget is a run of its own, with
   the rates falling to their end within it.
3. PSNR and SSIM on views that were not used for fitting.

Everything measured is kept in a file a scene: rerun to go on after a stop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch

from triptych.bank import SceneBank
from triptych.benchmark.quality_report import write_report
from triptych.data import Dataset, select_scenes
from triptych.data.generators.cars import CarsConfig
from triptych.data.generators.meshes import RenderConfig
from triptych.data.opening import draw_cars, draw_meshes
from triptych.data.posed_views import PosedViews
from triptych.evaluation.evaluate import evaluate
from triptych.files import lock, read_log, read_or_make
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.options import Options, Range
from triptych.progress import Progress
from triptych.runtime import commit, versions
from triptych.training.config import AutoencoderConfig, Epochs, Stage1Config, Stage2Config
from triptych.training.presets import STAGE1, STAGE2
from triptych.training.single.banks import fit_rgb_scenes
from triptych.training.single.config import SingleTriPlanes
from triptych.training.stage1 import MODEL, PLAIN_MODEL, train
from triptych.training.stage2 import fit

_CPU = torch.device("cpu")
_REAL_SET_PRETRAINING_EPOCHS = 4.0
_REAL_SET_WARMUP_EPOCHS = 6.0


@dataclass(frozen=True)
class QualityConfig(Options):
    """Latent scenes against RGB tri-planes, side by side on this machine's processor."""

    out: Path = Path("runs/quality")
    """Folder for datasets, runs and measurements; rerun to go on after a stop."""
    results: Path | None = None
    """JSON file for all results; a table and a plot are written beside it. By default results.json in the folder."""
    meshes: Path | None = None
    """Folder of real meshes for the second set; left out if not given."""
    scenes: Annotated[int, Range(1, 99_000)] = 200
    """Procedural cars for stage 1."""
    new_scenes: Annotated[int, Range(1, 1000)] = 20
    """Never-seen scenes of each set, at most."""
    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the pictures in pixels."""
    latent_budgets: tuple[Annotated[float, Range(0.001, 1000)], ...] = (0.25, 0.5, 1.0, 2.0)
    """Lengths of stage 2, as multiples of the preset's."""
    rgb_steps: tuple[Annotated[int, Range(1, 10_000_000)], ...] = (250, 500, 1000, 2000)
    """Steps of the RGB tri-planes; the last number is taken as convergence."""
    real_epochs: Epochs = 16.0
    """Epochs of the joint phase on the real meshes."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        for name in ("latent_budgets", "rgb_steps"):
            if not getattr(self, name):
                yield name, "is empty, expected at least one"
        block = STAGE1["best"].autoencoder.convolutional.downscale
        if self.resolution % block:
            yield "resolution", f"is {self.resolution}, expected a multiple of {block}"


def run_quality(
    config: QualityConfig,
    seed: int,
    progress: Progress,
    stage1: Stage1Config = STAGE1["best"],
    stage2: Stage2Config = STAGE2["best"],
) -> dict[str, Any]:
    """Measure every set, and write the results with a table and a plot.

    Raises:
        InputError: a folder holds something else, or the meshes cannot be used.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    cache = config.out / "cache"
    with lock(config.out):
        count = config.scenes + config.new_scenes
        drawn = CarsConfig(count, config.scenes, resolution=config.resolution, seed=seed)
        cars = draw_cars(config.out / "cars" / "data", drawn, progress, cache)
        sets = {"cars": _measure_set(config, "cars", cars, stage1, stage2, seed, progress)}
        if config.meshes is not None:
            # Resolved: the run's record has it, and the folder may be named otherwise next time.
            cars_model = (config.out / "cars" / "stage1").resolve()
            prior = AutoencoderConfig(kind="pretrained", pretrained=str(cars_model))
            real = replace(
                stage1,
                autoencoder=prior,
                pretraining=replace(stage1.pretraining, epochs=_REAL_SET_PRETRAINING_EPOCHS),
                warmup=replace(stage1.warmup, epochs=_REAL_SET_WARMUP_EPOCHS),
                joint=replace(stage1.joint, epochs=config.real_epochs),
            )
            views = RenderConfig(resolution=config.resolution)
            meshes = draw_meshes(config.meshes, config.out / "meshes" / "data", views, progress, cache)
            sets["meshes"] = _measure_set(config, "meshes", meshes, real, stage2, seed, progress)
        results = {
            "sets": sets,
            "config": asdict(config),
            "seed": seed,
            "commit": commit(),
            "versions": versions(),
        }
        write_report(config.results or config.out / "results.json", results)
    return results


def _measure_set(
    config: QualityConfig,
    name: str,
    dataset: Dataset,
    stage1: Stage1Config,
    stage2: Stage2Config,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Stage 1, then every method at every budget on the never-seen scenes of one set."""
    folder = config.out / name
    trained = select_scenes(dataset, "train", "train")
    new = select_scenes(dataset, "test", "test")
    new = new.subset(range(min(config.new_scenes, len(new))))
    train(trained, folder / "stage1", stage1, seed=seed, device=_CPU, progress=progress)

    latent = []
    for budget in config.latent_budgets:
        place = folder / f"latent_{budget:g}"
        latent.append(_latent(folder / "stage1" / MODEL, new, place, stage2.longer(budget), seed, progress))
    plain = _latent(folder / "stage1" / PLAIN_MODEL, new, folder / "plain_1", stage2, seed, progress)
    rgb = [
        _rgb(new, folder / f"rgb_{steps}", SingleTriPlanes(steps=steps), seed, progress) for steps in config.rgb_steps
    ]
    return {
        "stage1_scenes": len(trained),
        "new_scenes": len(new),
        "stage1_seconds": max(line["seconds"] for line in read_log(folder / "stage1")),
        "latent": [
            {"budget": budget} | _means(rows) for budget, rows in zip(config.latent_budgets, latent, strict=True)
        ],
        "plain": [{"budget": 1.0} | _means(plain)],
        "rgb": [{"steps": steps} | _means(rows) for steps, rows in zip(config.rgb_steps, rgb, strict=True)],
    }


Row = dict[str, float]


def _means(rows: Sequence[Row]) -> Row:
    """Means over the scenes."""
    return {key: mean([row[key] for row in rows]) for key in rows[0]}


def _latent(
    model_folder: Path, new: Dataset, place: Path, config: Stage2Config, seed: int, progress: Progress
) -> list[Row]:
    """Fit and measure scenes in the latent space of a model."""

    def measure() -> list[Row]:
        model = CategoryModel.load(model_folder)
        bank = fit(model, new, place / "bank", config, seed=seed, device=_CPU, progress=progress, force=True)
        progress.start("evaluate", len(bank))
        evaluation, _ = evaluate(model, bank, new, with_lpips=False, on_scene=lambda name: progress.advance())
        return [row | _parts(model, bank, new, name) for name, row in evaluation.scenes.items()]

    return read_or_make(place / "measured.json", measure)


@torch.no_grad()
def _parts(model: CategoryModel, bank: SceneBank, dataset: Dataset, name: str) -> Row:
    """Which part holds a scene back: the latents that are rendered, or what the decoder makes of them.

    Returns:
        ``latent_error``: root mean square difference between encoded and rendered latents of test views, relative to
        the standard deviation of the encoded ones; ``psnr_train_views``: quality on as many of the views that were
        used for fitting.
    """
    scene = dataset.subset([dataset.names.index(name)])
    stored, views, seen = bank.scene(name), PosedViews(scene, "test"), PosedViews(scene)
    test, train_views = views.group(range(len(views))), seen.group(range(0, len(seen), len(seen) // len(views) or 1))
    found = model.render_scene(stored.micro, stored.coefficients, views.cameras(test, _CPU))
    fitted = model.render_scene(stored.micro, stored.coefficients, seen.cameras(train_views, _CPU))
    encoded = model.encode(views.images(test, _CPU))
    spread = encoded - encoded.mean(dim=(0, 2, 3), keepdim=True)
    return {
        "latent_error": float(((found.latents - encoded).square().mean() / spread.square().mean()).sqrt()),
        "psnr_train_views": mean(psnr(fitted.images, seen.images(train_views, _CPU))),
    }


def _rgb(new: Dataset, place: Path, config: SingleTriPlanes, seed: int, progress: Progress) -> list[Row]:
    """Fit and measure scenes as RGB tri-planes, one after another."""
    banks = fit_rgb_scenes(new, place, config, seed=seed, progress=progress)
    return [_rgb_row(bank, new) for bank in banks.values()]


def _rgb_row(bank: SceneBank, new: Dataset) -> Row:
    evaluation, _ = evaluate(bank.load_model(), bank, new, with_lpips=False)
    (row,) = evaluation.scenes.values()
    return {key: row[key] for key in ("psnr", "ssim", "seconds")}
