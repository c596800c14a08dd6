"""Densities on a grid of points, all at once.

The hidden layer is linear up to its activation, and the feature of a point is a sum of one bilinear interpolation from
each plane. The points of a grid share these: each lies in a column of one of side² places on each plane. So the layer
is computed for 3 side² places, and a point costs two additions of it, the activation and the output of the density.
Points side by side along x are computed together, unit after unit.
"""

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from numba import njit
from torch import Tensor

from triptych.compiling import compile_cached
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels.cpu.functions import softplus
from triptych.representation.kernels.cpu.layout import SOURCES, round_up
from triptych.representation.kernels.cpu.memory import advance, floats_at, load16, read, store
from triptych.representation.kernels.cpu.threads import in_parts
from triptych.representation.kernels.cpu.vectors import fma, maximum, spread16

_LANES = 16


@torch.no_grad()
def grid_densities(field: TriPlaneField, side: int) -> Float[Tensor, "scene z y x"]:
    """See ``kernels.grid_densities``; not differentiable."""
    config, output = field.mlp.config, field.mlp.output
    weights, bias = output.weight[0].contiguous(), float(output.bias[0]) + config.density_shift
    densities = field.planes.new_empty(len(field.planes), side, side, round_up(side, _LANES))
    for planes, own in zip(field.planes, densities, strict=True):
        layers = (layer.numpy() for layer in _hidden_layers(field, planes, side))
        of_activation = config.hidden_activation == "relu", bias, config.density_scale
        in_parts(_compiled(), side, *layers, weights.numpy(), *of_activation, own.numpy())
    return densities[..., :side].contiguous()


def _hidden_layers(
    field: TriPlaneField, planes: Float[Tensor, "3 k k feature"], side: int
) -> tuple[Float[Tensor, "y unit x"], Float[Tensor, "z unit x"], Float[Tensor, "z y unit"]]:
    """What the places of a grid on each plane add to the hidden layer, the bias with the last plane's."""
    if planes.shape[1] != side:
        planes = F.interpolate(planes.permute(0, 3, 1, 2), size=(side, side), mode="bilinear").permute(0, 2, 3, 1)
    hidden = field.mlp.hidden
    along_x = hidden.weight @ planes[:2].transpose(2, 3)
    xy, xz = F.pad(along_x, (0, round_up(side, _LANES) - side)).contiguous()
    return xy, xz, torch.addmm(hidden.bias, planes[2].flatten(0, 1), hidden.weight.T).reshape(side, side, -1)


@lru_cache
def _compiled() -> Any:
    return compile_cached(njit, _fill_layers, sources=SOURCES, nogil=True)


def _fill_layers(xy, xz, yz, weights, relu, bias, scale, densities, first, end):
    """Layers of the grid from ``first`` on, before ``end``."""
    _, units, row = xy.shape
    side, output, out = len(xy), floats_at(weights.ctypes.data), floats_at(densities.ctypes.data)
    for z in range(first, end):
        beside = advance(floats_at(xz.ctypes.data), z * units * row)
        for y in range(side):
            over = advance(floats_at(xy.ctypes.data), y * units * row)
            of_row = advance(floats_at(yz.ctypes.data), (z * side + y) * units)
            for x in range(0, row, _LANES):
                total = spread16(bias)
                for h in range(units):
                    value = load16(over, h * row + x) + load16(beside, h * row + x) + read(of_row, h)
                    value = maximum(0.0, value) if relu else softplus(value)
                    total = fma(value, read(output, h), total)
                store(out, (z * side + y) * row + x, softplus(total) * scale)
