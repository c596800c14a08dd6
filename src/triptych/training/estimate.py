"""What training will take, about: a few of its steps, timed on copies before the work."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch

from triptych.bank import Scene, compare_views
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.files import is_too_large
from triptych.geometry import bit_grid
from triptych.model import CategoryModel
from triptych.representation.field import TriPlaneField
from triptych.runtime import computes_by_itself, peak_memory, thread_count_kept, wait_for
from triptych.training import captured, edges, memory
from triptych.training.config import SkippingConfig, Stage1Config, Stage2Config
from triptych.training.fitting import Fitting
from triptych.training.in_place import steps_of
from triptych.training.joint import ShuffledViews
from triptych.training.loop import Step, TrainingState
from triptych.training.outcome import compared_views
from triptych.training.phase import Phase
from triptych.training.pretraining import pretrain
from triptych.training.scenes import SceneParameters
from triptych.training.single.config import SingleTriPlanes
from triptych.training.single.fields import TriPlanes
from triptych.training.single.fitting import fit_field
from triptych.training.single.targets import image_space, ray_targets
from triptych.training.step import Work, take_step

WORTH_IT = 300
"""Steps from which on an estimate is worth the seconds that it takes."""
_SCENES, _TOGETHER = 4, 2
"""Scenes that steps are timed on: those of one batch, and those that are fitted side by side."""
_TIMED = 2


@dataclass(frozen=True)
class Estimate:
    """What some work will take, about.

    Attributes:
        seconds: wall time, with the machine as busy as it is now.
        memory: bytes of the process, or of the device that computes.
    """

    seconds: float
    memory: int

    def __str__(self) -> str:
        minutes = self.seconds / 60
        if minutes < 1.5:
            duration = f"{max(self.seconds, 1):.0f} seconds"
        else:
            duration = f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
        return f"about {duration}, {self.memory / 1e9:.1f} GB of memory"


@contextmanager
def set_apart() -> Iterator[None]:
    """Leave random numbers and threads as they are, so that an estimate changes no result."""
    with thread_count_kept(), torch.random.fork_rng():
        yield


def few_scenes(dataset: Dataset) -> Dataset:
    """The scenes that steps are timed on."""
    return dataset.subset(range(min(len(dataset), _SCENES)))


@dataclass(frozen=True)
class Amount:
    """How much there is to do.

    Attributes:
        scenes: number of scenes.
        views: number of training views of all.
    """

    scenes: int
    views: int

    @classmethod
    def of(cls, dataset: Dataset) -> "Amount":
        """All of a dataset."""
        return cls(len(dataset), sum(_views(dataset, scene) for scene in range(len(dataset))))


def of_stage1(model: CategoryModel, part: Dataset, amount: Amount, config: Stage1Config, seed: int) -> Estimate:
    """What stage 1 takes, by steps on a few scenes.

    Args:
        model: made for it, which is changed.
        part: see ``few_scenes``.
        amount: of all scenes.
        config: all settings.
        seed: of the steps.
    """
    timer = _Timer(model.aabb.device)
    if config.pretraining.epochs and any(True for _ in model.autoencoder.parameters()):
        pretrain(deepcopy(model.autoencoder), PosedViews(part), config.pretraining, seed, timer)
    generator = torch.Generator().manual_seed(seed)
    scenes = SceneParameters.fresh(config.planes, len(part), generator, model.aabb.device, config.moments)
    scenes.occupancy[:] = ball().to(scenes.occupancy.device)
    phases = (config.warmup, config.joint)
    seconds = timer.of(config.pretraining.schedule(amount.views).steps)
    seconds += _together(model, scenes, PosedViews(part), phases, config.skipping, amount, seed)
    device = model.aabb.device
    needed, for_part = (
        sum(memory.of_stage1(config, count, part.height, part.width, device).values())
        for count in (amount.scenes, len(part))
    )
    seen = seen_bytes(model, amount.views, config, part)
    kept = 0 if is_too_large(seen) else seen - seen_bytes(model, len(PosedViews(part)), config, part)
    return Estimate(seconds, peak_memory(device) + needed - for_part + kept)


def seen_bytes(model: CategoryModel, views: int, config: Stage1Config, dataset: Dataset) -> int:
    """Bytes that stage 1 keeps of what so many views of a dataset show.

    Random pixels in image space are looked up in the pictures' bytes. Latents, and opacities beside them, are kept in
    half precision, see ``encode_views``.
    """
    phases = (config.warmup, config.joint)
    if model.is_image_space and all(phase.pixels or phase.is_empty for phase in phases):
        of_pixel = 4 if dataset.keeps_alpha else 3
    else:
        opacities = dataset.keeps_alpha and any(phase.weights.opacity for phase in phases)
        of_pixel = 2 * (model.autoencoder.channels + opacities)
    of_edges = edges.BYTES if any(phase.edge_share for phase in phases) else 0
    return (of_pixel * math.prod(model.latent_size) + of_edges) * views


def of_stage2(model: CategoryModel, part: Dataset, amount: Amount, config: Stage2Config, seed: int) -> Estimate:
    """What fitting scenes takes, measuring them included; arguments as in ``of_stage1``."""
    device = model.aabb.device
    if config.finetune_shared:
        trained = deepcopy(model)
        scenes = SceneParameters.started(model.start_micro, model.start_coefficients, model.start_occupancy, len(part))
        phases = (config.latent, config.image)
        seconds = _together(trained, scenes, PosedViews(part), phases, config.skipping, amount, seed)
    else:
        alike = [scene for scene in range(len(part)) if _views(part, scene) == _views(part, 0)]
        group = part.subset(alike[: min(config.scenes_at_once or _TOGETHER, _TOGETHER)])
        started = time.perf_counter()
        fitting = Fitting(model, group, seed, config.start)
        wait_for(device)
        seconds = (time.perf_counter() - started) * amount.scenes / len(group)
        for phase in (config.latent, config.image):
            work, per_epoch = fitting.begin(phase, config.skipping), fitting.everyone.views_per_epoch
            take, steps = steps_of(work, fitting.everyone), float(phase.steps(per_epoch))
            seconds += _phase(work, per_epoch, take, steps, 1.0) * amount.scenes / len(group)
    seconds += _measuring(model, part) * amount.scenes
    needed, for_part = (
        sum(memory.of_stage2(config, model.config.planes, count).values()) for count in (amount.scenes, _TOGETHER)
    )
    return Estimate(seconds, peak_memory(device) + max(0, needed - for_part))


def of_rgb(scene: Dataset, config: SingleTriPlanes, seed: int) -> Estimate:
    """What one scene as RGB tri-planes takes."""
    space = image_space(scene)
    timer = _Timer(space.aabb.device)
    started = time.perf_counter()
    fitted, targets = TriPlanes(scene, config, space, seed), ray_targets(scene, space, with_edges=config.edge_share > 0)
    fitted.scenes.occupancy[:] = ball()
    seconds = time.perf_counter() - started
    fit_field(fitted, targets, config, seed, timer)
    return Estimate(seconds + timer.of(config.steps), peak_memory(space.aabb.device))


class SceneInItsCells(Scene):
    """A scene that is sampled where the model's new scenes start, whatever its planes hold: those of a model that is
    not trained yet are fog all over the box."""

    @cached_property
    def field(self) -> TriPlaneField:
        field = self.model.field(self.micro[None], self.coefficients[None])
        return replace(field, occupancy=self.model.start_occupancy[None])


class _Timer:
    """Steps of which only the first few are taken, and timed on the device that computes."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._seconds: list[float] = []

    def steps(self, phase: str, count: int, state: TrainingState) -> Iterator[Step]:
        """The first few steps of a phase."""
        for number in range(min(count, 1 + _TIMED)):
            started = time.perf_counter()
            yield Step(number, count)
            wait_for(self._device)
            self._seconds.append(time.perf_counter() - started)

    def of(self, steps: int) -> float:
        """Seconds of so many."""
        return steps * min(self._seconds, default=0.0)


