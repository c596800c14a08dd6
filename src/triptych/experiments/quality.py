"""Latent scenes against RGB tri-planes: quality on never-seen scenes against the time that a scene takes.

The protocol, for each set of scenes (procedural cars; real meshes, split by mesh, where they are given):

1. Stage 1 on its training scenes.
2. Its never-seen scenes, fitted at several budgets of time: in the latent space of stage 1, in that of the plain
   autoencoder it started from, and as RGB tri-planes without anything shared. Every budget is a run of its own, with
   the learning rates falling to their end within it.
3. PSNR and SSIM on views that were not used for fitting.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from triptych.data.generators.cars import CarsConfig
from triptych.data.generators.meshes import RenderConfig
from triptych.experiments.config import QualityConfig
from triptych.experiments.harness import Budget, how_it_was_made, measure_curve
from triptych.experiments.methods import (
    STAGE1_RUN,
    PerSceneMethod,
    SharedMethod,
    starting_from,
    train_stage1,
)
from triptych.experiments.quality_report import SetResults, write_report
from triptych.experiments.scene_sets import MeshFolder, Source, open_source, split
from triptych.files import lock
from triptych.progress import Progress
from triptych.training.conditions import CPU, Conditions
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.presets import STAGE1, STAGE2
from triptych.training.single.config import SingleTriPlanes
from triptych.training.stage1 import PLAIN_MODEL

_CARS, _MESHES = "cars", "meshes"


@dataclass(frozen=True)
class Recipe:
    """Settings of the methods, but for their budgets.

    Attributes:
        stage1: stage 1 on the cars.
        stage2: new scenes in a latent space.
        rgb: new scenes as RGB tri-planes.
        real_pretraining_epochs: length of this phase of stage 1 on real meshes; it starts from the cars' autoencoder.
        real_warmup_epochs: the same of the warm-up.
    """

    stage1: Stage1Config = STAGE1["best"]
    stage2: Stage2Config = STAGE2["best"]
    rgb: SingleTriPlanes = field(default_factory=SingleTriPlanes)
    real_pretraining_epochs: float = 4.0
    real_warmup_epochs: float = 6.0


def run_quality(
    config: QualityConfig, seed: int, progress: Progress, recipe: Recipe | None = None
) -> Mapping[str, SetResults]:
    """Measure every set, and write the results with a table and a plot.

    Returns:
        what was measured, by set.

    Raises:
        InputError: a folder holds something else, or the meshes cannot be used.
    """
    recipe, conditions = recipe or Recipe(), Conditions(seed, CPU, progress)
    config.out.mkdir(parents=True, exist_ok=True)
    with lock(config.out):
        results = {
            name: _measure_set(config, name, source, recipe, conditions)
            for name, source in _sources(config, seed).items()
        }
        about = how_it_was_made(config, conditions)
        write_report(config.results or config.out / "results.json", results, about)
    return results


def _sources(config: QualityConfig, seed: int) -> dict[str, Source]:
    count = config.scenes + config.new_scenes
    sources: dict[str, Source] = {_CARS: CarsConfig(count, config.scenes, resolution=config.resolution, seed=seed)}
    if config.meshes is not None:
        sources[_MESHES] = MeshFolder(config.meshes, RenderConfig(resolution=config.resolution))
    return sources


def _measure_set(
    config: QualityConfig, name: str, source: Source, recipe: Recipe, conditions: Conditions
) -> SetResults:
    """Stage 1, then every method at every budget on the never-seen scenes of one set."""
    folder = config.out / name
    dataset = open_source(source, folder / "data", config.out / "cache", conditions.progress)
    scenes = split(dataset, most_new=config.new_scenes)
    ours = SharedMethod("latent (ours)", _stage1(config, name, recipe), recipe.stage2)
    train_stage1(ours.stage1, scenes.trained, folder / STAGE1_RUN, conditions)
    plain = replace(ours, title="plain latent space", model=PLAIN_MODEL)
    rgb = PerSceneMethod("RGB tri-planes", recipe.rgb)
    curves = {
        "ours": [Budget(f"latent_{share:g}", {"budget": share}, ours.at(share)) for share in config.latent_budgets],
        "plain": [Budget("plain_1", {"budget": 1.0}, plain)],
        "rgb": [
            Budget(f"rgb_{steps}", {"steps": steps}, replace(rgb, rgb=replace(rgb.rgb, steps=steps)))
            for steps in config.rgb_steps
        ],
    }
    return SetResults(
        stage1_scenes=len(scenes.trained),
        new_scenes=len(scenes.new),
        stage1_seconds=ours.entry_seconds(folder),
        curves={name: measure_curve(budgets, scenes.new, folder, conditions) for name, budgets in curves.items()},
    )


def _stage1(config: QualityConfig, name: str, recipe: Recipe) -> Stage1Config:
    """The cars' as it is; on real meshes shorter phases, from the autoencoder of the cars."""
    stage1 = recipe.stage1
    if name == _CARS:
        return stage1
    shorter = replace(
        stage1,
        pretraining=replace(stage1.pretraining, epochs=recipe.real_pretraining_epochs),
        warmup=replace(stage1.warmup, epochs=recipe.real_warmup_epochs),
        joint=replace(stage1.joint, epochs=config.real_epochs),
    )
    return starting_from(shorter, config.out / _CARS / STAGE1_RUN)
