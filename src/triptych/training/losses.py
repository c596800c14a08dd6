"""Quality of images, and means of it."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def psnr(found: Float[Tensor, "view 3 height width"], wanted: Float[Tensor, "view 3 height width"]) -> list[float]:
    """Peak signal-to-noise ratio of each view in dB, over all its pixels, after clamping to [0, 1]."""
    errors = (found.clamp(0, 1) - wanted).square().mean(dim=(1, 2, 3))
    return [-10 * math.log10(max(error, 1e-10)) for error in errors.tolist()]


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; NaN of nothing."""
    return float(torch.tensor(values, dtype=torch.float64).mean()) if values else math.nan
