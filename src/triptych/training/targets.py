"""What the rendered views of a batch are compared with: whole pictures, or the parts that show the objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Cameras, Window
from triptych.geometry.windows import of_one_size, stacked
from triptych.model import CategoryModel
from triptych.model.latent_windows import render_windows
from triptych.model.reach import NO_REACH, Reach
from triptych.representation.field import TriPlaneField
from triptych.representation.sampler import Sampler
from triptych.runtime import sent


@dataclass(frozen=True)
class Targets:
    """The views that a batch is compared with.

    Attributes:
        cameras: image cameras of the views, grouped by scene.
        views_per_scene: number of views of each scene.
        images: pictures of the views; None where only L_Enc counts and latents are cached.
        latents: cached normalized latents of a frozen encoder; None encodes the images where a loss calls for it,
            with gradient.
        background: latent of an image of what is behind the objects.
        windows: the window of each view that is compared, in latent pixels; None compares whole views.
        reach: how far the model's autoencoder looks, which decides what of a window can be compared.
    """

    cameras: Cameras
    views_per_scene: list[int]
    images: Float[Tensor, "view 3 height width"] | None
    latents: Float[Tensor, "view channel latent_height latent_width"] | None
    background: Float[Tensor, "pixel channel"]
    windows: Sequence[Window] | None = None
    reach: Reach = NO_REACH


@dataclass(frozen=True)
class Part:
    """Views that go through encoder and decoder together: all of a batch whole, or those with windows of one size.

    Attributes:
        rendered: rendered latents.
        images: the same part of the pictures, None as in ``Targets``.
        latents: the same part of the cached latents, None as in ``Targets``.
        windows: which part; None for whole views.
        latent_size: height and width of whole latent images.
        views: number of views of the whole batch.
    """

    rendered: Float[Tensor, "view channel height width"]
    images: Float[Tensor, "view 3 image_height image_width"] | None
    latents: Float[Tensor, "view channel height width"] | None
    windows: Sequence[Window] | None
    latent_size: tuple[int, int]
    views: int

    def error(
        self,
        result: Float[Tensor, "view channel height width"],
        target: Float[Tensor, "view channel height width"] | None,
        inset: int,
    ) -> Float[Tensor, ""]:
        """This part's share of the mean squared error over all pixels of the batch.

        Args:
            result: latents or images of this part.
            target: what they are compared with.
            inset: latent pixels from the edge of a window that do not count: what lies beyond is missing there.
        """
        assert target is not None, "this loss needs the pictures"
        if self.windows is None:
            return F.mse_loss(result, target)
        block = result.shape[-1] // self.rendered.shape[-1]
        counted = torch.stack([window.inner(inset, *self.latent_size) for window in self.windows])
        counted = sent(counted, result.device)
        counted = counted.repeat_interleave(block, 1).repeat_interleave(block, 2)[:, None]
        height, width = self.latent_size
        values = self.views * result.shape[1] * height * width * block**2
        return ((result - target).square() * counted).sum() / values


def rendered_parts(model: CategoryModel, field: TriPlaneField, targets: Targets, sampler: Sampler) -> Iterator[Part]:
    """Render the views of a batch, and put together what goes through encoder and decoder together."""
    of_views = (targets.cameras, targets.views_per_scene, targets.background, sampler)
    views, images, latents = len(targets.cameras), targets.images, targets.latents
    size = model.latent_size_of(targets.cameras.height, targets.cameras.width)
    if targets.windows is None:
        rendered = model.as_images(model.render_latents(field, *of_views).channels, size)
        yield Part(rendered, images, latents, None, size, views)
        return
    side, windows = model.autoencoder.downscale, targets.windows
    rendered = render_windows(model, field, *of_views, windows)
    for chosen in of_one_size(windows):
        here = [windows[view] for view in chosen]
        in_pixels = [window.scaled(side, side) for window in here]
        yield Part(
            torch.stack([rendered[view] for view in chosen]),
            None if images is None else stacked(images[chosen], in_pixels),
            None if latents is None else stacked(latents[chosen], here),
            here,
            size,
            views,
        )
