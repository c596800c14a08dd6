"""What a method costs: seconds and bytes, once and for each scene, and seconds for each view."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

import torch

from triptych.autoencoder import IdentityAutoencoder
from triptych.bank import Scene
from triptych.evaluation.cost import Cost
from triptych.experiments.measured import Measured
from triptych.experiments.methods import Method, SharedMethod
from triptych.files import field_of
from triptych.geometry import Cameras
from triptych.model import CategoryModel
from triptych.runtime import wait_for

_TIMED_RENDERS = 9
_HALF_PRECISION = 2


@dataclass(frozen=True)
class Costs:
    """Costs in the letters of the slides.

    Attributes:
        t_entry: seconds spent before the first new scene.
        t_scene: seconds for each new scene.
        m_entry: bytes that all scenes share, by part, as they are stored.
        m_scene: bytes for each scene.
        t_render: seconds to render one view, decoding included.
        t_decode: seconds of them for decoding.
    """

    t_entry: float
    t_scene: float
    m_entry: Mapping[str, int]
    m_scene: float
    t_render: float
    t_decode: float

    @classmethod
    def from_json(cls, values: object, where: object) -> "Costs":
        """What ``asdict`` has given.

        Raises:
            InputError: a number is missing, or is none.
        """
        parts = field_of(values, "m_entry", dict, where)
        single = [field.name for field in fields(cls) if field.name != "m_entry"]
        return cls(
            m_entry={part: field_of(parts, part, int, f"{where}, m_entry") for part in parts},
            **{name: field_of(values, name, float, where) for name in single},
        )

    @property
    def time(self) -> Cost:
        """Seconds: the train phase once, then those of each scene."""
        return Cost(self.t_entry, self.t_scene)

    @property
    def memory(self) -> Cost:
        """Bytes: encoder, decoder, base planes and tiny MLP once, then what belongs to each scene."""
        return Cost(float(sum(self.m_entry.values())), self.m_scene)


@dataclass(frozen=True)
class MethodResults:
    """What was measured of one method on one category.

    Attributes:
        title: the method's name in tables and figures.
        train: quality of the stage-1 scenes.
        exploit: quality of new scenes.
        costs: what these cost.
    """

    title: str
    train: Measured
    exploit: Measured
    costs: Costs

    def as_json(self) -> dict[str, Any]:
        """All numbers by name."""
        return {"train": self.train.as_json(), "exploit": self.exploit.as_json(), **asdict(self.costs)}


def costs_of(method: Method, exploit: Measured, scene: Scene, camera: Cameras, folder: Path) -> Costs:
    """Costs of a method.

    Args:
        method: the method.
        exploit: what was measured of its new scenes.
        scene: one of these.
        camera: one view of it.
        folder: the method's folder.
    """
    assert exploit.seconds is not None, "scenes that are fitted have their seconds"
    shared, scene_bytes = {}, exploit.bytes
    if isinstance(method, SharedMethod):
        shared = _shared_bytes(scene.model)
    else:
        scene_bytes += _bytes(scene.model.mlp)
    seconds = _view_seconds(scene, camera)
    return Costs(method.entry_seconds(folder), exploit.seconds, shared, scene_bytes, *seconds)


def _shared_bytes(model: CategoryModel) -> Mapping[str, int]:
    """Bytes of each shared part as it is stored, in half precision."""
    autoencoder = model.autoencoder
    numbers = {
        "encoder": sum(parameter.numel() for parameter in autoencoder.encoder_parameters()),
        "decoder": sum(parameter.numel() for parameter in autoencoder.decoder_parameters()),
        "base planes": model.base.numel(),
        "tiny MLP": sum(parameter.numel() for parameter in model.mlp.parameters()),
    }
    return {part: _HALF_PRECISION * count for part, count in numbers.items()}


def _bytes(module: torch.nn.Module) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())


def _view_seconds(scene: Scene, camera: Cameras) -> tuple[float, float]:
    """Median seconds to render one view, and, of them, to decode it."""
    views = scene.render(camera)  # compiles, and finds the occupancy
    device = scene.model.aabb.device
    whole = [_seconds(lambda: scene.render(camera), device) for _ in range(_TIMED_RENDERS)]
    with torch.no_grad():
        decode = [_seconds(lambda: scene.model.decode(views.latents), device) for _ in range(_TIMED_RENDERS)]
    identity = isinstance(scene.model.autoencoder, IdentityAutoencoder)
    return median(whole), 0.0 if identity else median(decode)


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    wait_for(device)
    started = time.perf_counter()
    call()
    wait_for(device)
    return time.perf_counter() - started
