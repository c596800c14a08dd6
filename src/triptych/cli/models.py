"""Making another category model of one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from triptych.cli.options import say
from triptych.errors import InputError
from triptych.options import Range
from triptych.training.config import DEFAULT_PRESET
from triptych.training.presets import STAGE1


@dataclass(frozen=True)
class Modes:
    """Give a category model the modes of variation of the scenes of a bank: `triptych fit` moves new scenes along them,
    with presets colors, best and latent, or where --latent.rates.modes says how fast.

    All else of the model stays as it is, and so do its banks, but that a first step that it has learned is left out: it
    was along other modes, and `triptych rehearse` teaches it anew."""

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Category model, or the folder of the run that trained it."""
    bank: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="BANK")]
    """A bank of this model; of more than 256 scenes so many are looked at, evenly chosen."""
    out: Path
    """Folder for the model with these modes."""
    count: Annotated[int, Range(1, 4096)] = STAGE1[DEFAULT_PRESET].modes
    """How many modes at most."""

    def run(self) -> None:
        from triptych.bank import SceneBank
        from triptych.model import find_model
        from triptych.model.first_step import FirstStep
        from triptych.training.trained import modes_of_bank

        _require_new(self.out)
        bank = SceneBank(self.bank)
        model = bank.load_model(find_model(self.model))
        model.modes = modes_of_bank(self.bank, model, self.count)
        if not len(model.modes):
            raise InputError(
                f"{self.bank}: its {len(bank)} scene(s) do not differ; modes of variation need two that do"
            )
        model.first_step = FirstStep()
        model.save(self.out)
        say(f"category model with {len(model.modes)} modes of variation of {len(bank)} scenes in {self.out}")


@dataclass(frozen=True)
class Upsample:
    """Give a category model planes of more texels, so that new scenes hold more detail: for pictures of 256x256 pixels
    and more.

    Nothing is trained. It becomes another model: its scenes take more bytes, and banks of the model that was are none
    of its. It has no predictor."""

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Category model, the folder of the run that trained it, or one that comes with triptych: "objects" or "cars"."""
    out: Path
    """Folder for the new model."""
    resolution: Annotated[int, Range(2, 4096)] = 128
    """Texels along each side of a plane."""

    def run(self) -> None:
        from triptych.model import CategoryModel, find_model
        from triptych.model.upsampling import upsampled

        _require_new(self.out)
        model = CategoryModel.load(find_model(self.model))
        before = model.config.planes.resolution
        upsampled(model, self.resolution).save(self.out)
        say(f"category model with planes of {self.resolution} instead of {before} texels a side in {self.out}")


def _require_new(out: Path) -> None:
    if out.exists():
        raise InputError(f"--out {out}: is there already; choose a new folder")
