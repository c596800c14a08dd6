"""The memory that training surely needs, found from its settings alone."""

from collections.abc import Mapping

import torch

from triptych.autoencoder import ConvolutionalConfig
from triptych.representation.config import PlaneConfig
from triptych.runtime import require_memory
from triptych.training.autoencoder_config import NewAutoencoder
from triptych.training.conditions import CPU
from triptych.training.config import ON_A_CPU, Moments, Stage1Config, Stage2Config
from triptych.training.host_rows import are_kept_by_host
from triptych.training.single.config import SingleConfig, SingleInstalled, SingleNeRF, SingleSDF, SingleTriPlanes

_FLOAT = 4
_WITH_MOMENTS = 3.0
"""Adam keeps two moments beside each number."""
_WITH_LEAN_MOMENTS = 1.5
"""At least, and hardly more, where it keeps one in half the bytes, and another for many numbers."""
_TRAINED = 4
"""The gradient comes in addition."""


def of_stage1(
    config: Stage1Config, scenes: int, height: int, width: int, device: torch.device = CPU
) -> Mapping[str, int]:
    """Bytes of stage 1 on so many scenes, by what they are for, that a device needs."""
    batch = max((phase.batch for phase in (config.warmup, config.joint) if not phase.is_empty), default=0)
    network = config.autoencoder.network if isinstance(config.autoencoder, NewAutoencoder) else None
    planes = of_scenes(config.planes, scenes, config.moments)
    return {
        "the base planes": _TRAINED * _base(config.planes),
        "the planes of all scenes": 0 if are_kept_by_host(planes, device) else planes,
        "the planes of a batch": 2 * min(batch, scenes) * _whole(config.planes),
        "the pictures of a batch": _FLOAT * 3 * height * width * batch,
        "the autoencoder": _TRAINED * _weights(network) if network else 0,
    }


def of_scenes(planes: PlaneConfig, scenes: int, moments: Moments) -> int:
    """Bytes of what belongs to so many scenes, and its moments, while they are trained together."""
    return int((_WITH_MOMENTS if moments == "full" else _WITH_LEAN_MOMENTS) * scenes * _own(planes))


def require_for_stage1(config: Stage1Config, scenes: int, height: int, width: int, device: torch.device) -> None:
    """Refuse a stage 1 that does not fit on a device, or in the host's memory where that keeps the planes.

    Raises:
        InputError: there is too little memory.
    """
    planes = of_scenes(config.planes, scenes, config.moments)
    if are_kept_by_host(planes, device):
        require_memory({"the planes of all scenes": planes})
    require_memory(of_stage1(config, scenes, height, width, device), device)


def of_stage2(config: Stage2Config, planes: PlaneConfig, scenes: int) -> Mapping[str, int]:
    """Bytes of stage 2 on so many scenes, by what they are for."""
    together = scenes if config.finetune_shared else min(scenes, config.scenes_at_once or ON_A_CPU)
    return {
        "the base planes": (_TRAINED if config.finetune_shared else 1) * _base(planes),
        "the planes of the scenes that are fitted together": int(_WITH_MOMENTS * together * _own(planes)),
    }


def of_single(config: SingleConfig) -> Mapping[str, int]:
    """Bytes of one scene fitted by itself, by what they are for."""
    if isinstance(config, SingleNeRF):
        return {"the networks": _TRAINED * _FLOAT * 2 * config.network.layers * config.network.width**2}
    if isinstance(config, SingleInstalled):
        return {}  # only its package knows
    assert isinstance(config, SingleTriPlanes | SingleSDF)
    return {"the planes": _TRAINED * _whole(config.planes.without_shared())}


def _base(planes: PlaneConfig) -> int:
    return planes.coefficients * _texels(planes, planes.macro_features)


def _own(planes: PlaneConfig) -> int:
    return _texels(planes, planes.micro_features) + _FLOAT * planes.coefficients


def _whole(planes: PlaneConfig) -> int:
    return _texels(planes, planes.features)


def _texels(planes: PlaneConfig, features: int) -> int:
    return _FLOAT * 3 * planes.resolution**2 * features


def _weights(config: ConvolutionalConfig) -> int:
    """Those of the residual blocks at the main size, in encoder and decoder."""
    return _FLOAT * 2 * config.blocks * 2 * config.expansion * config.width**2
