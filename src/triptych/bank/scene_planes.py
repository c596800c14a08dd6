"""The planes of a bank as data to learn from, for a generative model or any other network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from triptych.bank.scene_bank import SceneBank
from triptych.bank.stored_scene import Row, name_as_bytes, name_of_bytes
from triptych.errors import InputError

Item = tuple[Float[Tensor, "3 _ _ _"], Float[Tensor, " base"], str]
_PLACE = np.dtype([("file", np.int32), ("id", np.int64)])


class ScenePlanes(Dataset[Item]):
    """A map-style torch ``Dataset`` over a bank, whose items are (micro planes, coefficients, name) of one scene.

    Planes are float32 [3, K, K, F_mic] (XY, XZ, YZ), as the scene has them: not scaled. Each scene is read from the
    disk when it is asked for, also by the workers of a ``DataLoader``; `PlaneStream` reads all of them in the order of
    the disk. Only where each scene lies is kept in memory, 12 bytes per scene. The way back is
    ``Scene(model, planes, coefficients)``.

    Attributes:
        bank: where the scenes are.
        names: the scenes, in order; each name is read when it is asked for.
        planes_shape: the shape of an item's planes.
    """

    def __init__(
        self, bank: SceneBank | str | Path, names: Sequence[str] = (), *, channels_first: bool = False
    ) -> None:
        """Look where the scenes of a bank are.

        Args:
            bank: the bank, or its folder.
            names: which scenes; all if none is given.
            channels_first: planes are [3, F_mic, K, K], as convolutions take them.

        Raises:
            InputError: there is no bank, it is empty, or it lacks one of the scenes.
        """
        self.bank = bank if isinstance(bank, SceneBank) else SceneBank(Path(bank))
        self._channels_first = channels_first
        self._files = self.bank.shards.files()
        self.places = self._places_of(names) if names else self._all_places()
        self.names: Sequence[str] = _Names(self)
        planes, side, _, features = self.bank.planes.micro_shape
        self.planes_shape = (planes, features, side, side) if channels_first else (planes, side, side, features)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Item:
        """One scene.

        Raises:
            InputError: it is damaged.
        """
        place = self.places[index]
        (row,) = self.rows(int(place["file"]), int(place["id"]), int(place["id"]))
        return self.item(row)

    def rows(self, file: int, first: int, last: int) -> list[Row]:
        """The bytes of the scenes whose ids in a file lie between two, both included.

        Raises:
            InputError: one of them is missing, or the file is damaged.
        """
        rows = self._files[file].rows(first, last)
        if len(rows) != last - first + 1:
            raise InputError(
                f"{self._files[file].path}: damaged: of {last - first + 1} scenes that were there, {len(rows)} are left"
            )
        return rows

    def item(self, row: Row) -> Item:
        """The item that bytes stand for.

        Raises:
            InputError: they are damaged.
        """
        name = name_of_bytes(row.name)
        with self.bank.naming(name):
            stored = self.bank.unpacked(row)
        planes = stored.micro.permute(0, 3, 1, 2).contiguous() if self._channels_first else stored.micro
        return planes, stored.coefficients, name

    def name(self, index: int) -> str:
        """The name of one scene."""
        place = self.places[index]
        return name_of_bytes(self._files[place["file"]].name_of(int(place["id"])))

    def _places_of(self, names: Sequence[str]) -> np.ndarray:
        numbers = {file: number for number, file in enumerate(self._files)}
        found = [self.bank.shards.place(name_as_bytes(name)) for name in self.bank.choose(names)]
        return np.array([(numbers[file], number) for file, number in found], _PLACE)

    def _all_places(self) -> np.ndarray:
        self.bank.require_some()
        return np.fromiter(((file, number) for _, file, number in self.bank.shards.entries()), _PLACE)

    def __repr__(self) -> str:
        return f"ScenePlanes({len(self)} scene(s) of {list(self.planes_shape)}; {self.bank.folder})"


class _Names(Sequence[str]):
    """The names of the scenes, none of them in memory."""

    def __init__(self, planes: ScenePlanes) -> None:
        self._planes = planes

    def __len__(self) -> int:
        return len(self._planes)

    def __getitem__(self, index: int) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._planes.name(index)

    def __repr__(self) -> str:
        return f"<{len(self)} names>"
