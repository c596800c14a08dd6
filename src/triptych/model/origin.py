"""What a model's file says about its training, so that new scenes are compared with it and fitted as they suit it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triptych.data.backgrounds import WHITE, Color, color_text, parse_color
from triptych.errors import InputError
from triptych.files import field_of
from triptych.geometry import CameraRange

_CALLED_NOW = {"best": "latent"}
"""Presets by the names that files before version 4 give them."""


def preset_in(document: Mapping[str, Any]) -> str | None:
    """The preset of stage 2 that a model's document names, by its present name; None where it names none."""
    named = document.get("stage2")
    if not isinstance(named, str):
        return None
    return _CALLED_NOW.get(named, named) if document.get("version") in (2, 3) else named


@dataclass(frozen=True)
class Origin:
    """Facts of a model's training that its numbers do not tell; None what is not known, as of earlier versions.

    Attributes:
        cameras: those that it was trained with.
        background: what the objects of its training stood before; white in files of earlier versions.
        autoencoder_psnr: what its autoencoder alone makes of its own test views, in dB.
        scenes_psnr: the same of its own scenes, rendered.
        stage2: the preset of settings that its scenes are to be fitted with.
    """

    cameras: CameraRange | None = None
    background: Color = WHITE
    autoencoder_psnr: float | None = None
    scenes_psnr: float | None = None
    stage2: str | None = None

    def fields(self) -> dict[str, Any]:
        """As fields of a model's document."""
        return {**asdict(self), "background": color_text(self.background)}

    @classmethod
    def read(cls, document: Mapping[str, Any], path: Path) -> "Origin":
        """From a model's document.

        Raises:
            InputError: a field is something else.
        """

        def known(name: str, kind: type) -> Any:
            return None if document.get(name) is None else field_of(document, name, kind, path)

        return cls(
            _cameras(document, path),
            _background(document, path),
            known("autoencoder_psnr", float),
            known("scenes_psnr", float),
            preset_in(document) if known("stage2", str) else None,
        )


def _cameras(document: Mapping[str, Any], path: Path) -> CameraRange | None:
    value = document.get("cameras")
    if value is None:
        return None
    try:
        return CameraRange.from_json(value)
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}, cameras: expected the ranges of distance and focal, found {value!r:.60}") from None


def _background(document: Mapping[str, Any], path: Path) -> Color:
    if "background" not in document:
        return WHITE
    return parse_color(field_of(document, "background", str, path), f"{path}, background")
