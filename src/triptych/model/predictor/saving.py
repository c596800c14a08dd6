"""A predictor on disk: one safetensors file, whose metadata hold its configuration."""

import json
from dataclasses import asdict
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from triptych.autoencoder.saving import check_weights, compact
from triptych.errors import InputError
from triptych.files import dataclass_of, read_tensors, write_sealed_tensors
from triptych.model.predictor.config import PredictorConfig
from triptych.model.predictor.network import Predictor
from triptych.representation.config import PlaneConfig

PREDICTOR_FILE = "predictor.safetensors"
_CONFIG = "config"
_BEFORE = PredictorConfig(repeats=0)
"""What fields are that earlier files lack."""


def save_predictor(predictor: Predictor, folder: Path) -> None:
    """Write ``predictor.safetensors`` into a folder."""
    about = {_CONFIG: json.dumps(asdict(predictor.config))}
    write_sealed_tensors(folder / PREDICTOR_FILE, compact(predictor.state_dict()), about)


def load_predictor(folder: Path, channels: int, planes: PlaneConfig, aabb: Float[Tensor, "2 3"]) -> Predictor | None:
    """Read back what ``save_predictor`` wrote, on the CPU; None where the folder holds none.

    Args:
        folder: of the category model.
        channels: of its latents.
        planes: of its scenes.
        aabb: its scene box.

    Raises:
        InputError: the file is damaged or of another model.
    """
    path = folder / PREDICTOR_FILE
    if not path.exists():
        return None
    tensors, about = read_tensors(path)
    try:
        document = json.loads(about[_CONFIG])
    except (KeyError, ValueError):
        raise InputError(f"{path}: expected the configuration of a predictor in its metadata") from None
    config = dataclass_of(PredictorConfig, document, f"{path}, {_CONFIG}", _BEFORE)
    try:
        predictor = Predictor(config, channels, planes, aabb)
    except (RuntimeError, MemoryError) as error:
        raise InputError(f"{path}: sizes that fit into no memory ({error})") from None
    check_weights(path, tensors, predictor.state_dict())
    predictor.load_state_dict(tensors)
    return predictor
