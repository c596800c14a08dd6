"""Whole training steps: what they cost with either renderer, and as scenes, base planes and pictures become more."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import psutil
import torch

from triptych.benchmark.measure import peak_extra_mb, time_in_turn
from triptych.benchmark.sizes import Sizes, fit_phase, joint_phase, random_model, random_scenes, warmup_phase
from triptych.benchmark.workload import backends
from triptych.data.posed_views import Batch, PosedViews
from triptych.geometry import bit_grid
from triptych.representation.kernels import Backend
from triptych.runtime import free_memory
from triptych.training.config import SkippingConfig
from triptych.training.fitting import Fitting
from triptych.training.joint import ShuffledViews
from triptych.training.phase import Phase
from triptych.training.scenes import SceneParameters
from triptych.training.step import Work, take_step

_NEVER_SKIP = SkippingConfig(first_update=10**9)


def steps_of_both_backends(
    sizes: Sizes, scenes: int, fitted_at_once: int, repeats: int, device: torch.device
) -> dict[str, float]:
    """Median seconds of a step of the warm-up, of the joint phase and of stage 2, with either renderer.

    Fresh scenes have no empty space yet: nothing is skipped.

    Args:
        sizes: sizes of a batch and of the scenes.
        scenes: how many scenes stage 1 learns.
        fitted_at_once: how many scenes stage 2 fits side by side.
        repeats: how often each step is taken.
        device: what computes.
    """
    calls: dict[str, Callable[[], object]] = {}
    for name, backend in backends(device).items():
        steps = steps_of(sizes, scenes, fitted_at_once, device, backend)
        calls |= {f"{name} {step}": call for step, call in steps.items()}
    return time_in_turn(calls, repeats, device)


def steps_of(
    sizes: Sizes, scenes: int, fitted_at_once: int, device: torch.device, backend: Backend = "auto"
) -> dict[str, Callable[[], object]]:
    """Calls that each take the next step of a phase; arguments as above."""
    return {
        "warm-up step": _joint_call(sizes, warmup_phase(sizes), scenes, device, backend),
        "joint step": _joint_call(sizes, joint_phase(sizes), scenes, device, backend),
        "stage-2 step": _fit_call(sizes, fitted_at_once, device, backend),
    }


def growth_with_bases(
    sizes: Sizes, scenes: int, counts: Sequence[int], repeats: int, device: torch.device
) -> dict[int, float]:
    """Median seconds of a warm-up step as the base planes become more."""
    varied = {str(count): replace(sizes, bases=count) for count in counts}
    calls = {count: _joint_call(sizes, warmup_phase(sizes), scenes, device) for count, sizes in varied.items()}
    return {int(count): seconds for count, seconds in time_in_turn(calls, repeats, device).items()}


class _ViewsOfDifferentScenes(PosedViews):
    """Batches in which every view is of another scene: the same work however many scenes there are."""

    def batch(self, step: int, size: int, seed: int) -> Batch:
        """One view each of random scenes."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        scenes = torch.randperm(len(self.dataset), generator=generator)[:size]
        views = len(self.views_of[0])
        return self.group(scenes * views + torch.randint(views, scenes.shape, generator=generator))


def growth_with_scenes(
    sizes: Sizes, counts: Sequence[int], repeats: int, device: torch.device
) -> tuple[dict[int, float], int]:
    """Median seconds of a warm-up step as the scenes become more, in turn; and the resolution of their planes.

    10,000 scenes with planes of 64x64 texels take 15 GB with their Adam moments; where that does not fit, the planes
    of all runs are made smaller.
    """
    free = _free_bytes(device)
    while sizes.resolution > 8 and 1.2 * _bytes_of_scenes(sizes, max(counts)) > free:
        sizes = replace(sizes, resolution=sizes.resolution // 2)
    calls = {str(count): _joint_call(sizes, warmup_phase(sizes), count, device) for count in counts}
    return {int(count): seconds for count, seconds in time_in_turn(calls, repeats, device).items()}, sizes.resolution


def memory_of_warmup_step(sizes: Sizes, scenes: int, device: torch.device) -> float | None:
    """Peak memory in MB of a warm-up step above parameters, Adam moments and cached latents."""
    call = _joint_call(sizes, warmup_phase(sizes), scenes, device)
    for _ in range(scenes // sizes.views + 1):  # gradients and moments come into being in the first steps
        call()
    peaks = [peak_extra_mb(call, device) for _ in range(3)]
    return max(peak for peak in peaks if peak is not None) if None not in peaks else None


def _free_bytes(device: torch.device) -> int:
    """Memory of a device that is free, without swap space, which is too slow to measure in."""
    if device.type != "cuda":
        return psutil.virtual_memory().available
    torch.cuda.empty_cache()  # what earlier measurements have freed
    return free_memory(device)


def _bytes_of_scenes(sizes: Sizes, count: int) -> int:
    texels = 3 * sizes.resolution**2 * sizes.planes().micro_features
    latents = 32 * sizes.side**2 * sizes.channels
    return count * (3 * 4 * texels + 2 * latents)


def _joint_call(
    sizes: Sizes, phase: Phase, count: int, device: torch.device, backend: Backend = "auto"
) -> Callable[[], object]:
    """A call that takes the next step of a phase on random scenes, whose memory has all been touched before."""
    model = random_model(sizes).to(device)
    views = _ViewsOfDifferentScenes(random_scenes(count, sizes.picture))
    planes = sizes.planes()
    micro = torch.empty(count, *planes.micro_shape, device=device).fill_(0.1)
    coefficients = torch.full((count, planes.coefficients), 1 / sizes.bases, device=device)
    scenes = SceneParameters(micro, coefficients, bit_grid.everywhere().to(device))
    for name, tensor in scenes.state_dict().items():
        if name.endswith("moment"):
            tensor.fill_(0.0)
    work = Work(phase, model, scenes, views, _NEVER_SKIP, backend)
    if (
        phase.rates.encoder == 0
    ):  # what they are makes no difference, and encoding the views of 10,000 scenes takes long
        work.latents = torch.empty(len(views), sizes.channels, sizes.side, sizes.side, dtype=torch.float16).fill_(0.5)
    chooser, steps = ShuffledViews(views, seed=0), iter(range(10**9))
    return lambda: take_step(work, next(steps), chooser)


def _fit_call(sizes: Sizes, count: int, device: torch.device, backend: Backend) -> Callable[[], object]:
    """A call that takes the next step of scenes fitted side by side, two views of each."""
    phase = fit_phase(sizes.views // count)
    fitting = Fitting(random_model(sizes).to(device), random_scenes(count, sizes.picture), seed=0)
    work, steps = fitting.begin(phase, _NEVER_SKIP, backend), iter(range(10**9))
    return lambda: take_step(work, next(steps), fitting.everyone)
