"""RGB tri-planes, each scene by itself: what latent scenes are measured against.

No autoencoder, no base planes: a scene has planes and a tiny MLP of its own, fitted to the colours of single pixels.
"""

from collections.abc import Callable

import torch

from triptych.autoencoder import IdentityAutoencoder, LatentNormalization
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.geometry import Rays, intersect_aabb
from triptych.model import CategoryModel, ModelConfig
from triptych.representation.kernels import total_variation
from triptych.representation.planes import initial_base_planes
from triptych.representation.render import render
from triptych.training.config import Rates
from triptych.training.rgb_config import RGBConfig
from triptych.training.scenes import SceneParameters
from triptych.training.schedule import Schedule


def fit_rgb(
    dataset: Dataset,
    config: RGBConfig,
    seed: int,
    on_step: Callable[[int], None] = lambda step: None,
) -> tuple[CategoryModel, SceneParameters]:
    """Fit one RGB scene on the CPU, from random planes.

    Args:
        dataset: the scene, alone.
        config: all settings.
        seed: of the planes, the MLP, the pixels and the samples.
        on_step: called after each step.

    Returns:
        the scene's MLP as a model whose autoencoder is the identity, and its planes: together a ``Scene``.
    """
    assert len(dataset) == 1
    torch.manual_seed(seed)  # the MLP's initial weights
    generator = torch.Generator().manual_seed(seed)
    identity, white = IdentityAutoencoder(), torch.ones(1, 3)
    model = CategoryModel(
        ModelConfig(config.planes, config.mlp, config.sampling, dataset.height, dataset.width),
        identity,
        LatentNormalization.unit(3),
        initial_base_planes(config.planes, generator),
        dataset.aabb,
        {},
    )
    scenes = SceneParameters.fresh(config.planes, 1, generator, dataset.aabb.device)
    rays, colours = _pixels(dataset)
    optimizer = torch.optim.Adam(model.mlp.parameters(), fused=True)
    alone = torch.zeros(1, dtype=torch.int64)
    schedule = Schedule(config.steps, final=config.final_factor)
    for step in range(config.steps):
        chosen = torch.randint(len(colours), (config.rays,), generator=generator)
        leaves = scenes.leaves(alone)
        planes = scenes.skip_empty(model.field(*leaves), alone, config.skipping)
        found = render(planes, rays[chosen], [config.rays], white, config.sampling, [generator])
        loss = (found.channels - colours[chosen]).square().mean() + config.tv * total_variation(planes)
        optimizer.zero_grad()
        loss.backward()
        factor = schedule.factor(step)
        optimizer.param_groups[0]["lr"] = config.mlp_rate * factor
        optimizer.step()
        scenes.step(alone, leaves, Rates(micro=config.rate), factor)
        on_step(step)
    return model.requires_grad_(False).eval(), scenes


def _pixels(dataset: Dataset) -> tuple[Rays, torch.Tensor]:
    """Every ray of the training views that meets the scene box, and its colour [ray, 3]."""
    views = PosedViews(dataset)
    everything, device = views.group(range(len(views))), dataset.aabb.device
    rays = views.cameras(everything, device).rays().flatten()
    colours = views.images(everything, device).permute(0, 2, 3, 1).reshape(-1, 3)
    near, far = intersect_aabb(rays, dataset.aabb)
    meeting = far > near
    return rays[meeting], colours[meeting]
