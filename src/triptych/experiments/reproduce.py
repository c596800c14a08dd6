"""The slides' tables and figures, reproduced: baselines and ablations as ordinary configurations, measured alike."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from triptych.data import Dataset, DatasetConfig
from triptych.data.generators.cars import CarsConfig
from triptych.data.generators.meshes import RenderConfig
from triptych.experiments.config import ReproduceConfig
from triptych.experiments.harness import Budget, fit_and_measure, how_it_was_made, learn_and_measure, measure_curve
from triptych.experiments.methods import Method, train_stage1
from triptych.experiments.scene_sets import MeshFolder, SceneSet, Source, open_source, split
from triptych.experiments.slides.costs import Costs, MethodResults, costs_of
from triptych.experiments.slides.methods import slide_methods
from triptych.experiments.slides.page import EXPLOIT, Category, exploit_scene, write_category, write_page
from triptych.experiments.slides.scales import SCALES, Scale
from triptych.files import lock, read_or_make
from triptych.progress import Progress
from triptych.training.conditions import Conditions


def run_reproduce(config: ReproduceConfig, conditions: Conditions, scale: Scale | None = None) -> Path:
    """Run what has not been run, then write tables, figures, videos and ``report.html``.

    Each category's autoencoder starts from one that was pre-trained on the views of the other category's stage-1
    scenes; of a single category, on its own.

    Args:
        config: what to run, and where.
        conditions: seed, device, progress.
        scale: another scale than the one that ``config`` names.

    Returns:
        The page.

    Raises:
        InputError: a folder holds something else, or the data cannot be used.
    """
    scale, progress = _scale(config, scale), conditions.progress
    config.out.mkdir(parents=True, exist_ok=True)
    with lock(config.out):
        sources = _sources(config, scale, conditions.seed)
        sets = {name: _open(config, name, source, scale, progress) for name, source in sources.items()}
        for name, scenes in sets.items():
            others = [other.trained for other in sets.values() if other is not scenes]
            methods = _methods(config, config.out / name, scale, [*others, scenes.trained][0], conditions)
            write_category(_measure(config.out / name, methods, scenes, scale, conditions))
        return write_page(config.out, list(sets), how_it_was_made(config, conditions))


def _scale(config: ReproduceConfig, scale: Scale | None) -> Scale:
    scale = scale or SCALES[config.scale]
    return replace(
        scale,
        train_scenes=config.train_scenes or scale.train_scenes,
        exploit_scenes=config.exploit_scenes or scale.exploit_scenes,
    )


def _sources(config: ReproduceConfig, scale: Scale, seed: int) -> Mapping[str, Source]:
    """Where each category comes from, by the name of its folder in ``out``."""
    sources: dict[str, Source] = {}
    if config.data is not None:
        sources[config.category()] = DatasetConfig(config.data)
    else:
        count = scale.train_scenes + scale.exploit_scenes
        cars = CarsConfig(count, scale.train_scenes, resolution=config.resolution, seed=seed)
        sources[config.category()] = cars
    if config.meshes is not None:
        sources["meshes"] = MeshFolder(config.meshes, RenderConfig(resolution=config.resolution))
    return sources


def _open(config: ReproduceConfig, name: str, source: Source, scale: Scale, progress: Progress) -> SceneSet:
    dataset = open_source(source, config.out / "data" / name, config.out / "cache", progress)
    return split(dataset, most_new=scale.exploit_scenes, most_trained=scale.train_scenes)


def _methods(
    config: ReproduceConfig, folder: Path, scale: Scale, prior_scenes: Dataset, conditions: Conditions
) -> Mapping[str, Method]:
    """The chosen methods, once the autoencoder that they start from is there."""
    prior = None
    if scale.prior is not None:
        prior = folder / "prior"
        train_stage1(scale.prior, prior_scenes, prior, conditions)
    return {name: method for name, method in slide_methods(scale, prior).items() if name in (config.only or (name,))}


def _measure(
    folder: Path, methods: Mapping[str, Method], scenes: SceneSet, scale: Scale, conditions: Conditions
) -> Category:
    """Every method on one category: quality and costs, and quality against time of those that have budgets."""
    results: dict[str, MethodResults] = {}
    for name, method in methods.items():
        conditions.progress.note(f"{folder.name}: {method.title}")
        results[name] = _measure_method(method, folder / name, scenes, conditions)
    some = scenes.new.subset(range(len(scenes.new))[: scale.budget_scenes])
    curves = {
        name: measure_curve(_budgets(methods[name], shares), some, folder / name, conditions)
        for name, shares in (("rgb", scale.rgb_budgets), ("ours", scale.latent_budgets))
        if name in methods
    }
    return Category(folder, scenes, methods, results, curves)


def _budgets(method: Method, shares: Sequence[float]) -> list[Budget]:
    return [Budget(f"budget_{share:g}", {"budget": share}, method.at(share)) for share in shares]


def _measure_method(method: Method, folder: Path, scenes: SceneSet, conditions: Conditions) -> MethodResults:
    train = learn_and_measure(method, scenes.trained, folder, conditions)
    exploit = fit_and_measure(method, scenes.new, folder / EXPLOIT, conditions)

    def costs() -> Costs:
        scene = exploit_scene(method, folder, scenes.new.names[0])
        return costs_of(method, exploit, scene, scenes.new.cameras(0)[:1], folder)

    file = folder / "costs.json"
    return MethodResults(
        method.title, train, exploit, Costs.from_json(read_or_make(file, lambda: asdict(costs())), file)
    )
