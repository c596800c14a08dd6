"""Which experiments are run, at which sizes, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from triptych.options import Options, Range
from triptych.reproduce.experiments import SCALES, ScaleName, experiments

_PRETRAINED_BLOCK = 8
"""Side of the part of a picture that is one latent pixel of Stable Diffusion's autoencoder."""


@dataclass(frozen=True)
class ReproduceConfig(Options):
    """Every result of the slides, made anew."""

    out: Path
    """Folder for datasets, runs, measurements and the report; rerun to go on after a stop."""
    scale: ScaleName = "laptop"
    """Sizes: laptop for a few hours on two cores, paper for the published ones on a GPU."""
    data: Path | None = None
    """A dataset of any category with train and test scenes; procedural cars if not given."""
    meshes: Path | None = None
    """Folder of real meshes for a second category."""
    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the pictures that are drawn, in pixels."""
    train_scenes: Annotated[int, Range(1, 50_000)] | None = None
    """Another number of stage-1 scenes than the scale's."""
    exploit_scenes: Annotated[int, Range(1, 50_000)] | None = None
    """Another number of never-seen scenes than the scale's."""
    only: tuple[str, ...] = ()
    """Names of experiments to run, for a part of the report; all of them if not given."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        scale = SCALES[self.scale]
        known = experiments(scale, None)
        if unknown := [name for name in self.only if name not in known]:
            yield "only", f"is {unknown[0]!r}, expected experiments among {', '.join(known)}"
        block = scale.stage1.autoencoder.downscale or _PRETRAINED_BLOCK
        if self.resolution % block:
            yield "resolution", f"is {self.resolution}, expected a multiple of {block}"
