"""All experiments of one or two categories, one after another, and the report about them."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from triptych.data import Dataset, DatasetConfig, select_scenes
from triptych.data.generators.cars import CarsConfig
from triptych.data.generators.meshes import RenderConfig
from triptych.data.opening import draw_cars, draw_meshes, open_data
from triptych.files import lock, write_json
from triptych.progress import Progress
from triptych.reproduce.config import ReproduceConfig
from triptych.reproduce.experiments import SCALES, Scale, experiments
from triptych.reproduce.measuring import Workshop, measure, measure_budgets
from triptych.reproduce.page import write_category, write_page
from triptych.runtime import commit, versions
from triptych.training.stage1 import train

_WITH_BUDGETS = ("rgb", "ours")


def run_reproduce(
    config: ReproduceConfig, *, seed: int, device: torch.device, progress: Progress, scale: Scale | None = None
) -> Path:
    """Run what has not been run, then write tables, figures, videos and ``report.html``.

    Each category's autoencoder starts from one that was pre-trained on the views of the other category's stage-1
    scenes; of a single category, on its own.

    Args:
        config: what to run, and where.
        seed: all random numbers follow from it.
        device: where to compute; RGB tri-planes are always fitted on the CPU.
        progress: where to show how it goes.
        scale: another scale than the one that ``config`` names.

    Returns:
        The page.

    Raises:
        InputError: a folder holds something else, or the data cannot be used.
    """
    scale = scale or SCALES[config.scale]
    scale = replace(
        scale,
        train_scenes=config.train_scenes or scale.train_scenes,
        exploit_scenes=config.exploit_scenes or scale.exploit_scenes,
    )
    config.out.mkdir(parents=True, exist_ok=True)
    with lock(config.out):
        categories = _categories(config, scale, seed, progress)
        shops = {name: _workshop(data, scale, seed, device, progress) for name, data in categories.items()}
        for name, shop in shops.items():
            other = next((other for other in shops if other != name), name)
            _run_category(config, config.out / name, shop, shops[other].trained, progress)
        about = {
            "config": asdict(config),
            "seed": seed,
            "device": device.type,
            "commit": commit(),
            "versions": versions(),
        }
        return write_page(config.out, list(shops), about)


def _run_category(
    config: ReproduceConfig, folder: Path, shop: Workshop, prior_scenes: Dataset, progress: Progress
) -> None:
    prior = None
    if shop.scale.prior is not None:
        prior = folder.resolve() / "prior"  # the run's record has it; the folder may be named otherwise next time
        train(prior_scenes, prior, shop.scale.prior, seed=shop.seed, device=shop.device, progress=progress)
    methods = experiments(shop.scale, prior)
    chosen = {name: method for name, method in methods.items() if name in config.only or not config.only}
    results: dict[str, Any] = {}
    for name, method in chosen.items():
        progress.note(f"{folder.name}: {method.title}")
        results[name] = measure(method, folder / name, shop)
    budgets = {name: measure_budgets(chosen[name], folder / name, shop) for name in _WITH_BUDGETS if name in chosen}
    write_json(folder / "measured.json", {"experiments": results, "budgets": budgets})
    write_category(folder, chosen, results, budgets, shop)


def _workshop(dataset: Dataset, scale: Scale, seed: int, device: torch.device, progress: Progress) -> Workshop:
    trained, new = select_scenes(dataset, "train", "train"), select_scenes(dataset, "test", "test")
    trained = trained.subset(range(min(scale.train_scenes, len(trained))))
    new = new.subset(range(min(scale.exploit_scenes, len(new))))
    return Workshop(trained, new, scale, seed, device, progress)


def _categories(config: ReproduceConfig, scale: Scale, seed: int, progress: Progress) -> Mapping[str, Dataset]:
    """The datasets by the name of their folder in ``out``."""
    cache, found = config.out / "cache", {}
    if config.data is not None:
        found[config.data.resolve().name] = open_data(DatasetConfig(config.data, cache=cache), progress)
    else:
        count = scale.train_scenes + scale.exploit_scenes
        cars = CarsConfig(count, scale.train_scenes, resolution=config.resolution, seed=seed)
        found["cars"] = draw_cars(config.out / "data" / "cars", cars, progress, cache)
    if config.meshes is not None:
        views = RenderConfig(resolution=config.resolution)
        found["meshes"] = draw_meshes(config.meshes, config.out / "data" / "meshes", views, progress, cache)
    return found
