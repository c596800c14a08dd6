"""In which cells of its box a new scene is sampled first: those of its category that its pictures leave."""

import torch
from jaxtyping import Int32
from torch import Tensor

from triptych.data.evenly import evenly
from triptych.data.posed_views import PosedViews
from triptych.geometry.box_hull import box_hull
from triptych.geometry.silhouettes import silhouettes
from triptych.model import CategoryModel

_VIEWS = 32
"""How many views carve."""


def first_cells(model: CategoryModel, views: PosedViews, scene: int) -> Int32[Tensor, "z y"]:
    """The cells in which some scene of the category has matter, within the visual hull of this one.

    They hold until the scene looks up its own, in all of the box. Where nothing would be left, pictures and cameras do
    not fit each other, and the category's cells remain.

    Returns:
        The bits of `triptych.geometry.bit_grid`.
    """
    batch, here = views.group(evenly(views.rows_of(scene), _VIEWS)), torch.device("cpu")
    shown = silhouettes(views.images(batch, here), model.background_color.to(here))
    shown |= views.opacities(batch) > 0  # what is as bright as the background is there all the same
    left = box_hull(shown, views.cameras(batch, here), model.aabb) & model.start_occupancy
    return left if left.any() else model.start_occupancy
