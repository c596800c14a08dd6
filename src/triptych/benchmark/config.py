"""What is measured, and where the numbers go."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class BenchConfig:
    """What the renderer and the training steps cost on this machine, measured in turn in one process."""

    device: Literal["cpu", "cuda"] = "cpu"
    """What computes. On a GPU the renderer's errors against float64 are measured, too, and what its options cost."""
    quick: bool = False
    """Fewer repeats: under 5 minutes on two cores."""
    json: Path | None = None
    """File for all numbers."""
    plot: Path | None = None
    """PNG file for a picture of them."""
    profile: Path | None = None
    """Text file for what takes the time of whole steps, operation by operation, with device cuda."""
