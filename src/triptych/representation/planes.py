"""Tri-planes made of a scene's own micro planes and of base planes that all scenes share.

    T_i = T_mic ⊕ W_i B        W_i B = sum_k w_i^k B_k

(Schnepf, Kassab et al. 2024, section 3.2), where ⊕ concatenates along the features or, as an option, adds. All planes
are stored channels last: [3, row, column, feature], in the order XY, XZ, YZ. With u = (x - lower) / (upper - lower) in
[0, 1]^3 the place of a point in the scene box, the center of texel (row, column) of a K x K plane lies at

    plane 0, XY: u_y = (row + 1/2) / K, u_x = (column + 1/2) / K
    plane 1, XZ: u_z = (row + 1/2) / K, u_x = (column + 1/2) / K
    plane 2, YZ: u_z = (row + 1/2) / K, u_y = (column + 1/2) / K

and a point beyond the outermost centers takes the value at the border.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.representation.config import PlaneConfig

PLANE_AXES = ((0, 1), (0, 2), (1, 2))
"""World axes of the (column, row) of each plane."""


def initial_base_planes(config: PlaneConfig, generator: torch.Generator) -> Float[Tensor, "base 3 k k feature"]:
    """Fresh base planes, independent Gaussian texels; a mean of M of them has a standard deviation near 0.1."""
    scale = 0.1 * math.sqrt(max(config.base_planes, 1))
    return scale * torch.randn(config.base_shape, generator=generator)


def compose(
    config: PlaneConfig,
    micro: Float[Tensor, "scene 3 k k micro"],
    coefficients: Float[Tensor, "scene base"],
    base: Float[Tensor, "base 3 k k macro"],
) -> Float[Tensor, "scene 3 k k feature"]:
    """Full tri-planes of several scenes from their own parts and the shared base planes, by one matrix product."""
    if not config.macro_features:
        return micro
    macro = (coefficients @ base.flatten(1)).reshape(len(coefficients), *base.shape[1:])
    if not config.micro_features:
        return macro
    if config.combine == "sum":
        return micro + macro
    return torch.cat([micro, macro], dim=-1)


def of_micro(config: PlaneConfig, gradient: Float[Tensor, "scene 3 k k feature"]) -> Float[Tensor, "scene 3 k k micro"]:
    """What the gradient in full planes is in the micro planes that they are composed of; not copied."""
    return gradient if config.combine == "sum" else gradient[..., : config.micro_features]


def along_both_axes(
    matrix: Float[Tensor, "out side"], planes: Float[Tensor, "scene 3 side side feature"]
) -> Float[Tensor, "scene 3 out out feature"]:
    """Planes whose rows, and whose columns, are sums of those of others: ``matrix`` has the weights."""
    scenes, three, side, _, features = planes.shape
    rows = matrix @ planes.reshape(-1, side, side * features)
    return (matrix @ rows.reshape(-1, side, features)).reshape(scenes, three, *2 * (len(matrix),), features)


def enlarged(
    planes: Float[Tensor, "scene 3 side side feature"], resolution: int
) -> Float[Tensor, "scene 3 k k feature"]:
    """Planes of more texels, which have at the center of each what the others have there by bilinear interpolation."""
    return along_both_axes(interpolation(planes.shape[2], resolution, planes.device), planes)


@lru_cache(maxsize=4)
def interpolation(side: int, resolution: int, device: torch.device) -> Float[Tensor, "k side"]:
    """The weights by which so many texels of a row are made of fewer ones."""
    return F.interpolate(torch.eye(side, device=device)[None], resolution, mode="linear")[0].T.contiguous()


def triplane_features(
    planes: Float[Tensor, "3 row column feature"],
    points: Float[Tensor, "point 3"],
    aabb: Float[Tensor, "2 3"],
) -> Float[Tensor, "point feature"]:
    """Sum of the three planes' bilinear values at world points."""
    place = (points - aabb[0]) / (aabb[1] - aabb[0]) * 2 - 1
    grid = torch.stack([place[:, axes] for axes in PLANE_AXES])[:, :, None]
    values = F.grid_sample(
        planes.permute(0, 3, 1, 2), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return values[..., 0].sum(dim=0).T
