"""The scenes of a bank, as a mapping by name."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path

import numpy as np
import torch

from triptych.bank.scene import Scene
from triptych.bank.scene_bank import SceneBank
from triptych.data import choose_names
from triptych.data.evenly import evenly
from triptych.data.inspection.contact_sheet import lay_out, shrink_to_tile
from triptych.errors import InputError
from triptych.model import CategoryModel

_SHOWN = 16
"""Scenes that a notebook shows of a bank."""


class Scenes(Mapping[str, Scene]):
    """The scenes of a bank by name, or some of them, each read when it is asked for.

    Attributes:
        bank: where they are stored.
        model: the bank's category model; its device is where the scenes are rendered.
    """

    def __init__(self, bank: SceneBank, model: CategoryModel) -> None:
        """All scenes of a bank, those that are added later too.

        Raises:
            InputError: the model is not the bank's.
        """
        bank.require_model(model)
        self.bank = bank
        self.model = model
        self._names: Mapping[str, None] | None = None

    def __repr__(self) -> str:
        return f"Scenes({len(self)} of {self.bank.folder}, model {self.bank.model_id}, on {self.model.aabb.device})"

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: some of the scenes, evenly through the names."""
        names = list(self)
        shown = evenly(names, _SHOWN)
        tiles = [shrink_to_tile(np.asarray(self[name].picture())) for name in shown]
        return lay_out(tiles, shown)._repr_png_() if shown else None

    def __getitem__(self, name: str) -> Scene:
        """One scene.

        Raises:
            InputError: it is damaged.
            KeyError: there is none of this name.
        """
        if name not in self:
            raise KeyError(name)
        stored = self.bank.scene(name)
        device = self.model.aabb.device
        planes = stored.micro.to(device), stored.coefficients.to(device)
        return Scene(self.model, *planes, name, stored.record, stored.coding)

    def __iter__(self) -> Iterator[str]:
        return iter(self.bank if self._names is None else self._names)

    def __len__(self) -> int:
        return len(self.bank if self._names is None else self._names)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in (self.bank if self._names is None else self._names)

    def only(self, *names: str) -> "Scenes":
        """The scenes of these names.

        Raises:
            InputError: one of them is not here.
        """
        for name in names:
            if name not in self:
                raise InputError(f"{self.bank.folder}: no scene {name!r} in this bank")
        return self._of(names)

    def select(self, selection: str | None) -> "Scenes":
        """The scenes that an option means, as `triptych.data.choose_names` reads it.

        Args:
            selection: "all", a range such as "0:36", or names separated by commas; None takes all.

        Raises:
            InputError: there are no scenes, or the option names none.
        """
        return self._of(choose_names(self.names(), selection, of="bank"))

    def names(self) -> list[str]:
        """The names, at least one.

        Raises:
            InputError: there are no scenes.
        """
        return list(self.bank.choose() if self._names is None else self._names)

    def _of(self, names: Sequence[str]) -> "Scenes":
        some = copy(self)
        some._names = dict.fromkeys(names)
        return some


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
