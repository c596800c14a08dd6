"""Latents of the views of a dataset."""

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as functional
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.data.cache.entry import default_cache
from triptych.data.posed_views import Batch, PosedViews
from triptych.files import gather
from triptych.geometry.silhouettes import object_windows
from triptych.geometry.windows import of_one_size, stacked
from triptych.model.category_model import CategoryModel
from triptych.model.reach import Reach

_AT_ONCE = 32
"""Views that are read and encoded together."""


@torch.no_grad()
def encode_views(
    model: CategoryModel,
    views: PosedViews,
    device: torch.device,
    precision: torch.dtype = torch.half,
    reach: Reach | None = None,
) -> Float[Tensor, "row channel height width"]:
    """Normalized latents of all views, on the CPU; those of many scenes are better kept in half precision.

    With the ``reach`` of the model only what differs from the background goes through the encoder; the result is the
    same. Latents that would take much of the memory lie in a file beside the decoded pictures; see ``gather``.

    Raises:
        InputError: there is no room for that file.
    """
    parts = _encoded(model, views, device, precision, reach)
    size = model.latent_size_of(*views.dataset.picture_size)
    return gather(parts, (len(views), model.autoencoder.channels, *size), precision, _folder_beside(views))


def shrunk_opacities(
    views: PosedViews, downscale: int, precision: torch.dtype = torch.half
) -> Float[Tensor, "row height width"] | None:
    """How opaque the latent pixels of all views are, on the CPU: means of ``PosedViews.opacities``, kept like latents.

    None where no picture says it.

    Raises:
        InputError: there is no room for them.
    """
    if not views.dataset.keeps_alpha:
        return None
    height, width = views.dataset.picture_size
    parts = (functional.avg_pool2d(views.opacities(batch), downscale).to(precision) for batch in _batches(views))
    shape = len(views), height // downscale, width // downscale
    return gather(parts, shape, precision, _folder_beside(views))


def kept_pictures(views: PosedViews) -> UInt8[Tensor, "row height width channel"]:
    """The pictures of all views as bytes, on the CPU, with alpha where any has some: see ``Dataset.with_alpha``.

    Raises:
        InputError: there is no room for them.
    """
    parts = (torch.from_numpy(views.with_alpha(batch)) for batch in _batches(views))
    shape = views.with_alpha(views.group([0])).shape[1:]
    return gather(parts, (len(views), *shape), torch.uint8, _folder_beside(views))


def _folder_beside(views: PosedViews) -> Path:
    source = views.dataset.source
    return (source.cache if source is not None and source.cache is not None else default_cache()).expanduser()


def _batches(views: PosedViews) -> Iterator[Batch]:
    for first in range(0, len(views), _AT_ONCE):
        yield views.group(range(first, min(first + _AT_ONCE, len(views))))


@torch.no_grad()
def _encoded(
    model: CategoryModel,
    views: PosedViews,
    device: torch.device,
    precision: torch.dtype,
    reach: Reach | None,
) -> Iterator[Tensor]:
    for batch in _batches(views):
        images = views.images(batch, device)
        latents = model.encode(images) if reach is None else encode_objects(model, images, reach)
        yield latents.to(precision).cpu()


@torch.no_grad()
def encode_objects(
    model: CategoryModel, images: Float[Tensor, "view 3 height width"], reach: Reach
) -> Float[Tensor, "view channel latent_height latent_width"]:
    """``CategoryModel.encode`` of what differs from the background; all else is the background's latent."""
    side, size = model.autoencoder.downscale, (images.shape[2], images.shape[3])
    height, width = model.latent_size_of(*size)
    latents = model.as_images(model.background(size), (height, width)).repeat(len(images), 1, 1, 1)
    # What the object changes lies within the encoder's reach; what is encoded right needs as much again around it.
    windows = object_windows(images, model.background_color, side, 2 * reach.encoder)
    for chosen in of_one_size(windows):
        here = [windows[view] for view in chosen]
        encoded = model.encode(stacked(images[chosen], [window.scaled(side, side) for window in here]))
        for view, window, part in zip(chosen, here, encoded, strict=True):
            inner = window.inner(reach.encoder, height, width)
            window.cut(latents[view].permute(1, 2, 0))[inner] = part.permute(1, 2, 0)[inner]
    return latents
