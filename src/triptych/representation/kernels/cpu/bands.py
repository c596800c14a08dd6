"""Planes whose rows, and whose columns, are sums of a few of others' each, as in enlarging and its transpose."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numba import njit
from torch import Tensor

from triptych.compiling import compile_cached
from triptych.representation.kernels.cpu.threads import in_parts


@torch.no_grad()
def along_both_axes(
    matrix: Float[Tensor, "out side"], planes: Float[Tensor, "scene 3 side side feature"]
) -> Float[Tensor, "scene 3 out out feature"]:
    """As ``triptych.representation.planes.along_both_axes``, without the products with zeros; not differentiable."""
    weights = matrix.numpy()
    used = weights != 0
    starts, ends = used.argmax(axis=1), weights.shape[1] - used[:, ::-1].argmax(axis=1)
    out = np.empty((*planes.shape[:2], *2 * (len(weights),), planes.shape[4]), np.float32)
    in_parts(_compiled(), 3 * len(planes), weights, starts, ends, planes.numpy(), out)
    return torch.from_numpy(out)


@lru_cache
def _compiled() -> Any:
    return compile_cached(njit, _sum_bands, nogil=True, fastmath={"contract"})


def _sum_bands(weights, starts, ends, planes, out, first, end):
    """The planes from ``first`` on, before ``end``, counted through all scenes."""
    _, _, side, _, features = planes.shape
    count, size = len(weights), side * features
    plane, row = np.empty((side, size), np.float32), np.empty(size, np.float32)
    for number in range(first, end):
        plane.reshape(side, side, features)[:] = planes[number // 3, number % 3]
        target = out[number // 3, number % 3].reshape(count, count * features)
        for y in range(count):
            row[:] = 0
            for other in range(starts[y], ends[y]):
                weight, texels = weights[y, other], plane[other]
                for i in range(size):
                    row[i] += weight * texels[i]
            along = target[y]
            along[:] = 0
            for x in range(count):
                for other in range(starts[x], ends[x]):
                    weight, place, texel = weights[x, other], np.uint64(x * features), np.uint64(other * features)
                    for i in range(np.uint64(features)):
                        along[place + i] += weight * row[texel + i]