def _together(
    model: CategoryModel,
    scenes: SceneParameters,
    views: PosedViews,
    phases: tuple[Phase, ...],
    skipping: SkippingConfig,
    amount: Amount,
    seed: int,
) -> float:
    """Seconds of phases in which so many scenes and what they share are trained."""
    seconds, chooser = 0.0, ShuffledViews(views, seed)
    for phase in phases:
        if not phase.is_empty:
            work = Work(phase, model, scenes, views, skipping)
            timed = phase.steps(amount.views) * _timed_steps(phase, amount.scenes, len(views.dataset))
            take = partial(take_step, work, chooser=chooser)
            seconds += _phase(work, chooser.views_per_epoch, take, timed, amount.views / len(views))
    return seconds


def _timed_steps(phase: Phase, scenes: int, timed_on: int) -> float:
    """How many of the timed steps, on views of few scenes, a step on views of all takes: random pixels are so many per
    scene."""
    return _scenes_in_step(scenes, phase.batch) / _scenes_in_step(timed_on, phase.batch) if phase.pixels else 1.0


def _scenes_in_step(scenes: int, views: int) -> float:
    """Of how many scenes so many random views are, on the average."""
    return scenes * (1 - (1 - 1 / scenes) ** views)


def _phase(work: Work, views_per_epoch: int, take: Callable[[int], object], steps: float, encoded: float) -> float:
    """Seconds of so many steps, and of encoding so many times the views that they are timed on."""
    if not steps:
        return 0.0
    started = time.perf_counter()
    work.prepare()
    seconds = encoded * (time.perf_counter() - started)
    share, last = work.phase.one_ray_share, work.phase.steps(views_per_epoch) - 1
    parts = {0: share, last: 1 - share} if 0 < share < 1 else {0: 1.0}
    return seconds + steps * sum(part * _step(take, number, work.model.aabb.device) for number, part in parts.items())


def _step(take: Callable[[int], object], number: int, device: torch.device) -> float:
    """Seconds of a step; the first times it may be compiled, and recorded."""
    times = []
    for _ in range(1 + (captured.BEFORE if computes_by_itself(device) else 0) + _TIMED):
        started = time.perf_counter()
        take(number)
        wait_for(device)
        times.append(time.perf_counter() - started)
    return min(times)


@torch.no_grad()
def _measuring(model: CategoryModel, dataset: Dataset) -> float:
    """Seconds of measuring a scene before and after it is fitted."""
    start, views = SceneInItsCells.start_of(model), compared_views(dataset, 0)
    started = time.perf_counter()
    compare_views(start, dataset, 0, views).psnr()
    each = (time.perf_counter() - started) / len(views)
    return each * (len(views) + max(len(views), len(dataset.views(0).test)))


def _views(dataset: Dataset, scene: int) -> int:
    return len(dataset.views(scene).train)


def ball() -> torch.Tensor:
    """The cells of a ball of three fifths of the box, about as much as objects fill."""
    axis = (torch.arange(bit_grid.SIDE) + 0.5) / bit_grid.SIDE * 2 - 1
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    return bit_grid.pack(x**2 + y**2 + z**2 < 0.6**2)
