"""What a plan says."""

import math
from dataclasses import dataclass

from triptych.evaluation.cost import Cost, break_even
from triptych.training.estimate import Estimate

RGB_STEPS = 500
"""Steps of the RGB tri-planes that a plan compares with: from there on they gain little (docs/quality.md)."""


@dataclass(frozen=True)
class Plan:
    """What many scenes will take, in seconds and bytes.

    Attributes:
        trained: scenes of stage 1.
        fitted: scenes of stage 2.
        stage1: what stage 1 takes.
        stage2: what stage 2 takes, by all workers together.
        workers: processes of one thread that fit; None for one process with all threads.
        disk: bytes by what they are for.
        time: what our scenes cost in seconds of one worker: stage 1 once, and each scene.
        space: what they cost in bytes as they are stored.
        rgb_time: what RGB tri-planes cost in seconds.
        rgb_space: what they cost in bytes.
        calibration: seconds that were spent on this plan.
    """

    trained: int
    fitted: int
    stage1: Estimate
    stage2: Estimate
    workers: int | None
    disk: dict[str, float]
    time: Cost
    space: Cost
    rgb_time: Cost
    rgb_space: Cost
    calibration: float

    def lines(self) -> list[str]:
        """All of it, for people."""
        by = "this process" if self.workers is None else f"{self.workers:,} worker(s) of one thread"
        disk = ", ".join(f"{_size(size)} {part}" for part, size in self.disk.items())
        return [
            f"stage 1, {self.trained:,} scene(s): {self.stage1}",
            f"stage 2, {self.fitted:,} scene(s) at {self.time.scene:.2g} s by {by}: {self.stage2}",
            f"disk: {_size(sum(self.disk.values()))}: {disk}",
            f"RGB tri-planes of {RGB_STEPS} steps instead: {self.rgb_time.scene:.2g} s and "
            f"{_size(self.rgb_space.scene)} per scene",
            f"break-even with them: time from {_scenes(self.time, self.rgb_time)}, "
            f"bytes from {_scenes(self.space, self.rgb_space)}",
            f"timed here in {self.calibration:.0f} s, with the machine as busy as it is now; nothing was begun",
        ]


def _scenes(ours: Cost, theirs: Cost) -> str:
    count = break_even(ours, theirs)
    return "no number of scenes" if count is None else f"{count:,} scene(s)"


def _size(size: float) -> str:
    """Bytes in the unit that suits them."""
    power = min(max(int(math.log10(max(size, 1)) // 3), 0), 5)
    return f"{size / 1000**power:.3g} {('bytes', 'KB', 'MB', 'GB', 'TB', 'PB')[power]}"
