"""One new scene fitted as in stage 2, a few steps at a time, while somebody looks at it; or quickly."""

import math
import time
from pathlib import Path

from triptych.bank import Scene, SceneBank, note_failures
from triptych.bank.saving import precision_of
from triptych.bank.scene import PICTURE_SIZE
from triptych.data import Dataset, require_disjoint
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.runtime import require_memory, wait_for
from triptych.training import memory
from triptych.training.config import Stage2Config
from triptych.training.fit_group import FitSettings, packed
from triptych.training.fit_job import bank_at
from triptych.training.fitting import Fitting
from triptych.training.matching import compare_with_model
from triptych.training.outcome import judge, quality_bounds
from triptych.training.picture_sizes import require_picture_size
from triptych.training.presets import STAGE2, stage2_preset
from triptych.training.provenance import Provenance

_QUICK_SHARE = 0.25
"""Of a preset's steps: those of `colors` take half a second on a CPU and come within 1 to 4 dB of all of them."""


def quickly_fitted(model: CategoryModel, dataset: Dataset) -> Scene:
    """The only scene of a dataset after a quarter of the steps that stage 2 would take.

    Raises:
        InputError: as `WatchedFit`.
    """
    fit = WatchedFit(model, dataset, STAGE2[stage2_preset(model.origin.stage2, "the model")].longer(_QUICK_SHARE))
    fit.advance(math.inf)
    return fit.scene()


class WatchedFit:
    """The steps that ``stage2.fit`` would take of a scene, taken when they are asked for.

    Args:
        model: the category model; not changed.
        dataset: one scene, the new one.
        config: all settings.
        seed: all random numbers follow from it and from the scene.

    Attributes:
        name: the scene's.
        notes: what of it does not suit the model, and what a user should know of the steps, one line each.
        steps: of the whole fit.
        done: steps that are taken.
        seconds: that they took.

    Raises:
        InputError: as ``stage2.fit`` before its work; or the settings train along what all scenes share.
    """

    def __init__(self, model: CategoryModel, dataset: Dataset, config: Stage2Config, seed: int = 0) -> None:
        assert len(dataset) == 1
        self.name, device = dataset.names[0], model.aabb.device
        if config.finetune_shared:
            raise InputError(
                "the scenes of this model are fitted together, what they share trained along; use `triptych fit`"
            )
        require_disjoint(model.trained_scenes, dataset)
        require_memory(memory.of_stage2(config, model.config.planes, 1), device)
        require_picture_size(dataset, model)
        self.notes = compare_with_model(model, dataset, [0])
        self._model, self._dataset, self._config, self._seed = model, dataset, config, seed
        self._fitting = Fitting(model, dataset, seed, config.start, self.notes.append)
        self._taken = self._fitting.steps(config)
        self.steps, self.done, self.seconds = self._fitting.count(config), 0, 0.0

    def advance(self, seconds: float) -> None:
        """Take steps for about so long, one at least where any is left."""
        begun = time.perf_counter()
        for done in self._taken:
            self.done = done
            if time.perf_counter() - begun >= seconds:
                break
        wait_for(self._model.aabb.device)  # whoever looks at the scene would
        self.seconds += time.perf_counter() - begun

    def scene(self) -> Scene:
        """The scene as it stands now; further steps do not change it."""
        parameters, record = self._fitting.scenes, Provenance.of(self._dataset, 0).record()
        if self._dataset.picture_size != (self._model.config.height, self._model.config.width):
            record[PICTURE_SIZE] = list(self._dataset.picture_size)
        micro, coefficients = parameters.micro.values[0].clone(), parameters.coefficients.values[0].clone()
        return Scene(self._model, micro, coefficients, self.name, record)

    def keep(self, folder: Path) -> float | None:
        """Store the scene as it stands now in a bank, which is made where there is none.

        Returns:
            PSNR on its test views in dB; None where it has none.

        Raises:
            InputError: fitting has not improved it, the bank has a scene of its name, or is another model's.
        """
        SceneBank.check_place(folder)
        precision, device = precision_of(folder), self._model.aabb.device
        bounds = quality_bounds(self._model, self._dataset)
        outcomes = judge(self._model, self._fitting.scenes, self._dataset, bounds, precision)
        steps = self.done if self.done < self.steps else None
        settings = FitSettings(self._model, self._config, self._seed, device, precision, force=False, steps=steps)
        (fitted,) = packed(settings, self._dataset, outcomes, self.seconds)
        if fitted.row is None:
            raise InputError(f"{self.name}: not kept: {fitted.problem}")
        bank_at(folder, self._model, precision).add_rows([fitted.row])
        note_failures(folder, {self.name: None})
        return outcomes[0].test_psnr
