"""A category model on disk: its document, its autoencoder's files, and the tensors of all its other parts."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.torch import save
from torch import Tensor, nn

from triptych.autoencoder import Autoencoder
from triptych.autoencoder.saving import compact, load_autoencoder, read_weights, save_autoencoder
from triptych.files import SUM, atomic_directory, dataclass_of, field_of, folder_sums, write_sealed_json
from triptych.model.config import ModelConfig
from triptych.model.first_step import FirstStep, save_first_step
from triptych.model.modes import save_modes
from triptych.model.origin import Origin
from triptych.model.places import FORMAT, MODEL_FILE, SHARED_FILE, known_ids, read_document
from triptych.model.predictor import Predictor
from triptych.model.predictor.saving import save_predictor


@dataclass(frozen=True)
class StoredModel:
    """What a model folder holds.

    Attributes:
        ids: the model's id, then those that earlier versions of triptych gave the same model.
        config: sizes and sampling.
        normalization: kind of the latent normalization.
        origin: what the file says about its training.
        trained_scenes: fingerprint of each stage-1 scene, by name.
        autoencoder: E and D.
        shared: the tensors of all other parts.
        summed: whether the files carry checksums, which then hold; those of earlier versions do not.
        predictor: what predicts where new scenes start, to be written; it is read by itself.
        modes: modes of variation; the same.
        first_step: of new scenes; the same.
    """

    ids: tuple[str, ...]
    config: ModelConfig
    normalization: str
    origin: Origin
    trained_scenes: Mapping[str, str]
    autoencoder: Autoencoder
    shared: dict[str, Tensor]
    summed: bool = True
    predictor: Predictor | None = None
    modes: Tensor | None = None
    first_step: FirstStep | None = None


def digest_of(tensors: Mapping[str, Tensor], configuration: str) -> str:
    """A hash of numbers and of a configuration, 16 hexadecimal digits."""
    digest = hashlib.sha256(configuration.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def write_model(folder: Path, model: StoredModel) -> None:
    """Write a model folder, whole or not at all; one that stands there is replaced."""
    identity, *former = model.ids
    with atomic_directory(folder) as temporary:
        save_autoencoder(model.autoencoder, temporary)
        (temporary / SHARED_FILE).write_bytes(save(compact(model.shared)))
        if model.predictor is not None:
            save_predictor(model.predictor, temporary)
        if model.modes is not None and len(model.modes):
            save_modes(model.modes, temporary)
        if model.first_step is not None and model.first_step.is_learned:
            save_first_step(model.first_step, temporary)
        document = {
            **FORMAT.header(),
            "id": identity,
            "former_ids": former,
            "config": asdict(model.config),
            "normalization": model.normalization,
            **model.origin.fields(),
            "trained_scenes": model.trained_scenes,
            "files": folder_sums(temporary),
        }
        write_sealed_json(temporary / MODEL_FILE, document)


def read_model(folder: Path, autoencoder: nn.Module | None = None) -> StoredModel:
    """Read a model folder, on the CPU; names and shapes of the tensors are still to be compared.

    Args:
        folder: where.
        autoencoder: the module of one's own that it was trained with, if one was; a copy gets the weights.

    Raises:
        InputError: the folder or a file in it is missing, damaged or of another model.
    """
    document, path = read_document(folder), folder / MODEL_FILE
    trained = field_of(document, "trained_scenes", dict, path)
    return StoredModel(
        tuple(known_ids(document, path)),
        dataclass_of(ModelConfig, field_of(document, "config", dict, path), f"{path}, config"),
        field_of(document, "normalization", str, path),
        Origin.read(document, path),
        {name: field_of(trained, name, str, f"{path}, trained_scenes") for name in trained},
        load_autoencoder(folder, autoencoder),
        read_weights(folder / SHARED_FILE),
        SUM in document,
    )
