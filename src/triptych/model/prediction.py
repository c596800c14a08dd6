"""Predicting scenes with a category model that has a predictor."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry import Cameras
from triptych.geometry.silhouettes import silhouettes
from triptych.model.category_model import CategoryModel
from triptych.model.encoding import encode_objects
from triptych.model.predictor import EncodedViews, Surroundings
from triptych.model.reach import Reach
from triptych.representation.planes import compose


def surroundings(model: CategoryModel) -> Surroundings:
    """What the predictor of a model is told of it."""
    planes = compose(model.config.planes, model.start_micro[None], model.start_coefficients[None], model.base)[0]
    behind = model.background().mean(dim=0)
    return Surroundings(model.aabb, behind, model.start_micro, model.start_coefficients, planes.detach())


@torch.no_grad()
def encoded(
    model: CategoryModel, images: Float[Tensor, "view 3 height width"], cameras: Cameras, reach: Reach | None = None
) -> EncodedViews:
    """Views as the predictor sees them; ``reach`` as in ``encode_views``."""
    latents = model.encode(images) if reach is None else encode_objects(model, images, reach)
    shown = silhouettes(images, model.background_color)
    return EncodedViews(latents, _per_latent(shown, model.autoencoder.downscale), cameras.resized(*model.latent_size))


def _per_latent(shown: Bool[Tensor, "view height width"], side: int) -> Bool[Tensor, "view latent_height latent_width"]:
    return F.max_pool2d(shown[:, None].float(), side)[:, 0] > 0
