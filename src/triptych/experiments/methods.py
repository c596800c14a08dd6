"""Methods that are compared: how each learns the scenes of stage 1, and how it fits new ones.

Everything of a method on one set of scenes lies in one folder: stage 1 in ``stage1``, and each fit (of other scenes, or
with other settings) in a *place*, a folder of its own beside it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from triptych.autoencoder import NormalizationKind
from triptych.bank import Scenes, open_scenes
from triptych.data import Dataset
from triptych.files import folder_name, read_log
from triptych.model import CategoryModel
from triptych.training.autoencoder_config import AutoencoderConfig, NoAutoencoder, PretrainedAutoencoder
from triptych.training.conditions import CPU, Conditions
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.deciding import deciding
from triptych.training.fit_together import BANK
from triptych.training.rehearsing.config import Rehearsing
from triptych.training.rehearsing.run import rehearse
from triptych.training.single.banks import fit_rgb_scenes
from triptych.training.single.config import SingleTriPlanes
from triptych.training.stage1 import MODEL, TRAINED_SCENES, train
from triptych.training.stage2 import fit

STAGE1_RUN = "stage1"
REHEARSAL_RUN = "rehearsal"


@dataclass(frozen=True)
class Method(ABC):
    """One way to turn the pictures of scenes into scenes.

    Attributes:
        title: its name in tables and figures.
    """

    title: str

    @abstractmethod
    def at(self, budget: float) -> "Method":
        """The same with so many times the steps for a new scene."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """All that decides how a new scene is fitted, once stage 1 is done; JSON values."""

    @abstractmethod
    def learn(self, scenes: Dataset, folder: Path, conditions: Conditions) -> list[Scenes]:
        """Learn the scenes of stage 1; what is done already is left alone.

        Args:
            scenes: the scenes.
            folder: the method's folder.
            conditions: seed, device, progress.

        Returns:
            the learned scenes, in one bank or several.

        Raises:
            InputError: the folder holds something else, or the data cannot be used.
        """

    @abstractmethod
    def fit(self, scenes: Dataset, place: Path, conditions: Conditions) -> None:
        """Fit new scenes; those that are there already are left alone.

        Args:
            scenes: the scenes.
            place: folder of the fit, in the method's folder.
            conditions: seed, device, progress.

        Raises:
            InputError: the folder holds something else, or the data cannot be used.
        """

    @abstractmethod
    def fitted(self, names: Sequence[str], place: Path, device: torch.device = CPU) -> list[Scenes]:
        """Scenes that ``fit`` has left in a place: one bank or several that hold these names, and maybe others.

        Raises:
            InputError: they are not there, or are damaged.
        """

    @abstractmethod
    def entry_seconds(self, folder: Path) -> float:
        """What was spent before the first new scene, in seconds."""


@dataclass(frozen=True)
class SharedMethod(Method):
    """Learns in stage 1 what scenes share, then each new scene by what is its own.

    Attributes:
        stage1: settings of stage 1.
        stage2: settings of stage 2.
        model: which of the models that stage 1 leaves new scenes are fitted with, ``MODEL`` or ``PLAIN_MODEL``.
    """

    stage1: Stage1Config
    stage2: Stage2Config
    model: str = MODEL

    def at(self, budget: float) -> "SharedMethod":
        return replace(self, stage2=self.stage2.longer(budget))

    def settings(self) -> dict[str, Any]:
        return {"model": self.model, "stage2": deciding(self.stage2)}

    def learn(self, scenes: Dataset, folder: Path, conditions: Conditions) -> list[Scenes]:
        run = folder / STAGE1_RUN
        train_stage1(self.stage1, scenes, run, conditions)
        return [open_scenes(run / TRAINED_SCENES, run, conditions.device)]

    def fit(self, scenes: Dataset, place: Path, conditions: Conditions) -> None:
        # Forced, as everywhere where methods are compared: a mean counts every scene, those that a method cannot fit
        # too.
        fit(
            CategoryModel.load(self._model(place)).to(conditions.device),
            scenes,
            place / "bank",
            self.stage2,
            conditions,
            force=True,
        )

    def fitted(self, names: Sequence[str], place: Path, device: torch.device = CPU) -> list[Scenes]:
        if self.stage2.finetune_shared:  # the bank keeps the model that it was trained along with
            return [open_scenes(place / "bank" / BANK, device=device)]
        return [open_scenes(place / "bank", self._model(place), device)]

    def entry_seconds(self, folder: Path) -> float:
        return max(line["seconds"] for line in read_log(folder / STAGE1_RUN))

    def _model(self, place: Path) -> Path:
        return place.parent / STAGE1_RUN / self.model


@dataclass(frozen=True)
class RehearsedMethod(SharedMethod):
    """The same, with a model that has rehearsed new scenes after stage 1, with those of stage 1.

    Attributes:
        rehearsing: settings of the rehearsals.
    """

    rehearsing: Rehearsing = field(default_factory=Rehearsing)

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "rehearsing": asdict(self.rehearsing)}

    def learn(self, scenes: Dataset, folder: Path, conditions: Conditions) -> list[Scenes]:
        trained = super().learn(scenes, folder, conditions)
        model = CategoryModel.load(folder / STAGE1_RUN / self.model)
        rehearse(model, scenes, folder / REHEARSAL_RUN, self.rehearsing, self.stage2, conditions)
        return trained

    def entry_seconds(self, folder: Path) -> float:
        return super().entry_seconds(folder) + max(line["seconds"] for line in read_log(folder / REHEARSAL_RUN))

    def _model(self, place: Path) -> Path:
        return place.parent / REHEARSAL_RUN / MODEL


@dataclass(frozen=True)
class PerSceneMethod(Method):
    """Fits each scene by itself, as RGB tri-planes; scenes share nothing.

    Attributes:
        rgb: settings of the fit.
    """

    rgb: SingleTriPlanes

    def at(self, budget: float) -> "PerSceneMethod":
        return replace(self, rgb=replace(self.rgb, steps=max(round(budget * self.rgb.steps), 1)))

    def settings(self) -> dict[str, Any]:
        return {"rgb": deciding(self.rgb)}

    def learn(self, scenes: Dataset, folder: Path, conditions: Conditions) -> list[Scenes]:
        self.fit(scenes, folder / "train", conditions)
        return self.fitted(scenes.names, folder / "train", conditions.device)

    def fit(self, scenes: Dataset, place: Path, conditions: Conditions) -> None:
        fit_rgb_scenes(scenes, place, self.rgb, conditions)

    def fitted(self, names: Sequence[str], place: Path, device: torch.device = CPU) -> list[Scenes]:
        return [open_scenes(place / folder_name(name), device=device) for name in names]

    def entry_seconds(self, folder: Path) -> float:
        return 0.0


def train_stage1(config: Stage1Config, scenes: Dataset, run: Path, conditions: Conditions) -> None:
    """Stage 1 in the folder of its run; one that is done already is left alone."""
    train(scenes, run, config, conditions)


def starting_from(stage1: Stage1Config, prior: Path) -> Stage1Config:
    """The same stage 1, but its autoencoder starts from that of a category model.

    Args:
        stage1: the settings.
        prior: folder of the model, or of the run that trained it.
    """
    # Resolved: the run's record has it, and the folder may be named otherwise next time.
    start = PretrainedAutoencoder(str(prior.resolve()), normalization=normalization_of(stage1.autoencoder))
    return replace(stage1, autoencoder=start)


def normalization_of(autoencoder: AutoencoderConfig) -> NormalizationKind:
    """How latents of an autoencoder are scaled; the default where there is none."""
    return "affine" if isinstance(autoencoder, NoAutoencoder) else autoencoder.normalization
