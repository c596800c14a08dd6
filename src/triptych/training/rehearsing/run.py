"""Rehearsals of new scenes, as a run of its own that can be resumed."""

from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

from triptych.data import Dataset
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.model.first_step import FirstStep
from triptych.runtime import start_threads
from triptych.training.conditions import Conditions
from triptych.training.config import Stage2Config
from triptych.training.deciding import deciding
from triptych.training.holding_out import require_others
from triptych.training.loop import Loop
from triptych.training.outcome import require_finite
from triptych.training.picture_sizes import require_picture_size
from triptych.training.provenance import fitted_views
from triptych.training.rehearsing.config import Rehearsing
from triptych.training.rehearsing.first_step import PHASE as FIRST_STEP
from triptych.training.rehearsing.rehearsal import PHASE, Rehearsal
from triptych.training.rerun import write_config
from triptych.training.run import Run

MODEL = "model"


def rehearse(
    model: CategoryModel,
    dataset: Dataset,
    out: Path,
    config: Rehearsing,
    stage2: Stage2Config,
    conditions: Conditions,
) -> CategoryModel:
    """Make a category model better at new scenes, or go on with it.

    The run's folder then holds the new model (``model``) and the log. It is another model: banks of the one that it was
    made from are none of its.

    Args:
        model: a category model in image space; not changed.
        dataset: scenes to rehearse with, stage 1's or others; the model counts them all as its own from then on.
        out: the run's folder.
        config: all settings.
        stage2: how new scenes are fitted.
        conditions: seed, device, progress, checkpoints.

    Raises:
        InputError: the folder belongs to another run, the model is not in image space, sizes differ from the model's,
            there are too few scenes, or training has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    _check(model, dataset, config)
    description = {
        "stage": "rehearsal",
        "model": model.identity(),
        "config": asdict(config),
        "stage2": deciding(stage2),
        "seed": conditions.seed,
        "device": conditions.device.type,
        "scenes": dict(zip(dataset.names, dataset.fingerprints, strict=True)),
        "fitted_views": fitted_views(dataset),
    }
    with conditions.open_run(out, description) as run:
        if (out / MODEL).is_dir():
            conditions.progress.note(f"{out / MODEL}: already trained")
            return CategoryModel.load(out / MODEL).to(conditions.device)
        write_config(out, dataset, config, conditions.seed, conditions.device)
        return _rehearsed(model, dataset, run, config, stage2, conditions)


def _check(model: CategoryModel, dataset: Dataset, config: Rehearsing) -> None:
    if not model.is_image_space:
        raise InputError(
            "this category model renders latents, of which rehearsals were not tried; they are for models in image "
            "space (presets colors and best)"
        )
    require_picture_size(dataset, model)
    require_others(dataset, config.held_out)


def _rehearsed(
    model: CategoryModel,
    dataset: Dataset,
    run: Run,
    config: Rehearsing,
    stage2: Stage2Config,
    conditions: Conditions,
) -> CategoryModel:
    loop = Loop.resumed(run, conditions.progress, (PHASE, FIRST_STEP))
    start_threads()
    model = deepcopy(model).to(conditions.device)
    model.first_step = FirstStep()  # what it had was of another start
    rehearsal = Rehearsal(model, dataset, config, stage2, conditions.seed)
    if loop.checkpoint is None:
        _tell(run, conditions, rehearsal, 0, "so far")
    if not loop.is_past(PHASE):
        rehearsal.run(loop)
    if config.first_step_scenes and len(model.modes):  # along base planes alone there is nothing to gain
        rehearsal.lesson().run(loop, rehearsal.optimizer)
    model.requires_grad_(False).eval()
    model.round_to_half()
    require_finite(model, run.folder)
    model.trained_scenes = _all_seen(model, dataset)
    _tell(run, conditions, rehearsal, config.rounds, "now")
    run.log(config.rounds, phase="done", model=model.identity())
    model.save(run.folder / MODEL)  # last: a run that has it is done
    return model


def _tell(run: Run, conditions: Conditions, rehearsal: Rehearsal, rounds: int, when: str) -> None:
    """Measure the scenes held out, if any, for log and user."""
    psnr = rehearsal.measured()
    if psnr is not None:
        conditions.progress.note(f"scenes held out, after as many steps as are rehearsed, {when}: {psnr:.2f} dB")
        run.log(rounds, phase=PHASE, psnr=psnr)


def _all_seen(model: CategoryModel, dataset: Dataset) -> dict[str, str]:
    """The fingerprints of stage 1's scenes and of these, by name; one of the same name and other pictures gets a longer
    name."""
    seen = dict(model.trained_scenes)
    for name, fingerprint in zip(dataset.names, dataset.fingerprints, strict=True):
        own = name if seen.get(name, fingerprint) == fingerprint else f"{name} ({fingerprint[:8]})"
        seen[own] = fingerprint
    return seen
