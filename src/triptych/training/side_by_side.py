"""How many scenes stage 2 fits side by side: as many as a GPU's memory holds, or as many as suit a CPU."""

from triptych.data import Dataset
from triptych.runtime import extra_memory, free_memory
from triptych.training import memory
from triptych.training.config import ON_A_CPU, Stage2Config
from triptych.training.estimate import set_apart
from triptych.training.fit_job import FitJob
from triptych.training.fitting import Fitting
from triptych.training.step import take_step

_SHARE = 0.5
"""Of a GPU's free memory; the rest is for what is measured afterward, and for what comes apart in small pieces."""
_MOST = 256


def scenes_at_once(job: FitJob, scenes: list[int]) -> int:
    """How many of these scenes to fit side by side.

    On a GPU of this process a step of each phase is taken with the first of them, to find what one takes.
    """
    asked, conditions = job.config.scenes_at_once, job.conditions
    if asked is not None or conditions.here.type != "cuda" or not scenes:
        return asked or ON_A_CPU
    one = job.dataset.subset(scenes[:1])
    fitting = _SHARE * free_memory(conditions.here) / _bytes_of(job, one, job.config)
    count = max(1, min(int(fitting), _MOST))
    conditions.progress.note(f"up to {count} scenes are fitted side by side, which takes half of the GPU's free memory")
    return count


def _bytes_of(job: FitJob, scene: Dataset, config: Stage2Config) -> int:
    with set_apart():
        fitting = Fitting(job.model, scene, job.conditions.seed, config.start)
        works = [fitting.begin(phase, config.skipping) for phase in (config.latent, config.image) if not phase.is_empty]
        for work in works:
            work.prepare()
        steps = [
            extra_memory(lambda work=work: take_step(work, 0, fitting.everyone), job.conditions.here) for work in works
        ]
    return memory.of_scenes(job.model.config.planes, 1, "full") + max(steps, default=0)
