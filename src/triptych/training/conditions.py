"""What training takes beside data and settings: random numbers, device, progress, checkpoints, callbacks."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from triptych.progress import Progress
from triptych.runtime import DeviceName, ThisProcess, Workers, choose_device, open_workers
from triptych.training.ranks import ALONE, Ranks
from triptych.training.run import Run, followed_run, open_run
from triptych.training.watching import Watch

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Conditions:
    """Under which scenes are trained, fitted, measured.

    Attributes:
        seed: all random numbers follow from it.
        device: where to compute.
        progress: where to show how it goes; unseen by default.
        checkpoint_seconds: how often a run is saved.
        watch: who follows it: a callback, and the logs of other programs.
        ranks: the processes that train together; this one alone by default. Stage 1 and the training of a predictor are
            divided over several.
        workers: who fits new scenes; this process by default.
    """

    seed: int = 0
    device: torch.device = CPU
    progress: Progress = field(default_factory=lambda: Progress(quiet=True))
    checkpoint_seconds: float = 60.0
    watch: Watch = field(default_factory=Watch)
    ranks: Ranks = ALONE
    workers: Workers = field(default_factory=ThisProcess)

    @property
    def here(self) -> torch.device:
        """What this process computes on while ``workers`` fit on ``device``, which may be elsewhere."""
        return self.device if self.workers.are_here else CPU

    def open_run(self, folder: Path, description: Mapping[str, Any]) -> AbstractContextManager[Run]:
        """Hold a run's folder, as ``run.open_run`` does; ranks other than the first follow it and write nothing."""
        if self.ranks.is_first:
            return open_run(folder, description, self.checkpoint_seconds, self.watch)
        return followed_run(folder)


@contextmanager
def open_conditions(device: DeviceName, seed: int, ray: str | None) -> Iterator[Conditions]:
    """Seen progress, and this process or the workers of a Ray cluster, until the block ends."""
    chosen = choose_device(device)
    with Progress() as progress, open_workers(ray) as workers:
        yield Conditions(seed, chosen, progress, workers=workers)
