"""The scale in which latents are rendered: fitted once on the first autoencoder, then fixed and saved."""

from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.autoencoder.config import NormalizationKind
from triptych.errors import InputError

TANH_SCALE = 0.02
"""The published recipe's factor, made for the Stable-Diffusion VAE whose raw latents reach some tens."""
_UNIT_MARGIN = 1e-6
_SMALLEST_SCALE = 1e-6


class LatentNormalization(nn.Module):
    """An invertible map between raw latents z and normalized latents n, one shift and one scale per channel.

    - ``affine``: n = (z - shift) / scale with the mean and the standard deviation: zero mean, unit variance.
    - ``tanh``: n = (1 + tanh((z - shift) / scale)) / 2 in (0, 1), shift 0, scale 1 / 0.02 (arXiv 2403.11678).

    Shift and scale are buffers: they follow ``.to(device)``, are in ``state_dict()`` and are never trained.
    """

    shift: Float[Tensor, "channel"]
    scale: Float[Tensor, "channel"]

    def __init__(self, kind: str, shift: Float[Tensor, "channel"], scale: Float[Tensor, "channel"]) -> None:
        """Take known values; `fit` measures them.

        Raises:
            InputError: ``kind`` is neither of the two.
        """
        super().__init__()
        if kind not in get_args(NormalizationKind):
            raise InputError(f"latent normalization: the kind is {kind!r}, expected 'affine' or 'tanh'")
        assert bool((scale > 0).all())
        self.kind = kind
        self.register_buffer("shift", shift.detach().clone())
        self.register_buffer("scale", scale.detach().clone())

    @classmethod
    def unit(cls, channels: int) -> "LatentNormalization":
        """One that changes nothing."""
        return cls("affine", torch.zeros(channels), torch.ones(channels))

    @classmethod
    def fit(
        cls, latents: Float[Tensor, "view channel height width"], kind: NormalizationKind = "affine"
    ) -> "LatentNormalization":
        """Measure it on raw latents of training views. A constant channel keeps a tiny scale."""
        if kind == "tanh":
            zeros = latents.new_zeros(latents.shape[1])
            return cls(kind, zeros, zeros + 1 / TANH_SCALE)
        deviation, mean = torch.std_mean(latents, dim=(0, 2, 3), correction=0)
        return cls(kind, mean, deviation.clamp_min(_SMALLEST_SCALE))

    def normalize(
        self, latents: Float[Tensor, "view channel height width"]
    ) -> Float[Tensor, "view channel height width"]:
        """Raw latents to normalized ones."""
        standard = (latents - self.shift[:, None, None]) / self.scale[:, None, None]
        return standard if self.kind == "affine" else (1 + torch.tanh(standard)) / 2

    def denormalize(
        self, normalized: Float[Tensor, "view channel height width"]
    ) -> Float[Tensor, "view channel height width"]:
        """Normalized latents to raw ones; for ``tanh``, values outside (0, 1) are clamped to just inside."""
        if self.kind == "tanh":
            normalized = torch.atanh(2 * normalized.clamp(_UNIT_MARGIN, 1 - _UNIT_MARGIN) - 1)
        return normalized * self.scale[:, None, None] + self.shift[:, None, None]
