"""The pictures that the viewer has at hand: those of a dataset that was opened with it, and those that were sent."""

from collections import deque
from dataclasses import dataclass

from triptych.data import Dataset
from triptych.geometry import Cameras
from triptych.model import CategoryModel

_MOST_SENT = 8


@dataclass(frozen=True, eq=False)
class PicturedScene:
    """A scene whose pictures are at hand.

    Attributes:
        dataset: that has it.
        number: its own, there.
    """

    dataset: Dataset
    number: int

    @property
    def cameras(self) -> Cameras:
        """One per picture."""
        return self.dataset.cameras(self.number)

    @property
    def fingerprint(self) -> str:
        """Of its content."""
        return self.dataset.fingerprints[self.number]

    def alone(self) -> Dataset:
        """A dataset of nothing else."""
        return self.dataset.subset([self.number])


class KnownPictures:
    """Scenes with pictures, by name; those that were sent last come first.

    Args:
        dataset: what was opened with the viewer, or None.
    """

    def __init__(self, dataset: Dataset | None = None) -> None:
        self._opened = () if dataset is None else (dataset,)
        self._sent: deque[Dataset] = deque(maxlen=_MOST_SENT)
        self._scenes = self._listed()

    def add(self, dataset: Dataset) -> None:
        """Take in what was sent; of very many the oldest are forgotten."""
        self._sent.appendleft(dataset)
        self._scenes = self._listed()

    def names(self) -> list[str]:
        """Every name, each once."""
        return list(self._scenes)

    def new_to(self, model: CategoryModel) -> list[str]:
        """The names of those that the model was not trained on, which can be fitted with it."""
        trained = set(model.trained_scenes.values())
        return [name for name, scene in self._scenes.items() if scene.fingerprint not in trained]

    def find(self, name: str) -> PicturedScene | None:
        """The scene of this name, if its pictures are at hand."""
        return self._scenes.get(name)

    def _listed(self) -> dict[str, PicturedScene]:
        scenes: dict[str, PicturedScene] = {}
        for dataset in (*self._sent, *self._opened):
            for number, name in enumerate(dataset.names):
                scenes.setdefault(name, PicturedScene(dataset, number))
        return scenes
