"""In which cells of its box a new scene is sampled first: those of its category that its pictures leave."""

from jaxtyping import Bool, Int32
from torch import Tensor

from triptych.data import Dataset
from triptych.data.evenly import evenly
from triptych.geometry.box_hull import box_hull
from triptych.geometry.shown import shown_by
from triptych.geometry.silhouettes import or_everywhere
from triptych.model import CategoryModel

_VIEWS = 24
"""How many views carve, which takes as long as a step of fitting."""


def first_cells(model: CategoryModel, dataset: Dataset, scene: int) -> Int32[Tensor, "z y"]:
    """The cells in which some scene of the category has matter, within the visual hull of this one.

    They hold until the scene looks up its own, in all of the box. Where nothing would be left, pictures and cameras do
    not fit each other, and the category's cells remain.

    Returns:
        The bits of `triptych.geometry.bit_grid`.
    """
    views = evenly(dataset.views(scene).train, _VIEWS)
    left = box_hull(_shown(dataset, scene, views), dataset.cameras(scene)[views], model.aabb) & model.start_occupancy
    return left if left.any() else model.start_occupancy


def _shown(dataset: Dataset, scene: int, views: list[int]) -> Bool[Tensor, "view height width"]:
    """The pixels that are not of the background's color, or, where pictures say it, not transparent; all pixels of a
    picture without any."""
    pictures, levels = dataset.with_alpha(scene, views), [(level, level) for level in dataset.background]
    if dataset.has_alpha(scene):
        levels.append((0, 0))
    return or_everywhere(shown_by(pictures, levels))
