"""From tensors to a job for the loops and back: padding, working memory, the division of labour."""

import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.representation.kernels.arguments import SceneArguments, check_rays
from triptych.representation.kernels.cpu.layout import (
    GROUP,
    ITEM,
    JOB,
    comparison_size,
    kept_size,
    parameter_count,
    round_up,
    scratch_size,
)
from triptych.representation.kernels.cpu.threads import run

RAYS_PER_CHUNK = 64
"""Rays that a thread renders between two looks at the shared counter."""
GRADIENT_CHUNKS = 64
"""Most copies of the MLP's gradient that the threads fill apart before they are summed."""


class Job:
    """One call of the kernel: its inputs in the layout of the loops."""

    def __init__(self, scenes: SceneArguments, *, samples: int) -> None:
        planes, hidden_weight, hidden_bias, output_weight, output_bias, *_ = scenes
        check_rays(scenes.rays_per_scene, len(planes), len(scenes.origins))
        self.rays_per_scene = scenes.rays_per_scene
        self.hidden_shape = hidden_weight.shape
        self.threads = torch.get_num_threads()
        self._record = np.zeros(1, JOB)
        self._tensors: dict[str, Tensor] = {}

        features, hidden_units = round_up(planes.shape[-1], 16), round_up(len(hidden_bias), 16)
        more_features, more_units = features - planes.shape[-1], hidden_units - len(hidden_bias)
        if more_features or more_units:
            planes = F.pad(planes, (0, more_features))
            hidden_weight = F.pad(hidden_weight, (0, more_features, 0, more_units))
            hidden_bias, output_weight = F.pad(hidden_bias, (0, more_units)), F.pad(output_weight, (0, more_units))
        self.point(
            planes=planes,
            hidden=hidden_weight,
            hidden_transposed=hidden_weight.T,
            hidden_bias=hidden_bias,
            output=output_weight,
            output_bias=output_bias,
            zeros=torch.zeros(max(features, hidden_units)),
            aabb=scenes.aabb,
            origins=scenes.origins,
            directions=scenes.directions,
        )
        self.mlp_sizes = features, hidden_units, len(output_bias)
        scratch = scratch_size(round_up(samples, GROUP), *self.mlp_sizes)
        self._set(
            samples=samples,
            padded_samples=round_up(samples, GROUP),
            features=features,
            hidden_units=hidden_units,
            outputs=len(output_bias),
            resolution=planes.shape[2],
            scratch_size=scratch,
            relu=scenes.relu,
            sigmoid=scenes.sigmoid,
            density_scale=scenes.density_scale,
            density_shift=scenes.density_shift,
        )
        self.point(scratch=torch.empty(self.threads * scratch), counters=torch.zeros(2, dtype=torch.int64))

    def point(self, **tensors: Tensor) -> None:
        """Give the loops these tensors, and keep them alive; outputs must be contiguous already."""
        for name, tensor in tensors.items():
            self._tensors[name] = tensor = tensor.contiguous()
            assert tensor.device.type == "cpu", name
            assert tensor.dtype in (torch.float32, torch.int64, torch.int32), name
            self._record[name] = tensor.data_ptr()

    def run_forward(self, task: int, *, coarse: int = 0, importance: int = 0) -> None:
        """Do a task for all rays: fill the outputs that were pointed to."""
        self._set(task=task, coarse=coarse, importance=importance)
        items = [
            (scene, start, min(start + RAYS_PER_CHUNK, end), 0)
            for scene, (first, end) in enumerate(self._ray_ranges())
            for start in range(first, end, RAYS_PER_CHUNK)
        ]
        self._divide(items, len(items))
        run("forward", self._record, self.threads)

    def run_backward(self, mlp_gradient: bool) -> tuple[Tensor, ...]:
        """Gradients of planes, hidden weight and bias, output weight and bias; the last four empty if not needed."""
        return self._run_with_gradients("backward", mlp_gradient)

    def run_comparison(
        self,
        mlp_gradient: bool,
        *,
        coarse: int,
        importance: int,
        rays_per_pixel: int,
        opacity_weight: float,
        cutoff: float,
        out: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Place, render and compare the pixels' rays: fill the errors, and return gradients of their mean.

        See ``run_backward`` for the gradients; ``out`` is memory for that of the planes.
        """
        samples = round_up(coarse + importance, GROUP)
        features, hidden_units, outputs = self.mlp_sizes
        scratch = comparison_size(rays_per_pixel, samples, features, hidden_units, outputs)
        self.point(scratch=torch.empty(self.threads * scratch))
        pixels, background = self._tensors["errors"].numel(), self._tensors["background"]
        self._set(
            coarse=coarse,
            importance=importance,
            rays_per_pixel=rays_per_pixel,
            background_rows=len(background),
            kept_size=kept_size(samples, features, hidden_units, outputs),
            scratch_size=scratch,
            error_slope=2 / max(pixels * (outputs - 1) * rays_per_pixel, 1),
            opacity_weight=opacity_weight * (outputs - 1),  # errors are summed over channels
            opaque_depth=-math.log(cutoff),
        )
        return self._run_with_gradients("compare", mlp_gradient, rays_per_pixel, out)

    def _run_with_gradients(
        self, direction: str, mlp_gradient: bool, together: int = 1, out: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Run loops that fill gradients; ``together`` many rays are not parted.

        A scene's gradient belongs to one thread at a time, so no write needs to be atomic. With fewer scenes than
        threads can share, scenes are cut into parts whose gradients are added up at the end.
        """
        planes = self._tensors["planes"]
        parts = [self._parts(count) for count in self.rays_per_scene]
        gradient = torch.empty_like(planes) if out is None else out
        further = planes.new_empty((sum(parts) - len(parts), *planes.shape[1:]))
        items, owners = [], []
        for scene, (first, end) in enumerate(self._ray_ranges()):
            cuts = np.linspace(first, end, parts[scene] + 1).astype(int) // together * together
            for part, (start, stop) in enumerate(pairwise(cuts.tolist())):
                target = gradient[scene] if part == 0 else further[len(owners)]
                owners.extend([scene] if part else [])
                items.append((scene, start, stop, target.data_ptr()))
        chunks = self._divide(items, GRADIENT_CHUNKS)
        sums = planes.new_empty((chunks, parameter_count(*self.mlp_sizes)))
        if mlp_gradient:
            self.point(mlp_gradient=sums)
        run(direction, self._record, self.threads)
        for scene, part in zip(owners, further, strict=True):
            gradient[scene] += part
        features = self.hidden_shape[1]
        if features < gradient.shape[-1]:
            gradient = gradient[..., :features].contiguous()
        return gradient, *(self._split(sums) if mlp_gradient else [planes.new_empty(0) for _ in range(4)])

    def _set(self, **values: int | float) -> None:
        for name, value in values.items():
            self._record[name] = value

    def _ray_ranges(self) -> list[tuple[int, int]]:
        ends = np.cumsum(self.rays_per_scene, dtype=np.int64).tolist()
        return [(end - count, end) for end, count in zip(ends, self.rays_per_scene, strict=True)]

    def _parts(self, count: int) -> int:
        """Into how many parts to cut a scene of this many rays: about two parts per thread in all, none of few rays."""
        share = max(sum(self.rays_per_scene) / (2 * self.threads), RAYS_PER_CHUNK)
        return min(max(round(count / share), 1), self.threads)

    def _divide(self, items: list[tuple[int, int, int, int]], most: int) -> int:
        """Put the items into at most this many chunks; returns how many."""
        count = min(len(items), most)
        chunks = torch.arange(count + 1) * len(items) // max(count, 1)
        self.point(items=torch.tensor(items, dtype=torch.int64).reshape(-1, ITEM), chunks=chunks)
        self._set(chunk_count=count)
        return count

    def _split(self, sums: Float[Tensor, "chunk parameter"]) -> list[Tensor]:
        """The MLP's gradient, summed over the chunks and cut into its tensors without their padding."""
        features, hidden_units, outputs = self.mlp_sizes
        own_units, own_features = self.hidden_shape
        sizes = [features * hidden_units, hidden_units, outputs * hidden_units, outputs]
        rest = sums.shape[1] - sum(sizes)
        hidden, hidden_bias, output, output_bias, _ = sums.sum(dim=0).split([*sizes, rest])
        return [
            hidden.view(hidden_units, features)[:own_units, :own_features].clone(),
            hidden_bias[:own_units].clone(),
            output.view(outputs, hidden_units)[:, :own_units].clone(),
            output_bias.clone(),
        ]
