"""What many scenes will take, before anything is paid: a few steps timed on this machine, and arithmetic from there.

Stage 1 grows with the number of training views, stage 2 and RGB tri-planes with the number of scenes.
"""

import time
from dataclasses import dataclass, replace

import torch

from triptych.bank.precision import as_stored
from triptych.benchmark.plan_report import RGB_STEPS, Plan
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.evaluation.cost import Cost
from triptych.model import CategoryModel
from triptych.runtime import thread_count_kept
from triptych.training import memory
from triptych.training.autoencoder_config import NoAutoencoder
from triptych.training.beginning import own_or_created, untrained
from triptych.training.checkpoint import KEPT
from triptych.training.conditions import Conditions
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.estimate import (
    Amount,
    Estimate,
    SceneInItsCells,
    ball,
    few_scenes,
    of_rgb,
    of_stage1,
    of_stage2,
    seen_bytes,
    set_apart,
)
from triptych.training.freeing import freed
from triptych.training.single.tuned import tuned_triplanes

_COMPACT_BITS, _COMPACT_BITS_OF_COLORS = 1.9, 0.8
"""Of a bank, per number of the micro planes, in a latent space (cars, see docs/bank.md) and in image space with freed
features (five sets, see docs/quality.md)."""
_STORED, _COMPUTED = 2, 4
"""Bytes of a number."""
_PLANES = 3
_RGB = tuned_triplanes(RGB_STEPS)


@dataclass(frozen=True)
class Asked:
    """What is planned.

    Attributes:
        sample: a few scenes, which steps are timed on.
        scenes: number of all.
        trained: how many of them are for stage 1.
        workers: processes of one thread that fit; None for this process with all its threads.
    """

    sample: Dataset
    scenes: int
    trained: int
    workers: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.trained <= self.scenes:
            raise InputError(f"--trained: expected 1 to {self.scenes} scenes for stage 1, found {self.trained}")

    @property
    def views(self) -> int:
        """Training views of a scene."""
        return len(self.sample.views(0).train)

    @property
    def pictures(self) -> int:
        """All pictures."""
        return self.scenes * len(self.sample.cameras(0))


def make_plan(asked: Asked, stage1: Stage1Config, stage2: Stage2Config, conditions: Conditions) -> Plan:
    """Time a few steps of everything, and put together what all of it takes.

    Args:
        asked: what is planned.
        stage1: settings of stage 1.
        stage2: settings of stage 2.
        conditions: seed and device.

    Raises:
        InputError: the settings do not suit the pictures.
    """
    started, part, seed = time.perf_counter(), few_scenes(asked.sample), conditions.seed
    with set_apart():
        torch.manual_seed(seed)
        autoencoder = own_or_created(None, stage1.autoencoder, part).to(conditions.device)
        model = untrained(part, stage1, autoencoder, conditions)
        model.start_occupancy[:] = ball().to(model.aabb.device)
        entry = of_stage1(model, part, Amount(asked.trained, asked.trained * asked.views), stage1, seed)
        model = freed(model.requires_grad_(False).eval(), stage1.left_planes)
        with thread_count_kept(None if asked.workers is None else 1):
            fit = of_stage2(model, part, Amount(1, asked.views), stage2, seed)
            storing = _storing(model)
            rgb = of_rgb(part.subset([0]), _RGB, seed)
    each, fitted, workers = fit.seconds + storing, asked.scenes - asked.trained, asked.workers or 1
    return Plan(
        asked.trained,
        fitted,
        entry,
        Estimate(fitted * each / workers, workers * fit.memory),
        asked.workers,
        _disk(asked, model, stage1),
        Cost(entry.seconds, each),
        Cost(_STORED * float(_shared_numbers(model)), _stored(stage1)),
        Cost(0.0, rgb.seconds),
        Cost(0.0, _rgb_bytes()),
        time.perf_counter() - started,
    )


@torch.no_grad()
def _storing(model: CategoryModel) -> float:
    """Seconds of rounding a scene to what a compact bank keeps."""
    scene = SceneInItsCells.start_of(model)
    scene = replace(scene, micro=scene.micro + 0.1 * torch.randn_like(scene.micro))
    started = time.perf_counter()
    as_stored(scene, "compact")
    return time.perf_counter() - started


def _disk(asked: Asked, model: CategoryModel, config: Stage1Config) -> dict[str, float]:
    shared = float(_shared_numbers(model))
    seen = seen_bytes(model, asked.trained * asked.views, config, asked.sample)
    saved = memory.of_stage1(config, asked.trained, 0, 0)
    channels = 4 if asked.sample.keeps_alpha else 3
    return {
        "decoded pictures": float(channels * asked.sample.height * asked.sample.width * asked.pictures),
        "what views of stage 1 show (in memory where it fits)": float(seen),
        f"{KEPT} checkpoints of stage 1": float(KEPT * (saved["the planes of all scenes"] + saved["the base planes"])),
        "bank of stage 1": _STORED * asked.trained * _numbers(config),
        "model, and the one before the joint phase": (_STORED + _COMPUTED) * shared,
        "bank": (asked.scenes - asked.trained) * _stored(config),
    }


def _stored(config: Stage1Config) -> float:
    """Bytes of a scene in a compact bank."""
    bits = _COMPACT_BITS_OF_COLORS if isinstance(config.autoencoder, NoAutoencoder) else _COMPACT_BITS
    return bits * _numbers(config) / 8 + _COMPUTED * config.left_planes.coefficients


def _numbers(config: Stage1Config) -> float:
    """Of the micro planes of a scene."""
    return float(_PLANES * config.planes.resolution**2 * config.left_planes.micro_features)


def _shared_numbers(model: CategoryModel) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _rgb_bytes() -> float:
    """Bytes of a scene by itself, its tiny MLP included, as ``triptych rgb`` stores it."""
    planes, hidden = _RGB.planes, _RGB.mlp.hidden
    mlp = (planes.micro_features + 1) * hidden + (hidden + 1) * 4
    return float(_STORED * (_PLANES * planes.resolution**2 * planes.micro_features + mlp))
