"""Latent scenes against RGB tri-planes: quality on never-seen scenes against the time that a scene takes.

The protocol, for each set of scenes (procedural cars; real objects, split by mesh, where they are given):

1. Stage 1 on its training scenes, which are then measured on their fitted and on their test views; and rehearsals with
   them, if asked for.
2. Its never-seen scenes, fitted at several budgets of time: in the latent space of stage 1 (or in image space, where
   it has no autoencoder), in that of the plain autoencoder it started from, and as RGB tri-planes without anything
   shared. Every budget is a run of its own, with the learning rates falling to their end within it; RGB tri-planes get
   longer budgets until they have converged.
3. PSNR and SSIM on views that were not used for fitting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from triptych.data.generators.cars import CarsConfig
from triptych.experiments.config import CACHE, CARS, QualityConfig, QualityPreset
from triptych.experiments.curves import Curve
from triptych.experiments.harness import Budget, how_it_was_made, learn_and_measure, measure_curve
from triptych.experiments.methods import PerSceneMethod, RehearsedMethod, SharedMethod
from triptych.experiments.quality_report import SetResults, write_report
from triptych.experiments.scene_sets import SceneSet, Source, open_source, source_in, split
from triptych.experiments.speed import has_converged
from triptych.files import lock
from triptych.progress import Progress
from triptych.training.autoencoder_config import NoAutoencoder
from triptych.training.conditions import Conditions
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.presets import STAGE1, STAGE2
from triptych.training.rehearsing.config import Rehearsing
from triptych.training.single.config import SingleTriPlanes
from triptych.training.single.tuned import tuned_triplanes
from triptych.training.stage1 import PLAIN_MODEL


@dataclass(frozen=True)
class Recipe:
    """Settings of the methods, the same for every set.

    Attributes:
        stage1: stage 1.
        stage2: new scenes in a latent space.
        rgb: new scenes as RGB tri-planes, by the number of steps.
    """

    stage1: Stage1Config
    stage2: Stage2Config
    rgb: Callable[[int], SingleTriPlanes] = tuned_triplanes

    @classmethod
    def of(cls, preset: QualityPreset) -> "Recipe":
        """That of a preset."""
        return cls(STAGE1[preset], STAGE2[preset])


def run_quality(
    config: QualityConfig, conditions: Conditions, recipe: Recipe | None = None
) -> Mapping[str, SetResults]:
    """Measure every set, and write the results with a table and a plot.

    Returns:
        what was measured, by set.

    Raises:
        InputError: a folder holds something else, or a set cannot be used.
    """
    recipe = recipe or Recipe.of(config.preset)
    chosen = sources(config, conditions.seed)
    config.out.mkdir(parents=True, exist_ok=True)
    with lock(config.out):
        # All of them first: what is wrong with one shows before hours go into another.
        sets = {name: _open(config, name, source, conditions.progress) for name, source in chosen.items()}
        results: dict[str, SetResults] = {}
        for name, scenes in sets.items():
            results[name] = _measure_set(config, name, scenes, recipe, conditions)
            about = how_it_was_made(config, conditions)
            write_report(config.results or config.out / "results.json", results, about)
    return results


def sources(config: QualityConfig, seed: int) -> dict[str, Source]:
    """Where each set comes from, by its name.

    Raises:
        InputError: a folder holds neither a dataset nor meshes.
    """
    count = config.scenes + config.new_scenes
    cars = CarsConfig(count, config.scenes, resolution=config.resolution, seed=seed)
    real = {name: source_in(folder, config.resolution) for name, folder in config.folders().items()}
    return {CARS: cars, **real} if config.cars else {**real}


def _open(config: QualityConfig, name: str, source: Source, progress: Progress) -> SceneSet:
    dataset = open_source(source, config.out / name / "data", config.out / CACHE, progress)
    return split(dataset, most_new=config.new_scenes, most_trained=config.scenes)


def _measure_set(
    config: QualityConfig, name: str, scenes: SceneSet, recipe: Recipe, conditions: Conditions
) -> SetResults:
    """Stage 1, then every method at every budget on the never-seen scenes of one set."""
    folder = config.out / name
    in_image_space = isinstance(recipe.stage1.autoencoder, NoAutoencoder)
    space = "image space" if in_image_space else "latent"
    ours = SharedMethod(f"{space} (ours)", recipe.stage1, recipe.stage2)
    if config.rehearsals:
        rehearsing = Rehearsing(rounds=config.rehearsals, held_out=0)
        ours = RehearsedMethod(f"{space} (ours)", recipe.stage1, recipe.stage2, rehearsing=rehearsing)
    conditions.progress.note(f"{name}: {len(scenes.trained)} scenes of stage 1, {len(scenes.new)} never-seen ones")
    trained = learn_and_measure(ours, scenes.trained, folder, conditions)
    budgets = {
        "ours": [Budget(f"latent_{share:g}", {"budget": share}, ours.at(share)) for share in config.latent_budgets]
    }
    if not in_image_space:
        plain = replace(ours, title="plain latent space", model=PLAIN_MODEL)
        budgets["plain"] = [Budget("plain_1", {"budget": 1.0}, plain)]
    curves = {name: measure_curve(points, scenes.new, folder, conditions) for name, points in budgets.items()}
    return SetResults(
        stage1_scenes=len(scenes.trained),
        new_scenes=len(scenes.new),
        stage1_seconds=ours.entry_seconds(folder),
        trained=trained,
        curves={**curves, "rgb": _rgb_curve(config, recipe, scenes, folder, conditions)},
    )


def _rgb_curve(config: QualityConfig, recipe: Recipe, scenes: SceneSet, folder: Path, conditions: Conditions) -> Curve:
    """RGB tri-planes at all budgets, and at further ones until they have converged or the longest is reached."""
    steps = sorted(set(config.rgb_steps))
    while True:
        budgets = [
            Budget(f"rgb_{count}", {"steps": count}, PerSceneMethod("RGB tri-planes", recipe.rgb(count)))
            for count in steps
        ]
        curve = measure_curve(budgets, scenes.new, folder, conditions)
        if has_converged(curve) or 2 * steps[-1] > config.rgb_most_steps:
            return curve
        steps.append(2 * steps[-1])
