"""Planes in 8 bits: each feature of each plane has its own range."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

LEVELS = 255


def quantized(
    name: str, planes: Float[Tensor, "*plane row column feature"]
) -> dict[str, UInt8[Tensor, "*plane feature row column"] | Float[Tensor, "*plane feature"]]:
    """Planes as ``name`` in 8 bits with the features before the rows, their ``name_scale`` and their ``name_offset``.

    A texel is value * scale + offset; it is off by at most half a scale, the 510th part of its feature's range.
    """
    features_first = planes.movedim(-1, -3).float()
    offset, highest = features_first.amin(dim=(-2, -1)), features_first.amax(dim=(-2, -1))
    scale = (highest - offset) / LEVELS
    # A feature without any range is its offset alone, whatever its scale.
    steps = scale.clamp_min(torch.finfo(torch.float32).tiny)
    values = ((features_first - offset[..., None, None]) / steps[..., None, None]).round().clamp(0, LEVELS)
    return {name: values.to(torch.uint8).contiguous(), f"{name}_scale": scale, f"{name}_offset": offset}
