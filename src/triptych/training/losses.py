"""Distances between images, between latents, and the PSNR they come to."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def squared_error(found: Float[Tensor, "*shape"], wanted: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """Mean squared error: the norm in L_ae, L_Enc and L_Dec, as the published code has it."""
    return F.mse_loss(found, wanted)


def psnr(found: Float[Tensor, "view 3 height width"], wanted: Float[Tensor, "view 3 height width"]) -> list[float]:
    """Peak signal-to-noise ratio of each view in dB, over all its pixels, after clamping to [0, 1]."""
    errors = (found.clamp(0, 1) - wanted).square().mean(dim=(1, 2, 3))
    return [-10 * math.log10(max(error, 1e-10)) for error in errors.tolist()]


def mean(values: list[float]) -> float:
    """Arithmetic mean; NaN of nothing."""
    return float(torch.tensor(values, dtype=torch.float64).mean()) if values else math.nan
