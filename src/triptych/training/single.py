"""One scene by itself, as any kind of field, in image space or in the latent space of a category model.

The prerequisites that the slides start from: NeRF, signed distances, tri-planes, each fitted to random rays of all
training views. In latent space the rays go through the middles of latent pixels and see encoded pictures.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.autoencoder.saving import check_weights, read_weights
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.files import check_seal, field_of, read_object, write_sealed_json, write_sealed_tensors
from triptych.geometry import Rays, intersect_aabb
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.model.encoding import encode_views
from triptych.pictures import write_progress_picture
from triptych.progress import Progress
from triptych.representation.config import SamplingConfig
from triptych.representation.render import render
from triptych.runtime import require_memory
from triptych.training import memory
from triptych.training.announcing import view_counts
from triptych.training.loop import Loop, TrainingState, seed_stream, step_generator
from triptych.training.matching import require_picture_size
from triptych.training.outcome import require_finite
from triptych.training.provenance import Provenance, fitted_views
from triptych.training.run import open_run
from triptych.training.schedule import Schedule
from triptych.training.single_scene import SceneModule, SingleConfig, SingleScene, create_scene, image_space

WEIGHTS_FILE = "field.safetensors"
METRICS_FILE = "metrics.json"


@dataclass(frozen=True)
class Targets:
    """Rays that meet the scene box, and what they see.

    Attributes:
        rays: flat.
        channels: colours or normalised latents.
        background: what is behind each ray.
    """

    rays: Rays
    channels: Float[Tensor, "ray channel"]
    background: Float[Tensor, "ray channel"]


def fit_single(
    scene: Dataset,
    out: Path,
    config: SingleConfig,
    *,
    model: CategoryModel | None = None,
    seed: int,
    device: torch.device,
    progress: Progress,
    checkpoint_seconds: float = 60.0,
) -> SingleScene:
    """Fit one scene, or go on with it, and measure it on its test views; one that is done is read.

    The run's folder then holds ``field.safetensors``, ``metrics.json``, the log and a picture of test views.

    Args:
        scene: the scene, alone.
        out: the run's folder.
        config: all settings.
        model: fit in its latent space; None fits in image space.
        seed: of parameters, rays and samples.
        device: where to compute.
        progress: where to show how it goes.
        checkpoint_seconds: how often the run is saved.

    Raises:
        InputError: the folder belongs to another run, the model renders another size, or training has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    assert len(scene) == 1
    require_memory(memory.of_single(config), device)
    if model is not None:
        require_picture_size(scene, model)
    description = {
        "single": asdict(config),
        "model": None if model is None else model.identity(),
        "seed": seed,
        "device": device.type,
        "scene": dict(zip(scene.names, scene.fingerprints, strict=True)),
        "fitted_views": fitted_views(scene),
    }
    space = (image_space(scene) if model is None else model).to(device)
    with open_run(out, description, checkpoint_seconds) as run:
        module = create_scene(scene, config, space, seed).to(device)
        finished = (out / METRICS_FILE).is_file()
        if finished:
            weights = read_weights(out / WEIGHTS_FILE)
            check_weights(out / WEIGHTS_FILE, weights, module.state_dict())
            module.load_state_dict(weights)
        else:
            for line in view_counts(scene):
                progress.note(line)
            _optimize(module, ray_targets(scene, space), config, seed, Loop.resumed(run, progress, ("single",)))
            require_finite(module, out)
            write_sealed_tensors(out / WEIGHTS_FILE, module.state_dict(), {})
        fitted = SingleScene(scene.names[0], space, module.requires_grad_(False).field(), config.sampling, {})
        if not finished:
            about = {"seconds": run.elapsed(), **Provenance.of(scene, 0).record()}
            write_sealed_json(out / METRICS_FILE, _measured(fitted, scene, out) | about)
        return replace(fitted, metrics=_read_metrics(out / METRICS_FILE))


def _read_metrics(path: Path) -> dict[str, float]:
    document = read_object(path)
    check_seal(path, document, required=False)
    names = ("psnr", "views", "seconds") if "psnr" in document else ("views", "seconds")
    return {name: field_of(document, name, float, path) for name in names}


@torch.no_grad()
def ray_targets(scene: Dataset, space: CategoryModel) -> Targets:
    """All training rays of a scene in a space: one a latent pixel."""
    views, device = PosedViews(scene), space.aabb.device
    height, width = space.latent_size
    rays = views.cameras(views.group(range(len(views))), device).resized(height, width).rays().flatten()
    channels = encode_views(space, views, device).float().to(device).flatten(2).transpose(1, 2).flatten(0, 1)
    background = space.background().repeat(len(views), 1)
    near, far = intersect_aabb(rays, scene.aabb.to(device))
    meeting = far > near
    return Targets(rays[meeting], channels[meeting], background[meeting])


def _optimize(module: SceneModule, targets: Targets, config: SingleConfig, seed: int, loop: Loop) -> None:
    first_rate = config.rate if config.kind == "nerf" else config.planes_rate
    optimizer = torch.optim.Adam(module.parameters(), lr=first_rate)
    schedule = Schedule(config.steps, final=config.final_factor)
    for step in loop.steps("single", config.steps, TrainingState({"scene": module}, optimizer)):
        loss = _loss(module, targets, config, step_generator(seed_stream(seed), step.number))
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = first_rate * schedule.factor(step.number)
        optimizer.step()
        step.report({"loss": loss}, {"loss": loss})


def _loss(module: SceneModule, targets: Targets, config: SingleConfig, generator: torch.Generator) -> Tensor:
    chosen = torch.randint(len(targets.channels), (config.rays,), generator=generator).to(targets.channels.device)
    rays, wanted, background = targets.rays[chosen], targets.channels[chosen], targets.background[chosen]
    scene = module.field()
    found = render(scene, rays, [len(wanted)], background, config.sampling, [generator])
    loss = F.mse_loss(found.channels, wanted) + module.penalty(config, generator)
    if scene.proposal is not scene:
        # A network that places samples learns from its own coarse rendering (NeRF, equation 6).
        coarse = SamplingConfig(config.sampling.coarse, 0)
        placing = render(scene.proposal, rays, [len(wanted)], background, coarse, [generator])
        loss = loss + F.mse_loss(placing.channels, wanted)
    return loss


def _measured(scene: SingleScene, dataset: Dataset, folder: Path) -> dict[str, float]:
    """The PSNR over all test views, if there are any; leaves a picture of some."""
    views, device = PosedViews(dataset, "test"), scene.model.aabb.device
    if not len(views):
        return {"views": 0.0}
    batch = views.group(range(len(views)))
    images = views.images(batch, device)
    found = scene.render(views.cameras(batch, device))
    with torch.no_grad():
        write_progress_picture(folder / "progress.png", images, found.images, scene.model.encode(images), found.latents)
    return {"psnr": mean(psnr(found.images, images)), "views": float(len(images))}
