"""Densities on a grid of points, all at once.

The hidden layer is linear up to its activation, and the feature of a point is a sum of one bilinear interpolation from
each plane. The points of a grid share these: each lies in a column of one of side² places on each plane. So the layer
is computed for 3 side² places, and a point costs two additions of it, the activation and the output of the density.
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
from triptych.representation.kernels.cpu.memory import advance, floats_at, load16, write
from triptych.representation.kernels.cpu.threads import in_parts
from triptych.representation.kernels.cpu.vectors import fma, minimum, spread16, sum_of_lanes


@torch.no_grad()
def grid_densities(field: TriPlaneField, side: int) -> Float[Tensor, "scene z y x"]:
    """See ``kernels.grid_densities``; not differentiable."""
    config, output = field.mlp.config, field.mlp.output
    densities = field.planes.new_empty(len(field.planes), side, side, side)
    for scene, planes in enumerate(field.planes):
        _fill(
            _hidden_layers(field, planes, side), _padded(output.weight[0]), config.hidden_activation, densities[scene]
        )
    raw = densities.add_(output.bias[0] + config.density_shift)
    return F.softplus(raw).mul_(config.density_scale)


def _hidden_layers(
    field: TriPlaneField, planes: Float[Tensor, "3 k k feature"], side: int
) -> Float[Tensor, "3 row column padded"]:
    """What the places of a grid on each plane add to the hidden layer, the bias with the last plane's."""
    if planes.shape[1] != side:
        planes = F.interpolate(planes.permute(0, 3, 1, 2), size=(side, side), mode="bilinear").permute(0, 2, 3, 1)
    hidden = field.mlp.hidden
    layers = planes.flatten(0, 2) @ _padded(hidden.weight.T)
    layers = layers.reshape(3, side, side, -1)
    layers[2] += _padded(hidden.bias)
    return layers


def _padded(values: Float[Tensor, "*axis unit"]) -> Float[Tensor, "*axis padded"]:
    """With units of weight 0, up to a multiple of 16."""
    units = values.shape[-1]
    return F.pad(values, (0, round_up(units, 16) - units)).contiguous()


def _fill(
    layers: Float[Tensor, "3 row column padded"],
    weights: Float[Tensor, " padded"],
    activation: str,
    raw: Float[Tensor, "z y x"],
) -> None:
    """Raw densities but for the bias, layers of the grid shared out among the threads."""
    in_parts(_compiled(), len(raw), layers.numpy(), weights.numpy(), activation == "relu", raw.numpy())


@lru_cache
def _compiled() -> Any:
    return compile_cached(njit, _fill_layers, sources=SOURCES, nogil=True)


def _fill_layers(layers, weights, relu, raw, first, end):
    _, side, _, units = layers.shape
    xy, output, out = floats_at(layers.ctypes.data), floats_at(weights.ctypes.data), floats_at(raw.ctypes.data)
    xz, yz = advance(xy, side * side * units), advance(xy, 2 * side * side * units)
    for z in range(first, end):
        for y in range(side):
            of_row = advance(yz, (z * side + y) * units)
            for x in range(side):
                over, beside = advance(xy, (y * side + x) * units), advance(xz, (z * side + x) * units)
                total = spread16(0.0)
                for h in range(0, units, 16):
                    value = load16(over, h) + load16(beside, h) + load16(of_row, h)
                    value = value - minimum(value, 0.0) if relu else softplus(value)
                    total = fma(load16(output, h), value, total)
                write(out, (z * side + y) * side + x, sum_of_lanes(total))
