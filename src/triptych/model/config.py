"""What the shared parts of a category model look like, and how that is read back."""

from dataclasses import dataclass
from typing import Annotated, Any

from triptych.files import dataclass_of, field_of
from triptych.options import Options, Range
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig


@dataclass(frozen=True)
class ModelConfig(Options):
    """What the shared parts look like, the autoencoder apart."""

    planes: PlaneConfig
    mlp: MLPConfig
    sampling: SamplingConfig
    height: Annotated[int, Range(1, 16_384)]
    """Height of the pictures it was trained on, in pixels."""
    width: Annotated[int, Range(1, 16_384)]
    """Width of the pictures it was trained on, in pixels."""

    @classmethod
    def from_json(cls, values: dict[str, Any], where: str) -> "ModelConfig":
        """What ``dataclasses.asdict`` has written to a file.

        Args:
            values: what the file holds.
            where: the file and the field, for messages.

        Raises:
            InputError: a field is missing, unknown, of another type or out of its range.
        """
        return cls(
            dataclass_of(PlaneConfig, values.get("planes"), f"{where}, planes"),
            dataclass_of(MLPConfig, values.get("mlp"), f"{where}, mlp"),
            dataclass_of(SamplingConfig, values.get("sampling"), f"{where}, sampling"),
            field_of(values, "height", int, where),
            field_of(values, "width", int, where),
        )
