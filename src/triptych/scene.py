"""Fitted scenes as things to render: what a bank and its category model make together."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from triptych.bank import SceneBank
from triptych.data.inspection.contact_sheet import lay_out, shrink_to_tile
from triptych.errors import InputError
from triptych.geometry import Cameras, orbit_cameras
from triptych.model import CategoryModel, SceneViews
from triptych.representation.config import SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.occupancy import with_occupancy

_SHOWN = 16
"""Scenes that a notebook shows of a bank."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One scene, ready to render.

    Attributes:
        model: the category model; its device is where the scene is rendered.
        micro: micro planes, channels last.
        coefficients: coefficients of the base planes.
        name: the scene's name.
        record: JSON values about it: metrics, seconds, views, settings.
    """

    model: CategoryModel
    micro: Float[Tensor, "3 k k micro"]
    coefficients: Float[Tensor, " base"]
    name: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def field(self) -> TriPlaneField:
        """The scene as tri-planes, with its empty space known."""
        return with_occupancy(self.model.field(self.micro[None], self.coefficients[None]))

    @cached_property
    def background(self) -> Float[Tensor, "pixel channel"]:
        """The latent of a white image, one row a latent pixel."""
        return self.model.background()

    def render(self, cameras: Cameras, sampling: SamplingConfig | None = None) -> SceneViews:
        """RGB, latents, opacity and depth as ``cameras`` see them.

        Args:
            cameras: any number of cameras of the model's picture size.
            sampling: another sampling than the model's, a finer one for instance.

        Raises:
            InputError: the cameras have another picture size.
        """
        size = (self.model.config.height, self.model.config.width)
        if (cameras.height, cameras.width) != size:
            raise InputError(
                f"scene {self.name!r}: expected cameras of {size[1]}x{size[0]} pixels, the model's picture size, "
                f"got {cameras.width}x{cameras.height}; Cameras.resized changes it"
            )
        return self.model.render_views(self.field, cameras.to(self.micro.device), self.background, sampling=sampling)

    def blend(self, other: "Scene", share: float) -> "Scene":
        """A scene between this one (share 0) and another of the same model (share 1): micro planes and coefficients
        are interpolated.

        Raises:
            InputError: the scenes belong to different models.
        """
        if other.model is not self.model and other.model.identity() != self.model.identity():
            raise InputError(f"blend: scenes {self.name!r} and {other.name!r} belong to different models")
        return Scene(
            self.model,
            torch.lerp(self.micro, other.micro, share),
            torch.lerp(self.coefficients, other.coefficients, share),
            f"{self.name} {1 - share:.0%}, {other.name} {share:.0%}",
        )

    def picture(self) -> Image.Image:
        """The scene from in front and above, as the first of ``orbit_cameras`` sees it."""
        config = self.model.config
        camera = orbit_cameras(1, config.width).resized(config.height, config.width)
        pixels = self.render(camera).images[0].clamp(0, 1).mul(255).round().byte()
        return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        buffer = io.BytesIO()
        self.picture().save(buffer, "PNG")
        return buffer.getvalue()


class Scenes(Mapping[str, Scene]):
    """The scenes of a bank by name, read when they are asked for."""

    def __init__(self, bank: SceneBank, model: CategoryModel) -> None:
        bank.require_model(model)
        self.bank = bank
        self.model = model

    def __getitem__(self, name: str) -> Scene:
        """One scene.

        Raises:
            InputError: it is damaged.
            KeyError: there is none of this name.
        """
        if name not in self.bank:
            raise KeyError(name)
        stored = self.bank.scene(name)
        device = self.model.aabb.device
        return Scene(self.model, stored.micro.to(device), stored.coefficients.to(device), name, stored.record)

    def __iter__(self) -> Iterator[str]:
        return iter(self.bank)

    def __len__(self) -> int:
        return len(self.bank)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.bank

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: some of the scenes, evenly through the names."""
        names = list(self)
        shown = [names[number * len(names) // _SHOWN] for number in range(_SHOWN)] if len(names) > _SHOWN else names
        tiles = [shrink_to_tile(np.asarray(self[name].picture())) for name in shown]
        return lay_out(tiles, shown)._repr_png_() if shown else None

    def choose(self, names: Sequence[str] = ()) -> list[str]:
        """These names, each once, or all if none is given.

        Raises:
            InputError: the bank is empty or lacks one of them.
        """
        if not len(self):
            raise InputError(f"{self.bank.folder}: the bank is empty; fit scenes first")
        for name in names:
            if name not in self:
                raise InputError(f"{self.bank.folder}: no scene {name!r} in this bank")
        return list(dict.fromkeys(names)) or list(self)


def open_scenes(
    bank: str | Path, model: CategoryModel | str | Path | None = None, device: torch.device | str = "cpu"
) -> Scenes:
    """Open a bank together with its category model.

    Args:
        bank: folder of the bank.
        model: the model, or its folder or that of the run that trained it, or the name of one that comes with triptych;
            None where the bank keeps its own copy, or belongs to one that comes with triptych.
        device: where to render; a model given as such stays where it is.

    Raises:
        InputError: there is no bank, its model is not found or is another one.
    """
    opened = SceneBank(Path(bank))
    if isinstance(model, CategoryModel):
        return Scenes(opened, model)
    return Scenes(opened, opened.load_model(None if model is None else Path(model)).to(device))
