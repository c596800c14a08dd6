"""Predicting scenes with a category model that has a predictor."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.data.evenly import evenly
from triptych.errors import InputError
from triptych.geometry import Cameras, SceneRays
from triptych.geometry.silhouettes import silhouettes
from triptych.model.category_model import CategoryModel
from triptych.model.encoding import encode_objects
from triptych.model.predictor import EncodedViews, Prediction, Slopes, Surroundings
from triptych.model.reach import Reach, reach_of
from triptych.representation.kernels import Comparison, squared_error
from triptych.representation.planes import compose
from triptych.representation.render import random_places
from triptych.runtime import sent

MOST_VIEWS = 32
"""Views that a scene is predicted from at most; further ones are not encoded."""


def surroundings(model: CategoryModel) -> Surroundings:
    """What the predictor of a model is told of it."""
    planes = compose(model.config.planes, model.start_micro[None], model.start_coefficients[None], model.base)[0]
    behind = model.background().mean(dim=0)
    start = (model.start_micro, model.start_coefficients, model.start_occupancy)
    return Surroundings(model.aabb, behind, *start, planes.detach())


def slopes_of(
    model: CategoryModel, scenes: Sequence[EncodedViews], background: Float[Tensor, "pixel channel"]
) -> Slopes:
    """The gradient of L_Enc over those of these views of each scene that a look takes, shrunk as the predictor asks;
    ``background`` is that of pictures of their size."""
    assert model.predictor is not None
    config, cameras = model.predictor.config, scenes[0].cameras
    behind = model.as_images(background, (cameras.height, cameras.width))
    scenes = [views.within(config.slope_side) for views in scenes]
    behind = model.as_pixels(F.adaptive_avg_pool2d(behind, (scenes[0].cameras.height, scenes[0].cameras.width)))
    sampling = replace(model.config.sampling, coarse=config.samples, importance=0, supersample=1)

    def slopes(state: Prediction, look: int) -> Float[Tensor, "scene 3 k k micro"]:
        seen = [views.part(look) for views in scenes]
        counts = [len(views) for views in seen]
        rays = SceneRays.of_views(Cameras.together([views.cameras for views in seen]).rays(), counts)
        comparison = Comparison(model.as_pixels(torch.cat([views.latents for views in seen])), behind)
        shares = sent(torch.tensor(counts) / sum(counts), model.aabb.device)[:, None, None, None, None]
        micro = state.micro.detach().clone().requires_grad_()
        with torch.enable_grad():
            field = replace(model.field(micro, state.coefficients.detach()), occupancy=state.occupancy.contiguous())
            error = squared_error(field, rays, sampling, random_places(rays, None), comparison)
            return torch.autograd.grad(error, micro)[0] / shares

    return slopes


class Predicting:
    """Scenes predicted with one model, one after the other: what one comes out as does not depend on the others.

    Args:
        model: the category model.
        size: height and width of the pictures.

    Raises:
        InputError: the model has no predictor.
    """

    def __init__(self, model: CategoryModel, size: tuple[int, int]) -> None:
        if model.predictor is None:
            raise InputError(
                "this category model has no predictor; train one with `triptych predictor`, or call triptych.predict, "
                "which takes some steps in its place"
            )
        self.model = model
        self._predictor = model.predictor
        self._around = surroundings(model)
        self._background = model.background(size)
        self._reach = reach_of(model, size)

    @torch.no_grad()
    def of(self, images: Float[Tensor, "view 3 height width"], cameras: Cameras) -> Prediction:
        """Where the scene in these pictures starts; more than ``MOST_VIEWS`` are thinned out evenly."""
        chosen = evenly(range(len(images)), MOST_VIEWS)
        views = encoded(self.model, images[chosen], cameras[chosen], self._reach)
        return self._predictor([views], self._around, slopes_of(self.model, [views], self._background))[0]


@torch.no_grad()
def encoded(
    model: CategoryModel, images: Float[Tensor, "view 3 height width"], cameras: Cameras, reach: Reach | None = None
) -> EncodedViews:
    """Views as the predictor sees them; ``reach`` as in ``encode_views``."""
    latents = model.encode(images) if reach is None else encode_objects(model, images, reach)
    shown = silhouettes(images, model.background_color)
    return EncodedViews(latents, _per_latent(shown, model.autoencoder.downscale), cameras.resized(*latents.shape[2:]))


def _per_latent(shown: Bool[Tensor, "view height width"], side: int) -> Bool[Tensor, "view latent_height latent_width"]:
    return F.max_pool2d(shown[:, None].float(), side)[:, 0] > 0
