"""One scene by itself in a run's folder: fitted, stored, and measured on its test views."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from triptych.autoencoder.saving import check_weights, read_weights
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.files import KIND, check_seal, field_of, read_object, write_sealed_json, write_sealed_tensors
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.pictures import write_progress_picture
from triptych.runtime import require_memory
from triptych.training import memory
from triptych.training.announcing import view_counts
from triptych.training.conditions import Conditions
from triptych.training.deciding import deciding
from triptych.training.loop import Loop
from triptych.training.outcome import require_finite
from triptych.training.picture_sizes import require_picture_size
from triptych.training.provenance import Provenance, background_unless_white, fitted_views
from triptych.training.random_background import require_alpha
from triptych.training.rerun import write_config
from triptych.training.run import open_run
from triptych.training.single.config import SingleConfig
from triptych.training.single.fields import create_field
from triptych.training.single.fitting import PHASE, fit_field
from triptych.training.single.scene import SingleScene
from triptych.training.single.targets import image_space, ray_targets

WEIGHTS_FILE = "field.safetensors"
METRICS_FILE = "metrics.json"


def fit_single(
    scene: Dataset,
    out: Path,
    config: SingleConfig,
    space: CategoryModel,
    conditions: Conditions,
) -> SingleScene:
    """Fit one scene, or go on with it, and measure it on its test views; one that is done is read.

    The run's folder then holds ``field.safetensors``, ``metrics.json``, the log and a picture of test views.

    Args:
        scene: the scene, alone.
        out: the run's folder.
        config: all settings; its class says what the scene is made of.
        space: the category model whose latents are fitted, or ``image_space``.
        conditions: seed, device, progress, checkpoints.

    Raises:
        InputError: the folder belongs to another run, the model takes no pictures of this size, random colors are asked
            for behind latents or pictures without alpha, or training has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    assert len(scene) == 1
    # Colors are the same in the space of any model, but for what is behind the scene.
    seed, space = conditions.seed, (image_space(scene) if space.is_image_space else space).to(conditions.device)
    require_memory(memory.of_single(config), conditions.device)
    require_picture_size(scene, space)
    require_alpha([config], space.autoencoder, scene)
    with open_run(
        out, _description(scene, config, space, seed), conditions.checkpoint_seconds, conditions.watch
    ) as run:
        fitted = create_field(scene, config, space, seed)
        finished = (out / METRICS_FILE).is_file()
        if finished:
            weights = read_weights(out / WEIGHTS_FILE)
            check_weights(out / WEIGHTS_FILE, weights, fitted.state_dict())
            fitted.load_state_dict(weights)
        else:
            for line in view_counts(scene):
                conditions.progress.note(line)
            write_config(out, scene, config, seed, conditions.device)
            loop = Loop.resumed(run, conditions.progress, (PHASE,))
            fit_field(fitted, ray_targets(scene, space, with_edges=config.edge_share > 0), config, seed, loop)
            require_finite(fitted, out)
            write_sealed_tensors(out / WEIGHTS_FILE, fitted.state_dict(), {})
        single = SingleScene(scene.names[0], space, fitted.finished(), config.sampling, scene.picture_size, {})
        if not finished:
            about = {"seconds": run.elapsed(), **Provenance.of(scene, 0).record()}
            write_sealed_json(out / METRICS_FILE, _measured(single, scene, out) | about)
        return replace(single, metrics=_read_metrics(out / METRICS_FILE))


def _description(scene: Dataset, config: SingleConfig, space: CategoryModel, seed: int) -> dict[str, Any]:
    """What must be the same for a run to go on."""
    settings = deciding(config)
    return {
        "single": {KIND: settings.pop(KIND), **settings},  # in this order: a refusal names the first difference
        "model": None if space.is_image_space else space.identity(),
        "seed": seed,
        "device": space.aabb.device.type,
        "scene": dict(zip(scene.names, scene.fingerprints, strict=True)),
        "fitted_views": fitted_views(scene),
        **background_unless_white(scene),
    }


def _measured(single: SingleScene, scene: Dataset, folder: Path) -> dict[str, float]:
    """The PSNR over all test views, if there are any; leaves a picture of some."""
    views, device = PosedViews(scene, "test"), single.model.aabb.device
    if not len(views):
        return {"views": 0.0}
    batch = views.group(range(len(views)))
    images = views.images(batch, device)
    rendered = single.render(views.cameras(batch, device))
    with torch.no_grad():
        encoded = single.model.encode(images)
    write_progress_picture(folder / "progress.png", images, rendered.images, encoded, rendered.latents)
    return {"psnr": mean(psnr(rendered.images, images)), "views": float(len(images))}


def _read_metrics(path: Path) -> dict[str, float]:
    document = read_object(path)
    check_seal(path, document, required=False)
    names = ("psnr", "views", "seconds") if "psnr" in document else ("views", "seconds")
    return {name: field_of(document, name, float, path) for name in names}
