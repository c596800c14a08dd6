"""What training takes beside data and settings: random numbers, device, progress, checkpoints, callbacks."""

from dataclasses import dataclass, field

import torch

from triptych.progress import Progress
from triptych.runtime import ThisProcess, Workers
from triptych.training.ranks import ALONE, Ranks
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
        ranks: the processes that train together; this one alone by default. Only stage 1 is divided over several.
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
