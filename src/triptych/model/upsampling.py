"""A category model of planes with more texels, for pictures that show more than the texels hold."""

from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn

from triptych.errors import InputError
from triptych.model.category_model import CategoryModel
from triptych.model.modes import of_more_texels
from triptych.representation.planes import enlarged


@torch.no_grad()
def upsampled(model: CategoryModel, resolution: int) -> CategoryModel:
    """The same category with planes of more texels along each side.

    Mean scene, base planes and modes of variation are interpolated bilinearly, so that the mean scene looks as before;
    new scenes then hold more detail. It is another model, with banks of its own, and has no predictor, which would
    predict planes of the former size.

    Args:
        model: stays as it is.
        resolution: texels along each side, more than the model has.

    Raises:
        InputError: they are no more.
    """
    planes = model.config.planes
    if resolution <= planes.resolution:
        raise InputError(
            f"{resolution} texels along each side: the planes of this model have {planes.resolution}; give more"
        )
    finer = deepcopy(model)
    finer.config = replace(model.config, planes=replace(planes, resolution=resolution))
    finer.base = nn.Parameter(enlarged(model.base, resolution), requires_grad=False)
    finer.start_micro = enlarged(model.start_micro[None], resolution)[0]
    finer.modes = of_more_texels(model.modes, resolution)
    finer.predictor = None
    finer.round_to_half()
    return finer
