"""How far in a picture the autoencoder looks, found by asking it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from triptych.model.category_model import CategoryModel


@dataclass(frozen=True)
class Reach:
    """From how far away, in latent pixels along either axis, a pixel of a result is influenced.

    Attributes:
        encoder: a latent pixel, by the image.
        decoder: the image of a latent pixel, by other latent pixels.
    """

    encoder: int
    decoder: int


NO_REACH = Reach(0, 0)
"""Of an autoencoder that looks at each pixel by itself."""


@torch.no_grad()
def reach_of(model: CategoryModel, size: tuple[int, int] | None = None) -> Reach | None:
    """How far a model's encoder and decoder look: what becomes of one pixel in the middle that is not a number.

    None where one of them looks from the middle to an edge of the picture, or farther.

    Args:
        model: the category model.
        size: height and width of the pictures, by default the model's.
    """
    height, width = model.latent_size if size is None else model.latent_size_of(*size)
    side = model.autoencoder.downscale
    row, column = height // 2, width // 2
    image = torch.ones(1, 3, height * side, width * side, device=model.aabb.device)
    image[..., row * side : (row + 1) * side, column * side : (column + 1) * side] = torch.nan
    latent = torch.zeros(1, model.autoencoder.channels, height, width, device=model.aabb.device)
    latent[..., row, column] = torch.nan
    decoded = model.decode(latent).isnan().any(dim=1)[0]
    touched = decoded.reshape(height, side, width, side).any(dim=3).any(dim=1)
    reach = Reach(_farthest(model.encode(image).isnan().any(dim=1)[0], row, column), _farthest(touched, row, column))
    return reach if max(reach.encoder, reach.decoder) < min(height, width) // 2 - 1 else None


def _farthest(touched: Bool[Tensor, "height width"], row: int, column: int) -> int:
    rows, columns = touched.nonzero().unbind(dim=1)
    return int(torch.maximum((rows - row).abs(), (columns - column).abs()).max())
