"""What many scenes will take, before anything is begun."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from triptych.cli.options import Machine, say
from triptych.data import DatasetConfig
from triptych.errors import InputError
from triptych.options import Range
from triptych.training.autoencoder_config import PretrainedAutoencoder
from triptych.training.config import DEFAULT_PRESET, Preset

Many = Annotated[int, Range(1, 10**12)]
_VIEWS, _SIDE, _TRAINED = 40, 128, 200


@dataclass(frozen=True)
class Plan:
    """Time, memory, disk and break-even against RGB tri-planes of many scenes, from some seconds of trials on this
    machine; nothing is begun."""

    data: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="[DATA]")] = None
    """Folder of the dataset, of which four scenes are read; if not given, made-up pictures take its place."""
    scenes: Many | None = None
    """Number of all scenes; those of the dataset if not given."""
    views: Annotated[int, Range(2, 100_000)] | None = None
    """Views per scene, without a dataset: 40 if not given."""
    size: Annotated[int, Range(8, 16_384)] | None = None
    """Width and height of the pictures in pixels: 128 without a dataset, its own with one; those are box-downscaled."""
    trained: Many | None = None
    """Scenes of stage 1: if not given those of the split "train", or else 200, and half of fewer than 400."""
    preset: Preset = DEFAULT_PRESET
    """Settings of stage 1, and of the stage 2 that goes with it."""
    autoencoder: str | None = None
    """A pre-trained autoencoder in place of the preset's: a model's folder, a folder or hub id in diffusers' format."""
    workers: Annotated[int, Range(1, 1_000_000)] | None = None
    """Processes of one thread that fit scenes (`fit --ray`); if not given, one process with all threads."""
    cache: Path | None = None
    """Folder for the decoded pictures. By default ``triptych`` in the user's cache folder."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        from triptych.benchmark.plan import Asked, make_plan
        from triptych.benchmark.plan_sample import random_sample, sample_of
        from triptych.runtime import choose_device
        from triptych.training.conditions import Conditions
        from triptych.training.presets import STAGE1, STAGE2

        conditions = Conditions(self.machine.seed, choose_device(self.machine.device))
        if self.data is not None:
            if self.views is not None:
                raise InputError("--views: those of the dataset are taken; leave it out, or leave the dataset out")
            sample, found, declared = sample_of(DatasetConfig(self.data, resolution=self.size, cache=self.cache))
        elif self.scenes is None:
            raise InputError("expected the folder of a dataset, or --scenes")
        else:
            sample = random_sample(self.views or _VIEWS, self.size or _SIDE, self.scenes)
            found, declared = self.scenes, None
        scenes = self.scenes or found
        trained = self.trained or min(declared or _TRAINED, max(1, scenes if declared else scenes // 2))
        stage1 = STAGE1[self.preset]
        if self.autoencoder is not None:
            of_preset, own = stage1.autoencoder, PretrainedAutoencoder(self.autoencoder)
            if isinstance(of_preset, PretrainedAutoencoder):
                own = replace(of_preset, source=self.autoencoder)
            stage1 = replace(stage1, autoencoder=own)
        plan = make_plan(Asked(sample, scenes, trained, self.workers), stage1, STAGE2[stage1.stage2], conditions)
        size = f"{sample.width}x{sample.height} pixels"
        say(f"{scenes:,} scene(s), {len(sample.cameras(0))} views each of {size}, preset {self.preset}", *plan.lines())
