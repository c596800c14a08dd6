"""Stage 2 as published: what is shared is trained along on all new scenes together."""

from copy import deepcopy
from typing import Any

import torch

from triptych.bank import SceneBank, read_failures
from triptych.data.posed_views import PosedViews
from triptych.errors import InputError
from triptych.files import atomic_directory
from triptych.representation.mlp import TinyMLP
from triptych.training.config import Stage2Config
from triptych.training.deciding import deciding
from triptych.training.fit_group import packed
from triptych.training.fit_job import FitJob, announce, require_fitted, settings_of, store, write_config_of
from triptych.training.joint import JointTraining, ShuffledViews
from triptych.training.loop import Loop
from triptych.training.outcome import judge, quality_bounds, require_finite
from triptych.training.provenance import fitted_views
from triptych.training.run import Run, open_run
from triptych.training.scenes import SceneParameters

BANK = "bank"
"""Where the run keeps its bank."""


def check_something_shared_moves(config: Stage2Config) -> None:
    """Refuse a fine-tuning in which nothing shared is trained.

    Raises:
        InputError: all rates are 0.
    """
    rates = [config.latent.rates, config.image.rates]
    if not any(rate.base or rate.mlp or rate.decoder for rate in rates):
        raise InputError("finetune_shared: every shared part has a rate of 0; start from --preset paper, or set rates")


def fit_together(job: FitJob) -> SceneBank:
    """Base planes, a fresh tiny MLP and the decoder, trained along on all new scenes.

    The run's folder holds the bank in ``bank``, beside log and checkpoint.

    Raises:
        InputError: see ``stage2.fit``.
    """
    dataset, folder = job.dataset, job.out / BANK
    announce(job, range(len(dataset)))
    conditions = job.conditions
    with open_run(job.out, description_of(job), conditions.checkpoint_seconds, conditions.watch) as run:
        if not _is_done(job):
            write_config_of(job)
            _train(job, run)
        require_fitted(SceneBank(folder), dataset)
        return SceneBank(folder)


def description_of(job: FitJob) -> dict[str, Any]:
    """What the run is: another one does not go on in its folder."""
    return {
        "stage": 2,
        "model": job.model.identity(),
        "config": deciding(job.config),
        "seed": job.conditions.seed,
        "device": job.conditions.device.type,
        "scenes": dict(zip(job.dataset.names, job.dataset.fingerprints, strict=True)),
        "fitted_views": fitted_views(job.dataset),
    }


def _is_done(job: FitJob) -> bool:
    folder = job.out / BANK
    if not folder.is_dir():
        return False
    failed = read_failures(folder)
    return len(SceneBank(folder)) + len(failed) == len(job.dataset) and not (failed and job.force)


def _train(job: FitJob, run: Run) -> None:
    dataset, config, seed, device = job.dataset, job.config, job.conditions.seed, job.conditions.device
    model = deepcopy(job.model).to(device)
    loop = Loop.resumed(run, job.conditions.progress, ("latent", "image"))
    bounds = quality_bounds(model, dataset)
    torch.manual_seed(seed)
    if config.latent.rates.mlp:
        model.mlp = TinyMLP(model.config.planes.features, model.autoencoder.channels, model.config.mlp)
    model.to(device)
    scenes = SceneParameters.started(model.start_micro, model.start_coefficients, model.start_occupancy, len(dataset))
    views, test_views = PosedViews(dataset), PosedViews(dataset, "test")
    training = JointTraining(model, scenes, config.skipping, views, test_views, ShuffledViews(views, seed), loop)
    if not loop.is_past("latent"):
        training.run_phase("latent", config.latent)
    training.run_phase("image", config.image)

    model.requires_grad_(False).eval()
    require_finite(model, job.out)
    outcomes = judge(model, scenes, dataset, bounds, job.precision)
    seconds = run.elapsed() / len(dataset)
    with atomic_directory(job.out / BANK) as temporary:  # whole: a run that has it is done
        bank = SceneBank.create(temporary, model, precision=job.precision, own_model=True)
        store(job, bank, packed(settings_of(job, model), dataset, outcomes, seconds))
