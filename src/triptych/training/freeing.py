"""Features that stage 1 has trained as shared ones and new scenes have as their own.

Base planes and tiny MLP learn more from few scenes when these share most of their features. A new scene, however, whose
shape the base planes do not span, comes closer when more of them are its own.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.model import CategoryModel
from triptych.representation.config import PlaneConfig
from triptych.representation.planes import compose


@torch.no_grad()
def freed(model: CategoryModel, planes: PlaneConfig) -> CategoryModel:
    """The same model with planes of which the scenes own more; new scenes start at the same place.

    Args:
        model: its planes have as many features in all, of which the first, again, are the scenes' own.
        planes: those of the result.
    """
    first = planes.micro_features - model.config.planes.micro_features
    if not first:
        return model
    result = CategoryModel(
        replace(model.config, planes=planes),
        model.autoencoder,
        model.normalization,
        model.base[..., first:].clone(),
        model.aabb,
        model.trained_scenes,
        model.origin,
    ).to(model.aabb.device)
    result.mlp = model.mlp
    result.start_micro.copy_(own_features(model, model.start_micro, model.start_coefficients, planes))
    result.start_coefficients.copy_(model.start_coefficients)
    result.start_occupancy.copy_(model.start_occupancy)
    return result


def own_features(
    model: CategoryModel, micro: Float[Tensor, "3 k k micro"], coefficients: Float[Tensor, " base"], planes: PlaneConfig
) -> Float[Tensor, "3 k k more"]:
    """A scene's micro planes in the model that ``freed`` makes of the one that it was trained with."""
    if planes.micro_features == model.config.planes.micro_features:
        return micro
    micro, coefficients = micro.to(model.base.device), coefficients.to(model.base.device)
    whole = compose(model.config.planes, micro[None], coefficients[None], model.base)
    return whole[0, ..., : planes.micro_features]
