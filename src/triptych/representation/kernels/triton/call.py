"""From tensors to launches: what a call allocates, how many programs it starts, and how large their blocks are."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from triptych.representation.kernels.arguments import TENSOR_COUNT, SceneArguments, check_rays
from triptych.representation.kernels.triton.backward import Gradients, differentiate_rays
from triptych.representation.kernels.triton.forward import Kept, Rendered, query_rays, render_rays
from triptych.representation.kernels.triton.language import Scenes, Sizes, power_of_two
from triptych.representation.kernels.triton.packing import Packed, pack_intervals
from triptych.representation.kernels.triton.placing import lay_intervals, refine_edges, space_edges
from triptych.runtime import sent

BLOCK = 16
"""Samples of a ray that a program takes at a time: as few as a matrix product can have rows, so that short rays waste
little."""
FORWARD_WARPS = 1
BACKWARD_WARPS = 2
BACKWARD_PROGRAMS = 4
"""Programs of the backward pass for each multiprocessor: each keeps its own sums of the MLP's gradients."""
_INTERPRETED_PROGRAMS = 3
_RAYS_AT_ONCE = 16
"""Rays that a program places."""
_INTEGER_BITS = 62
"""Bits of a fixed-point sum, without its sign and one to spare."""


class Call:
    """One call of the kernels: its scenes and rays on their device."""

    def __init__(self, scenes: SceneArguments, *, precision: str) -> None:
        check_rays(scenes.rays_per_scene, len(scenes.planes), len(scenes.origins))
        self.rays = len(scenes.origins)
        scene = _scene_of_ray(scenes.rays_per_scene, scenes.planes.device)
        self.scenes = Scenes(*(tensor.contiguous() for tensor in scenes[:TENSOR_COUNT]), scene=scene)
        outputs, hidden = scenes.output_weight.shape
        self.sizes = Sizes(
            scenes.planes.shape[2], scenes.planes.shape[-1], hidden, outputs,
            scenes.relu, scenes.sigmoid, scenes.density_scale, scenes.density_shift, precision, BLOCK,
        )  # fmt: skip

    def render(
        self, t_starts: Float[Tensor, "ray sample"], t_ends: Float[Tensor, "ray sample"], *, keep: bool
    ) -> tuple[Rendered, Kept]:
        """Channels, opacity and depth; and, to keep for the backward pass, optical depths and blocks reached."""
        new, samples = t_starts.new_empty, t_starts.shape[1]
        rendered = Rendered(new(self.rays, self.sizes.outputs - 1), new(self.rays), new(self.rays))
        rays, blocks = self.rays if keep else 0, -(-samples // BLOCK)
        kept = Kept(new(rays, blocks), new(rays, dtype=torch.int32))
        if self.rays:
            packed = self._pack(t_starts, t_ends)
            with self._device():
                render_rays[(self.rays,)](
                    self.scenes, packed, rendered, kept, samples, blocks,
                    KEEP=keep, S=self.sizes, num_warps=FORWARD_WARPS,
                )  # fmt: skip
        return rendered, kept

    def query(
        self, t_starts: Float[Tensor, "ray sample"], t_ends: Float[Tensor, "ray sample"], *, weights: bool
    ) -> Float[Tensor, "ray sample"]:
        """Densities of intervals, or their weights."""
        t_starts, t_ends = t_starts.contiguous(), t_ends.contiguous()
        values = torch.empty_like(t_starts)
        if self.rays:
            with self._device():
                query_rays[(self.rays,)](
                    self.scenes, t_starts, t_ends, values, t_starts.shape[1],
                    WEIGHTS=weights, S=self.sizes, num_warps=FORWARD_WARPS,
                )  # fmt: skip
        return values

    def place(
        self, jitter: Float[Tensor, "ray 2"], occupancy: Int[Tensor, "scene z y"] | None, coarse: int, importance: int
    ) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample"]]:
        """Starts and ends of the intervals."""
        jitter = jitter.contiguous()
        edges = jitter.new_empty(self.rays, coarse + 1)
        if not self.rays:
            return edges.new_empty(0, coarse + importance), edges.new_empty(0, coarse + importance)
        with self._device():
            space_edges[(-(-self.rays // _RAYS_AT_ONCE),)](
                self.scenes, jitter, edges, self.rays, coarse, RAYS=_RAYS_AT_ONCE, BLOCK=power_of_two(coarse + 1)
            )
            if importance:
                weights = self.query(*self._lay(edges, occupancy), weights=True)
                refined = edges.new_empty(self.rays, coarse + importance + 1)
                refine_edges[(self.rays,)](
                    edges, weights, jitter, refined, coarse, importance,
                    COARSE=power_of_two(coarse), EDGES=power_of_two(coarse + 1), FURTHER=power_of_two(importance),
                    num_warps=1,
                )  # fmt: skip
                edges = refined
            return self._lay(edges, occupancy)

    def differentiate(
        self,
        t_starts: Float[Tensor, "ray sample"],
        t_ends: Float[Tensor, "ray sample"],
        kept: Kept,
        ray_gradients: Rendered,
        mlp_gradient: bool,
        deterministic: bool,
    ) -> tuple[Tensor, ...]:
        """Gradients of planes, hidden weight and bias, output weight and bias; the last four empty if not needed."""
        planes, samples = self.scenes.planes, t_starts.shape[1]
        programs = min(self._programs(), self.rays)
        parts = self._gradient_parts(programs, mlp_gradient, deterministic)
        scale = planes.new_ones(1)
        if self.rays:
            packed = self._pack(t_starts, t_ends)

            def launch(mlp: bool, of_planes: bool) -> None:
                differentiate_rays[(programs,)](
                    self.scenes, packed, kept, ray_gradients, parts, scale, self.rays, samples, -(-samples // BLOCK),
                    MLP=mlp, PLANES=of_planes, S=self.sizes, num_warps=BACKWARD_WARPS,
                )  # fmt: skip

            with self._device():
                if deterministic:
                    launch(mlp=False, of_planes=False)
                    scale = fixed_point_scale(parts.largest, self.rays * samples)
                launch(mlp=mlp_gradient, of_planes=True)
        gradient = parts.planes * (1 / scale) if deterministic else parts.planes
        return gradient, *(part.sum(dim=0) if mlp_gradient else part for part in parts[1:5])

    def _pack(self, t_starts: Tensor, t_ends: Tensor) -> Packed:
        t_starts, t_ends = t_starts.contiguous(), t_ends.contiguous()
        middles, lengths = torch.empty_like(t_starts), torch.empty_like(t_starts)
        packed = Packed(middles, lengths, middles.new_empty(self.rays, dtype=torch.int32))
        samples = t_starts.shape[1]
        with self._device():
            pack_intervals[(self.rays,)](t_starts, t_ends, packed, samples, BLOCK=power_of_two(samples), num_warps=1)
        return packed

    def _lay(self, edges: Tensor, occupancy: Tensor | None) -> tuple[Tensor, Tensor]:
        count = edges.shape[1] - 1
        t_starts, t_ends = edges.new_empty(self.rays, count), edges.new_empty(self.rays, count)
        bits = edges if occupancy is None else occupancy.contiguous()
        lay_intervals[(-(-self.rays // _RAYS_AT_ONCE),)](
            self.scenes, edges, bits, t_starts, t_ends, self.rays, count,
            OCCUPANCY=occupancy is not None, RAYS=_RAYS_AT_ONCE, BLOCK=power_of_two(count),
        )  # fmt: skip
        return t_starts, t_ends

    def _gradient_parts(self, programs: int, mlp_gradient: bool, deterministic: bool) -> Gradients:
        planes, sizes = self.scenes.planes, self.sizes
        shapes = (sizes.hidden, sizes.features), (sizes.hidden,), (sizes.outputs, sizes.hidden), (sizes.outputs,)
        return Gradients(
            torch.zeros_like(planes, dtype=torch.int64 if deterministic else planes.dtype),
            *(planes.new_empty((programs, *shape) if mlp_gradient else 0) for shape in shapes),
            largest=planes.new_empty(programs),
        )

    def _programs(self) -> int:
        device = self.scenes.planes.device
        if device.type != "cuda":
            return _INTERPRETED_PROGRAMS
        return BACKWARD_PROGRAMS * torch.cuda.get_device_properties(device).multi_processor_count

    def _device(self) -> AbstractContextManager[Any]:
        return torch.cuda.device_of(self.scenes.planes)


def fixed_point_scale(largest: Float[Tensor, " part"], count: int) -> Float[Tensor, "1"]:
    """The power of two by which to multiply ``count`` numbers no larger than these, so that any sum fits 64 bits.

    Numbers that are not finite make it 0, so that every sum divided by it is not a number either.
    """
    bits = _INTEGER_BITS - (count - 1).bit_length()
    exponent = torch.floor(bits - torch.log2(largest.amax().clamp_min(2.0**-80)))
    return torch.exp2(exponent)[None]


def _scene_of_ray(rays_per_scene: Sequence[int], device: torch.device) -> Tensor:
    """The number of each ray's scene; made on the device where all have as many, so that it is part of a CUDA graph."""
    if len(set(rays_per_scene)) != 1:
        return _sent_scenes(tuple(rays_per_scene), device)
    return torch.arange(sum(rays_per_scene), dtype=torch.int32, device=device) // max(rays_per_scene[0], 1)


@lru_cache(maxsize=16)
def _sent_scenes(rays_per_scene: tuple[int, ...], device: torch.device) -> Tensor:
    """Made on the CPU; kept, since every training step asks for the same."""
    counts = torch.tensor(rays_per_scene, dtype=torch.int64)
    scenes = torch.arange(len(rays_per_scene), dtype=torch.int32)
    return sent(torch.repeat_interleave(scenes, counts), device)
