"""Pictures as tensors, as bytes and as files, and small ones that show how a training goes."""

import io
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from triptych.files import write_atomically
from triptych.runtime import sent

_MOST_COLUMNS = 12


def latent_colors(
    latents: Float[Tensor, "view channel height width"],
    low: Float[Tensor, " channel"],
    high: Float[Tensor, " channel"],
) -> Float[Tensor, "view 3 height width"]:
    """The first three latent channels as RGB, each stretched from [low, high] to [0, 1] (gray if fewer)."""
    shown = [0, 1, 2] if latents.shape[1] >= 3 else [0, 0, 0]
    low, high = low[shown, None, None], high[shown, None, None]
    return ((latents[:, shown] - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)


def channel_range(
    latents: Float[Tensor, "view channel height width"],
) -> tuple[Float[Tensor, " channel"], Float[Tensor, " channel"]]:
    """Range that holds 98 % of each channel's values, for showing several latent images alike."""
    flat = latents.transpose(0, 1).flatten(1).float()
    bounds = torch.quantile(flat, torch.tensor([0.01, 0.99], device=flat.device), dim=1)
    return bounds[0], bounds[1]


def as_pixels(images: Float[Tensor, "view 3 height width"]) -> UInt8[np.ndarray, "view height width 3"]:
    """Images in [0, 1] as bytes."""
    return (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def from_pixels(
    pixels: UInt8[np.ndarray, "view height width 3"], device: torch.device | str = "cpu"
) -> Float[Tensor, "view 3 height width"]:
    """Images in [0, 1] from bytes."""
    return sent(torch.from_numpy(pixels), torch.device(device)).permute(0, 3, 1, 2).float() / 255


def enlarge(images: Float[Tensor, "view 3 h w"], height: int, width: int) -> Float[Tensor, "view 3 height width"]:
    """Nearest-neighbor enlargement, so that latent pixels stay visible."""
    return torch.nn.functional.interpolate(images, size=(height, width), mode="nearest")


def write_png(path: Path, pixels: UInt8[np.ndarray, "height width 3"]) -> None:
    """Write a PNG atomically."""
    content = as_png(Image.fromarray(pixels))
    write_atomically(path, lambda file: file.write(content))


def as_png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def write_progress_picture(
    path: Path,
    images: Float[Tensor, "view 3 height width"],
    decoded: Float[Tensor, "view 3 height width"],
    encoded: Float[Tensor, "view channel latent_height latent_width"],
    rendered: Float[Tensor, "view channel latent_height latent_width"],
) -> None:
    """Rows for a few test views: the picture, the decoded render, the encoded latent, the rendered latent; where
    latents are pictures the first two alone."""
    some = slice(0, _MOST_COLUMNS)
    rows = [images[some], decoded[some]]
    if not torch.equal(encoded, images):
        low, high = channel_range(encoded)
        size = images.shape[-2:]
        rows += [enlarge(latent_colors(latents[some], low, high), *size) for latents in (encoded, rendered)]
    pixels = [np.concatenate(list(as_pixels(row)), axis=1) for row in rows]
    write_png(path, np.concatenate(pixels))
