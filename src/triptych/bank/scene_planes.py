"""The planes of a bank as data to learn from, for a generative model or any other network."""

from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from triptych.bank.scene_bank import SceneBank

Item = tuple[Float[Tensor, "3 _ _ _"], Float[Tensor, " base"], str]


class ScenePlanes(Dataset[Item]):
    """A map-style torch ``Dataset`` over a bank, whose items are (micro planes, coefficients, name) of one scene.

    Planes are float32 [3, K, K, F_mic] (XY, XZ, YZ), as the scene has them: not scaled. Each scene is read from the
    disk when it is asked for, also by the workers of a ``DataLoader``. The way back is
    ``Scene(model, planes, coefficients)``.

    Attributes:
        names: the scenes, in order.
        planes_shape: the shape of an item's planes.
    """

    def __init__(
        self, bank: SceneBank | str | Path, names: Sequence[str] = (), *, channels_first: bool = False
    ) -> None:
        """Open the scenes of a bank.

        Args:
            bank: the bank, or its folder.
            names: which scenes; all if none is given.
            channels_first: planes are [3, F_mic, K, K], as convolutions take them.

        Raises:
            InputError: there is no bank, it is empty, or it lacks one of the scenes.
        """
        self._bank = bank if isinstance(bank, SceneBank) else SceneBank(Path(bank))
        self._channels_first = channels_first
        self.names = self._bank.choose(names)
        planes, side, _, features = self._bank.planes.micro_shape
        self.planes_shape = (planes, features, side, side) if channels_first else (planes, side, side, features)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Item:
        """One scene.

        Raises:
            InputError: it is damaged.
        """
        name = self.names[index]
        stored = self._bank.scene(name)
        planes = stored.micro.permute(0, 3, 1, 2).contiguous() if self._channels_first else stored.micro
        return planes, stored.coefficients, name

    def __repr__(self) -> str:
        return f"ScenePlanes({len(self)} scene(s) of {list(self.planes_shape)}; {self._bank.folder})"
