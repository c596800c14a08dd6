"""What the loops and their caller agree on: block sizes, the description of a call, the size of working memory.

Matrices lie in rows of a multiple of 16 floats, padded with zeros: features [sample, F], hidden [sample, H]. Raw MLP
outputs (density first) are [output, sample], with the samples of a ray padded to a multiple of 8.
"""

import inspect
from pathlib import Path

import numpy as np

from triptych.geometry import bit_grid, sampling
from triptych.representation.kernels import arguments
from triptych.representation.kernels.cpu.vectors import inlined

SOURCES = [Path(__file__).parent, *(Path(inspect.getfile(module)) for module in (arguments, bit_grid, sampling))]
"""Where the loops and their constants are."""
GROUP = 8
"""Samples that the forward pass takes at a time."""
QUEUE = 32
"""Samples that the backward pass takes at a time: more save trips to memory, fewer stay in the cache."""
AHEAD = 4
"""How many samples ahead texels are prefetched."""

_POINTERS = (
    # Inputs: tri-planes [scene, 3, row, column, F], box [2, 3], rays [ray, 3].
    *("planes", "aabb", "origins", "directions"),
    # Intervals [ray, sample], and what places them: bits of occupied cells [scene, z, y] or null, jitter [ray, 2].
    *("t_starts", "t_ends", "occupancy", "jitter"),
    # Tiny MLP: hidden [H, F], its transpose [F, H], bias [H], output [output, H], bias [output]; and a row of zeros.
    *("hidden", "hidden_transposed", "hidden_bias", "output", "output_bias", "zeros"),
    # Kept for the backward pass, or null: raw [ray, output, padded sample], intervals reached [ray].
    *("raw", "reached"),
    # Outputs of rendering; of a query.
    *("channels", "opacity", "depth", "densities"),
    # Gradients of the outputs, and gradients of the MLP [chunk, parameter_count], or null to leave them out.
    *("channels_gradient", "opacity_gradient", "depth_gradient", "mlp_gradient"),
    # A comparison: targets [pixel, channel], background [row, channel], opacities [pixel] or null, errors [pixel].
    *("targets", "background", "opacities", "errors"),
    # Work: items [item, ITEM] in chunks from chunks[c] to chunks[c + 1]; the next chunk and the next thread.
    *("items", "chunks", "counters", "scratch"),
)
_SIZES = (
    *("task", "coarse", "importance", "samples", "padded_samples"),
    *("features", "hidden_units", "outputs", "resolution", "relu", "sigmoid"),
    *("rays_per_pixel", "background_rows", "kept_size"),
    *("chunk_count", "scratch_size"),
)
JOB = np.dtype(
    [(name, np.uintp) for name in _POINTERS]
    + [(name, np.int64) for name in _SIZES]
    + [
        (name, np.float32)
        for name in ("density_scale", "density_shift", "error_slope", "opacity_weight", "opaque_depth")
    ],
    align=True,
)
"""One call: addresses of float32, int64 and int32 memory, sizes, constants."""
PLACE, RENDER, QUERY, PLACE_AND_RENDER = range(4)
"""Tasks of the forward loops: place a ray's samples, render it, look up the density of its samples; or place and render
in one pass."""
ITEM = 4
"""Integers that describe an item of work: scene, first ray, end of the rays, address of its planes' gradient."""


def round_up(count, multiple):
    """The next multiple."""
    return -(-count // multiple) * multiple


def scratch_size(padded_samples, features, hidden_units, outputs):
    """Floats of working memory for a thread."""
    ray = (8 + outputs) * padded_samples + GROUP * (outputs + 7) + outputs + 1
    block = QUEUE * (2 * features + 3 * hidden_units + outputs + 20)
    return round_up(ray + block, 16)


def kept_size(padded_samples, features, hidden_units, outputs):
    """Floats that a comparison keeps of a ray until the gradient of its pixel is known."""
    return round_up(outputs + 1 + padded_samples * (17 + outputs + features + 2 * hidden_units), 16)


def comparison_size(rays_per_pixel, padded_samples, features, hidden_units, outputs):
    """Floats of working memory for a thread that compares pixels."""
    rays = rays_per_pixel * kept_size(padded_samples, features, hidden_units, outputs)
    gradients = round_up(outputs + 1 + (outputs + 4) * padded_samples, 16)
    return GROUP + rays + gradients + scratch_size(padded_samples, features, hidden_units, outputs)


def parameter_count(features, hidden_units, outputs):
    """Floats of the MLP's gradient: hidden weights and bias, output weights and bias, padding."""
    return hidden_units * (features + 1 + outputs) + (outputs + 15) // 16 * 16


parameter_count_in_loops = inlined(parameter_count)
