"""How much faster two Ray workers of one thread fit scenes than one, and what they do in between.

    python benchmarks/scale/ray_workers.py FOLDER [--scenes 24] [--preset quick] [--workers 1 2]

FOLDER is for scratch. Fits procedural cars with the category model that comes with triptych, once for each number of
workers, in a cluster of this machine, and prints scenes/s, their ratio to the first, and where the workers' time goes.
Workers have begun and compiled what they need before the clock starts. On a busy machine the clock says little: then
compare processor seconds.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
import torch
import tyro

from triptych import open_model
from triptych.data import Dataset
from triptych.data.generators.cars import CarsConfig
from triptych.data.opening import draw_cars
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.runtime import Workers, open_workers
from triptych.runtime.config import DeviceName
from triptych.training.conditions import Conditions
from triptych.training.config import Preset, Stage2Config
from triptych.training.presets import STAGE2
from triptych.training.stage2 import fit


@dataclass(frozen=True)
class Task:
    """When a worker did a part.

    Attributes:
        worker: its process.
        begun: on the clock.
        ended: on the clock.
        processor: seconds that it computed meanwhile.
    """

    worker: int
    begun: float
    ended: float
    processor: float


class TimedWorkers:
    """Workers that say when they did what."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.tasks: list[Task] = []

    @property
    def are_here(self) -> bool:
        return self._workers.are_here

    def choose_device(self, name: DeviceName) -> torch.device:
        return self._workers.choose_device(name)

    def count(self, device: torch.device) -> int:
        return self._workers.count(device)

    def map(
        self, work: Callable[..., Any], shared: Any, parts: Iterable[Any], device: torch.device
    ) -> Iterator[tuple[Any, Any]]:
        self.tasks = []
        for part, (result, about) in self._workers.map(timed, (work, shared), parts, device):
            self.tasks.append(Task(*about))
            yield part, result


def timed(shared: tuple[Callable[..., Any], Any], part: Any) -> tuple[Any, tuple[int, float, float, float]]:
    """Do a part, and tell when, in the order of ``Task``: workers know no class of this file."""
    work, of_all = shared
    begun, computed = time.time(), time.process_time()
    result = work(of_all, part)
    return result, (os.getpid(), begun, time.time(), time.process_time() - computed)


def main(
    folder: tyro.conf.Positional[Path],
    scenes: int = 24,
    preset: Preset = "quick",
    workers: tuple[int, ...] = (1, 2),
    scenes_at_once: int = 1,
) -> None:
    """Measure some numbers of workers.

    Args:
        folder: for scratch.
        scenes: how many.
        preset: settings of stage 2.
        workers: numbers of workers, each of one thread.
        scenes_at_once: scenes in a task; several workers get smaller ones toward the end.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    warm, model = max(workers), open_model("cars")
    config = replace(STAGE2[preset], scenes_at_once=scenes_at_once)
    cars = draw_cars(folder / "cars", CarsConfig(warm + scenes, 0, seed=1), Progress(), folder / "cache")
    first = 0.0
    for count in workers:
        ray.init(address="local", num_cpus=count, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
        with open_workers("auto") as joined:
            place, watched = folder / f"{count}_workers_{time.time_ns()}", TimedWorkers(joined)
            _fit(model, cars.subset(range(warm)), place, replace(config, scenes_at_once=1), watched)
            begun, computed = time.time(), time.process_time()
            _fit(model, cars.subset(range(warm, warm + scenes)), place, config, watched)
            ended, here = time.time(), time.process_time() - computed
        ray.shutdown()
        rate = scenes / (ended - begun)
        first = first or rate
        print(f"{count} worker(s): {rate:.3f} scenes/s, {rate / first:.2f} times as fast as {workers[0]}", flush=True)
        _tell(watched.tasks, begun, ended, here)


def _fit(model: CategoryModel, cars: Dataset, out: Path, config: Stage2Config, workers: Workers) -> None:
    fit(model, cars, out, config, Conditions(progress=Progress(), workers=workers), force=True)


def _tell(tasks: list[Task], begun: float, ended: float, here: float) -> None:
    """Where the time of the workers went, each a line, and what this process has computed."""
    for worker in sorted({task.worker for task in tasks}):
        own = sorted((task for task in tasks if task.worker == worker), key=lambda task: task.begun)
        busy = sum(task.ended - task.begun for task in own)
        between = own[-1].ended - own[0].begun - busy
        print(
            f"    worker {worker}: {len(own)} task(s), busy {busy:.1f} s with {sum(task.processor for task in own):.1f}"
            f" processor s; idle {own[0].begun - begun:.1f} s before, {between:.1f} s between, "
            f"{ended - own[-1].ended:.1f} s after them"
        )
    print(
        f"    this process: {here:.1f} processor s in {ended - begun:.1f} s; load {os.getloadavg()[0]:.1f}", flush=True
    )


if __name__ == "__main__":
    tyro.cli(main)
