"""What a bank of many tiny scenes costs: adding, listing, reading one, streaming, files.

    python benchmarks/bank/measure.py FOLDER [--scenes 100000] [--resolution 4] [--writers 4] [--bank-files 4]

FOLDER is for scratch and must be new. Prints one line per measurement. Adding is measured on the clock; reading, from
files that the system has in memory, in processor time, which other work on the machine does not disturb.
"""

import multiprocessing
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import tyro

from triptych import PlaneStream, SceneBank, ScenePlanes, StoredScene
from triptych.bank import compact, info_of
from triptych.bank.description import BankDescription
from triptych.representation.config import PlaneConfig


def main(
    folder: tyro.conf.Positional[Path],
    scenes: int = 100_000,
    resolution: int = 4,
    features: int = 4,
    writers: int = 4,
    bank_files: int = 4,
    reads_all: bool = True,
) -> None:
    """Measure a bank.

    Args:
        folder: a new folder.
        scenes: how many.
        resolution: of the micro planes.
        features: of the micro planes.
        writers: processes that add at once.
        bank_files: over how many files the scenes are spread.
        reads_all: whether to stream and to compact as well, which take longest.
    """
    planes = PlaneConfig(resolution=resolution, micro_features=features, macro_features=4, base_planes=8)
    folder.mkdir(parents=True)
    bank = SceneBank.made(folder, BankDescription("of the benchmark", planes, "float16", None), bank_files)
    payload = 2 * 3 * resolution**2 * features
    seconds = timed(lambda: bank.add_all(made(planes, "scene", scenes)))
    print(f"added together: {scenes} scenes of {payload} bytes, {scenes / seconds:.0f} scenes/s")
    with multiprocessing.get_context("spawn").Pool(writers) as pool:
        alone = pool.apply(add_some, (folder, "one", 50))
        together = [
            took for part in pool.starmap(add_some, [(folder, f"w{n}", 50) for n in range(writers)]) for took in part
        ]
    for words, took in (("one process", alone), (f"each of {writers} processes at once", together)):
        print(
            f"added one by one, {words}: median {1e3 * statistics.median(took):.1f} ms, most {1e3 * max(took):.0f} ms"
        )
    look(folder, streams=reads_all)
    if reads_all:
        print(f"compacted in {timed(lambda: compact(folder, 1)):.1f} s")
        look(folder, streams=True)


def resident() -> float:
    """Megabytes of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def look(folder: Path, *, streams: bool) -> None:
    """Measure reading, of all scenes only if ``streams``."""
    bank = SceneBank(folder)
    print(f"len: {1e3 * worked(lambda: len(bank)):.0f} ms, {len(bank)} scenes")
    print(f"all names: {worked(lambda: sum(1 for _ in bank)):.2f} s, {resident():.0f} MB of memory in all")
    planes = ScenePlanes(bank)
    chosen = [planes.names[random.randrange(len(planes))] for _ in range(500)]
    for words, ask in (("name in bank", bank.__contains__), ("one scene", bank.scene)):
        took = sorted(worked(lambda name=name, ask=ask: ask(name)) for name in chosen)
        print(f"{words}: median {1e3 * took[250]:.2f} ms, 95 of 100 below {1e3 * took[475]:.2f} ms")
    info = info_of(bank)
    for shuffle in (False, True) if streams else ():
        seconds = worked(lambda shuffle=shuffle: sum(1 for _ in PlaneStream(planes, shuffle=shuffle)))
        print(f"stream, shuffle={shuffle}: {info.scenes / seconds:.0f} scenes/s, {info.bytes / 1e6 / seconds:.1f} MB/s")
    files = sum(1 for _ in folder.rglob("*"))
    print(f"{files} files and folders, {info.bytes / info.scenes:.0f} bytes per scene")


def made(planes: PlaneConfig, prefix: str, count: int) -> Iterator[tuple[str, StoredScene]]:
    """Scenes with random numbers."""
    micro, coefficients = torch.randn(planes.micro_shape), torch.randn(planes.coefficients)
    return (
        (f"{prefix}_{number:07}", StoredScene(micro, coefficients, "f" * 40, {"test_psnr": 30.0}))
        for number in range(count)
    )


def add_some(folder: Path, prefix: str, count: int) -> list[float]:
    """Add scenes one by one; tells the seconds of each."""
    bank = SceneBank(folder)
    return [timed(lambda scene=scene: bank.add(*scene)) for scene in made(bank.planes, prefix, count)]


def timed(work: Callable[[], object]) -> float:
    """The seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def worked(work: Callable[[], object]) -> float:
    """The processor seconds that some work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    tyro.cli(main)
