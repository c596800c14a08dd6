"""Rendering and decoding scenes from any cameras."""

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Cameras
from triptych.model.category_model import CategoryModel
from triptych.model.scene_views import SceneViews
from triptych.representation.field import Field
from triptych.representation.sampler import Sampler

_VIEWS_AT_ONCE = 16
"""Views of the model's picture size that are rendered together; of larger ones fewer, of as many pixels."""


@torch.no_grad()
def render_views(
    model: CategoryModel,
    field: Field,
    cameras: Cameras,
    background: Float[Tensor, "pixel channel"],
    sampler: Sampler | None = None,
) -> SceneViews:
    """Render and decode a field of one scene from any number of cameras, of any picture size.

    A picture whose sides the autoencoder does not divide is rendered a little larger, to the right and below, and cut
    to its size; its latents, opacity and depth are those of the larger one.

    Args:
        model: the category model.
        field: the scene.
        cameras: its cameras. The decoder has learned how large details are in the pictures of its training: with focal
            lengths, in pixels, like theirs, pictures of other sizes come out best.
        background: from ``CategoryModel.background``, for the ``whole_size`` of the cameras.
        sampler: which rays, and how they are sampled; by default all of the model's sampling, evenly.
    """
    at_once = max(1, min(views_at_once(model, cameras), len(cameras)))

    def rendered(parts: int) -> SceneViews:
        size = -(-at_once // parts)
        groups = [cameras[first : first + size] for first in range(0, len(cameras), size)]
        drawn = [render_together(model, field, group, [len(group)], background, sampler) for group in groups]
        return SceneViews.cat(drawn)

    return model.parts.done(rendered, at_once, "views")


@torch.no_grad()
def render_together(
    model: CategoryModel,
    field: Field,
    cameras: Cameras,
    views_per_scene: list[int],
    background: Float[Tensor, "pixel channel"],
    sampler: Sampler | None = None,
) -> SceneViews:
    """Render and decode views of several scenes all at once.

    Args:
        model: the category model.
        field: the scenes.
        cameras: of all views, grouped by scene; as in ``render_views``, like the rest.
        views_per_scene: number of views of each scene.
        background: what is behind the scenes.
        sampler: which rays, and how they are sampled.
    """
    height, width = model.whole_size(cameras.height, cameras.width)
    whole = Cameras(cameras.c2w, cameras.intrinsics, height, width)
    rendering = model.render_latents(field, whole, views_per_scene, background, sampler)
    size = model.latent_size_of(height, width)
    latents = model.as_images(rendering.channels, size)
    opacity, depth = (flat.reshape(-1, *size) for flat in (rendering.opacity, rendering.depth))
    return SceneViews(model.decode(latents), latents, opacity, depth).cut(cameras.height, cameras.width)


def views_at_once(model: CategoryModel, cameras: Cameras) -> int:
    """How many views of the size of these cameras are rendered together."""
    height, width = model.whole_size(cameras.height, cameras.width)
    return max(1, _VIEWS_AT_ONCE * model.config.height * model.config.width // (height * width))
