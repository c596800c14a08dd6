"""A scene beside pictures of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from triptych.bank.scene import Scene
from triptych.data import Dataset
from triptych.metrics import psnr
from triptych.model import SceneViews
from triptych.pictures import from_pixels


@dataclass(frozen=True)
class ComparedViews:
    """A scene rendered where pictures of it were taken, on the device of its model.

    Attributes:
        target: the pictures, in [0, 1].
        rendered: what the scene looks like from there.
    """

    target: Float[Tensor, "view 3 height width"]
    rendered: SceneViews

    def psnr(self) -> list[float]:
        """Peak signal-to-noise ratio of each view in dB."""
        return psnr(self.rendered.images, self.target)


def compare_views(scene: Scene, dataset: Dataset, number: int, views: Sequence[int]) -> ComparedViews:
    """Render a scene at cameras of a dataset, beside the pictures that were taken there.

    Args:
        scene: what to render.
        dataset: pictures, of any size.
        number: which of the dataset's scenes.
        views: which of its views, as in ``Dataset.views``.
    """
    target = from_pixels(dataset.images(number, views), scene.micro.device)
    return ComparedViews(target, scene.render(dataset.cameras(number)[list(views)]))
