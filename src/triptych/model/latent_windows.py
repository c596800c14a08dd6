"""Rendering windows of latent images instead of whole ones."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Cameras, Rays, SceneRays, Window
from triptych.model.category_model import CategoryModel
from triptych.representation.field import Field
from triptych.representation.render import render
from triptych.representation.sampler import Sampler


def render_windows(
    model: CategoryModel,
    field: Field,
    cameras: Cameras,
    views_per_scene: Sequence[int],
    background: Float[Tensor, "pixel channel"],
    sampler: Sampler,
    windows: Sequence[Window],
) -> list[Tensor]:
    """What ``CategoryModel.render_latents`` renders, of each latent image one window [channel, height, width]; no ray
    outside is cast.

    Args:
        model: as there.
        field: as there.
        cameras: as there.
        views_per_scene: as there.
        background: as there.
        sampler: as there.
        windows: one for each view, in latent pixels.
    """
    height, width = model.latent_size_of(cameras.height, cameras.width)
    pixel_rays = sampler.pixel_rays
    rays = pixel_rays.through(cameras.resized(height, width))
    fine = [window.scaled(pixel_rays.side, pixel_rays.across) for window in windows]
    views = list(enumerate(fine))
    origins, directions = (
        torch.cat([window.cut(of_rays[view]).flatten(0, 1) for view, window in views])
        for of_rays in (rays.origins, rays.directions)
    )
    behind = pixel_rays.repeat(background.reshape(height, width, -1))
    behind = torch.cat([window.cut(behind).flatten(0, 1) for window in fine])
    counts = torch.tensor([window.height * window.width for window in fine])
    per_scene = [int(part.sum()) for part in counts.split(list(views_per_scene))]
    of_scenes = SceneRays(Rays(origins, directions), per_scene)
    rendering = render(field, of_scenes, behind, sampler.sampling, sampler.generators, sampler.backend)
    parts = zip(rendering.channels.split(counts.tolist()), windows, strict=True)
    return [pixel_rays.mean(part, *window.size).T.unflatten(1, window.size) for part, window in parts]
