"""How much faster two Ray workers of one thread fit scenes than one.

    python benchmarks/scale/ray_workers.py FOLDER [--scenes 12] [--preset quick] [--workers 1 2]

FOLDER is for scratch. Fits procedural cars with the category model that comes with triptych, once for each number of
workers, in a cluster of this machine, and prints scenes/s and their ratio to the first. The machine must be quiet, and
have as many cores as workers. Workers have begun and compiled what they need before the clock starts.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

import ray
import tyro

from triptych import open_model
from triptych.data import Dataset
from triptych.data.generators.cars import CarsConfig
from triptych.data.opening import draw_cars
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.runtime import Workers, open_workers
from triptych.training.conditions import Conditions
from triptych.training.config import Preset, Stage2Config
from triptych.training.presets import STAGE2
from triptych.training.stage2 import fit


def main(
    folder: tyro.conf.Positional[Path], scenes: int = 12, preset: Preset = "quick", workers: tuple[int, ...] = (1, 2)
) -> None:
    """Measure some numbers of workers.

    Args:
        folder: for scratch.
        scenes: how many, a multiple of the numbers of workers.
        preset: settings of stage 2, but one scene is a task.
        workers: numbers of workers, each of one thread.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    warm, model, config = max(workers), open_model("cars"), replace(STAGE2[preset], scenes_at_once=1)
    cars = draw_cars(folder / "cars", CarsConfig(warm + scenes, 0, seed=1), Progress(), folder / "cache")
    first = 0.0
    for count in workers:
        ray.init(address="local", num_cpus=count, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
        with open_workers("auto") as joined:
            place = folder / f"{count}_workers_{time.time_ns()}"
            _seconds(model, cars.subset(range(warm)), place, config, joined)
            rate = scenes / _seconds(model, cars.subset(range(warm, len(cars))), place, config, joined)
        ray.shutdown()
        first = first or rate
        print(f"{count} worker(s): {rate:.3f} scenes/s, {rate / first:.2f} times as fast as {workers[0]}", flush=True)


def _seconds(model: CategoryModel, cars: Dataset, out: Path, config: Stage2Config, workers: Workers) -> float:
    started = time.perf_counter()
    fit(model, cars, out, config, Conditions(progress=Progress(), workers=workers), force=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    tyro.cli(main)
