"""Whole training steps: what they cost with either renderer, and as scenes, base planes and pictures become more."""

from collections.abc import Callable
from dataclasses import replace

import torch

from triptych.benchmark.measure import available_memory, peak_extra_mb, time_in_turn
from triptych.benchmark.sizes import Sizes, fit_phase, joint_phase, random_model, random_scenes, warmup_phase
from triptych.data.posed_views import Batch, PosedViews
from triptych.geometry import bit_grid
from triptych.representation.kernels import Backend
from triptych.training.config import Phase, SkippingConfig
from triptych.training.fitting import Fitting
from triptych.training.joint import ShuffledViews
from triptych.training.scenes import SceneParameters
from triptych.training.step import Work, take_step

SCENES = 100
MANY_SCENES = 10_000
BASES = (10, 50, 100)
FITTED_AT_ONCE = 16
_NEVER_SKIP = SkippingConfig(first_update=10**9)


def steps_of_both_backends(repeats: int) -> dict[str, float]:
    """Median seconds of a step of the warm-up, of the joint phase and of stage 2, with either renderer.

    Fresh scenes have no empty space yet: nothing is skipped.
    """
    sizes = Sizes()
    calls: dict[str, Callable[[], object]] = {}
    backends: dict[str, Backend] = {"fused": "cpu", "reference": "reference"}
    for name, backend in backends.items():
        calls[f"{name} warm-up step"] = _joint_call(sizes, warmup_phase(sizes), SCENES, backend)
        calls[f"{name} joint step"] = _joint_call(sizes, joint_phase(sizes), SCENES, backend)
        calls[f"{name} stage-2 step"] = _fit_call(sizes, backend)
    return time_in_turn(calls, repeats)


def growth_with_bases(repeats: int) -> dict[int, float]:
    """Median seconds of a warm-up step as the base planes become more."""
    calls = {}
    for bases in BASES:
        sizes = replace(Sizes(), bases=bases)
        calls[str(bases)] = _joint_call(sizes, warmup_phase(sizes), SCENES)
    return {int(bases): seconds for bases, seconds in time_in_turn(calls, repeats).items()}


class _ViewsOfDifferentScenes(PosedViews):
    """Batches in which every view is of another scene: the same work however many scenes there are."""

    def batch(self, step: int, size: int, seed: int) -> Batch:
        """One view each of random scenes."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        scenes = torch.randperm(len(self.dataset), generator=generator)[:size]
        views = len(self.views_of[0])
        return self.group(scenes * views + torch.randint(views, scenes.shape, generator=generator))


def growth_with_scenes(repeats: int) -> tuple[dict[int, float], int]:
    """Median seconds of a warm-up step as the scenes become more, in turn; and the resolution of their planes.

    10,000 scenes with planes of 64x64 texels take 15 GB with their Adam moments; where that does not fit, the planes
    of all runs are made smaller.
    """
    sizes, free = Sizes(), available_memory()
    while free is not None and sizes.resolution > 8 and 1.2 * _bytes_of_scenes(sizes, MANY_SCENES) > free:
        sizes = replace(sizes, resolution=sizes.resolution // 2)
    calls = {str(count): _joint_call(sizes, warmup_phase(sizes), count) for count in (SCENES, 10 * SCENES, MANY_SCENES)}
    return {int(count): seconds for count, seconds in time_in_turn(calls, repeats).items()}, sizes.resolution


def memory_of_warmup_step() -> float | None:
    """Peak memory in MB of a warm-up step above parameters, Adam moments and cached latents."""
    sizes = Sizes()
    call = _joint_call(sizes, warmup_phase(sizes), SCENES)
    for _ in range(SCENES // sizes.views + 1):  # gradients and moments come into being in the first steps
        call()
    peaks = [peak_extra_mb(call) for _ in range(3)]
    return max(peak for peak in peaks if peak is not None) if None not in peaks else None


def _bytes_of_scenes(sizes: Sizes, count: int) -> int:
    texels = 3 * sizes.resolution**2 * sizes.planes().micro_features
    latents = 32 * sizes.side**2 * sizes.channels
    return count * (3 * 4 * texels + 2 * latents)


def _joint_call(sizes: Sizes, phase: Phase, count: int, backend: Backend = "auto") -> Callable[[], object]:
    """A call that takes the next step of a phase on random scenes, whose memory has all been touched before."""
    model = random_model(sizes)
    views = _ViewsOfDifferentScenes(random_scenes(count))
    planes = sizes.planes()
    micro = torch.empty(count, *planes.micro_shape).fill_(0.1)
    scenes = SceneParameters(micro, torch.full((count, planes.coefficients), 1 / sizes.bases), bit_grid.everywhere())
    for rows in (scenes.micro, scenes.coefficients):
        rows.first_moment.fill_(0.0)
        rows.second_moment.fill_(0.0)
    work = Work(phase, model, scenes, views, _NEVER_SKIP, backend)
    if (
        phase.rates.encoder == 0
    ):  # what they are makes no difference, and encoding the views of 10,000 scenes takes long
        work.latents = torch.empty(len(views), sizes.channels, sizes.side, sizes.side, dtype=torch.float16).fill_(0.5)
    chooser, steps = ShuffledViews(views, seed=0), iter(range(10**9))
    return lambda: take_step(work, next(steps), chooser)


def _fit_call(sizes: Sizes, backend: Backend) -> Callable[[], object]:
    """A call that takes the next step of scenes fitted side by side, two views of each."""
    phase = fit_phase(sizes.views // FITTED_AT_ONCE)
    fitting = Fitting(random_model(sizes), random_scenes(FITTED_AT_ONCE), seed=0)
    work, steps = fitting.begin(phase, _NEVER_SKIP, backend), iter(range(10**9))
    return lambda: take_step(work, next(steps), fitting.everyone)
