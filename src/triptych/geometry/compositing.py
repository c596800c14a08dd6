"""Emission-absorption volume rendering along rays cut into intervals (Max 1995; NeRF, equation 3).

With density sigma_i over an interval of length delta_i:

    alpha_i         = 1 - exp(-sigma_i delta_i)
    transmittance_i = exp(-sum_{j<i} sigma_j delta_j)
    weight_i        = transmittance_i alpha_i
    value           = sum_i weight_i value_i
"""

import torch
from jaxtyping import Float
from torch import Tensor


def rendering_weights(
    density: Float[Tensor, "ray sample"], lengths: Float[Tensor, "ray sample"]
) -> Float[Tensor, "ray sample"]:
    """The share of the final value that each interval contributes; an interval of length 0 contributes nothing.

    Args:
        density: non-negative extinction per unit length.
        lengths: interval lengths in world units.

    Returns:
        Non-negative weights whose sum over a ray is its opacity, at most 1.
    """
    optical_depth = density * lengths
    before = torch.cumsum(optical_depth, dim=-1) - optical_depth
    return torch.exp(-before) * -torch.expm1(-optical_depth)


def accumulate(
    weights: Float[Tensor, "ray sample"], values: Float[Tensor, "ray sample channel"]
) -> Float[Tensor, "ray channel"]:
    """Weighted sum of sample values along each ray."""
    return torch.einsum("rs,rsc->rc", weights, values)
