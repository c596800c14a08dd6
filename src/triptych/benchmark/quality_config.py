"""How latent scenes are measured against RGB tri-planes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from triptych.options import Options, Range
from triptych.training.config import Epochs
from triptych.training.presets import STAGE1


@dataclass(frozen=True)
class QualityConfig(Options):
    """Latent scenes against RGB tri-planes, side by side on this machine's processor."""

    out: Path = Path("runs/quality")
    """Folder for datasets, runs and measurements; rerun to go on after a stop."""
    results: Path | None = None
    """JSON file for all results; a table and a plot are written beside it. By default results.json in the folder."""
    meshes: Path | None = None
    """Folder of real meshes for the second set; left out if not given."""
    scenes: Annotated[int, Range(1, 99_000)] = 200
    """Procedural cars for stage 1."""
    new_scenes: Annotated[int, Range(1, 1000)] = 20
    """Never-seen scenes of each set, at most."""
    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the pictures in pixels."""
    latent_budgets: tuple[Annotated[float, Range(0.001, 1000)], ...] = (0.25, 0.5, 1.0, 2.0)
    """Lengths of stage 2, as multiples of the preset's."""
    rgb_steps: tuple[Annotated[int, Range(1, 10_000_000)], ...] = (250, 500, 1000, 2000)
    """Steps of the RGB tri-planes; the last number is taken as convergence."""
    real_epochs: Epochs = 16.0
    """Epochs of the joint phase on the real meshes."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        for name in ("latent_budgets", "rgb_steps"):
            if not getattr(self, name):
                yield name, "is empty, expected at least one"
        block = STAGE1["best"].autoencoder.downscale or 1
        if self.resolution % block:
            yield "resolution", f"is {self.resolution}, expected a multiple of {block}"
