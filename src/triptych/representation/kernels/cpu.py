"""The CPU kernel: gather, tiny MLP and compositing fused into one pass a ray, compiled by numba.

Agrees with ``reference`` for float32 tensors on the CPU, several times faster and in a fraction of the memory. The
loops are in ``cpu_loops``; here they become two differentiable operators of torch.

The compiled code holds no Python lock, so a pool of as many threads as torch uses runs it: numba's own threading
layers are not safe to call from several Python threads at once, which a viewer does.
"""

import inspect
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numba import cfunc
from torch import Tensor

from triptych.geometry import Rays
from triptych.representation.kernels import cpu_loops
from triptych.representation.kernels.reference import Integral
from triptych.representation.mlp import TinyMLP

_RAYS_AN_ITEM = 64
_MOST_BACKWARD_CHUNKS = 64
"""Each chunk of the backward pass has its own gradient of the MLP; their number bounds memory, not the result."""


def supports(planes: Tensor, mlp: TinyMLP) -> bool:
    """Whether these tensors can be rendered here: float32, on the CPU, square planes."""
    tensors = [planes, *mlp.parameters()]
    on_cpu = all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in tensors)
    return on_cpu and planes.shape[2] == planes.shape[3]


def integrate(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    rays: Rays,
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
    rays_per_scene: Sequence[int],
) -> Integral:
    """Volume rendering of rays through tri-plane scenes (see ``reference.integrate``)."""
    tensors = (planes, *_weights_of(mlp))
    differentiable = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    channels, opacity, depth, _, _ = _integrate(
        *tensors,
        aabb,
        rays.origins,
        rays.directions,
        t_starts,
        t_ends,
        list(rays_per_scene),
        *_constants(mlp),
        differentiable,
    )
    return Integral(channels, opacity, depth)


def interval_weights(
    planes: Float[Tensor, "scene 3 row column feature"],
    mlp: TinyMLP,
    aabb: Float[Tensor, "2 3"],
    rays: Rays,
    t_starts: Float[Tensor, "ray sample"],
    t_ends: Float[Tensor, "ray sample"],
    rays_per_scene: Sequence[int],
) -> Float[Tensor, "ray sample"]:
    """Rendering weights of the intervals (see ``reference.interval_weights``); not differentiable."""
    hidden_weight, hidden_bias, output_weight, output_bias = _weights_of(mlp)
    job = _Job(
        (planes, hidden_weight, hidden_bias, output_weight[:1], output_bias[:1]),
        (aabb, rays.origins, rays.directions, t_starts, t_ends),
        rays_per_scene,
        _constants(mlp),
    )
    weights = torch.empty(t_starts.shape)
    job.point(weights=weights)
    job.run_forward()
    return weights


def _weights_of(mlp: TinyMLP) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return mlp.hidden.weight, mlp.hidden.bias, mlp.output.weight, mlp.output.bias


def _constants(mlp: TinyMLP) -> tuple[bool, bool, float, float]:
    config = mlp.config
    relu, sigmoid = config.hidden_activation == "relu", config.channel_activation == "sigmoid"
    return relu, sigmoid, float(config.density_scale), float(config.density_shift)


@torch.library.custom_op("triptych::integrate", mutates_args=())
def _integrate(
    planes: Tensor,
    hidden_weight: Tensor,
    hidden_bias: Tensor,
    output_weight: Tensor,
    output_bias: Tensor,
    aabb: Tensor,
    origins: Tensor,
    directions: Tensor,
    t_starts: Tensor,
    t_ends: Tensor,
    rays_per_scene: Sequence[int],
    relu: bool,
    sigmoid: bool,
    density_scale: float,
    density_shift: float,
    differentiable: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Channels, opacity and depth; for the backward pass, each sample's raw MLP outputs and how many were reached."""
    parameters = (planes, hidden_weight, hidden_bias, output_weight, output_bias)
    job = _Job(
        parameters,
        (aabb, origins, directions, t_starts, t_ends),
        rays_per_scene,
        (relu, sigmoid, density_scale, density_shift),
    )
    count, outputs = len(origins), len(output_bias)
    channels, opacity, depth = torch.empty(count, outputs - 1), torch.empty(count), torch.empty(count)
    kept = count if differentiable else 0
    raw = torch.empty(kept, outputs, job.padded_samples)
    reached = torch.empty(kept, dtype=torch.int64)
    job.point(channels=channels, opacity=opacity, depth=depth)
    if differentiable:
        job.point(raw=raw, reached=reached)
    job.run_forward()
    return channels, opacity, depth, raw, reached


@_integrate.register_fake
def _(planes, hidden_weight, hidden_bias, output_weight, output_bias, *rest):
    t_starts, differentiable = rest[3], rest[-1]
    count, samples = t_starts.shape
    outputs = output_bias.shape[0]
    kept = count if differentiable else 0
    return (
        planes.new_empty(count, outputs - 1),
        planes.new_empty(count),
        planes.new_empty(count),
        planes.new_empty(kept, outputs, _round_up(samples, cpu_loops.GROUP)),
        planes.new_empty(kept, dtype=torch.int64),
    )


@torch.library.custom_op("triptych::integrate_backward", mutates_args=())
def _integrate_backward(
    channels_gradient: Tensor,
    opacity_gradient: Tensor,
    depth_gradient: Tensor,
    raw: Tensor,
    reached: Tensor,
    planes: Tensor,
    hidden_weight: Tensor,
    hidden_bias: Tensor,
    output_weight: Tensor,
    output_bias: Tensor,
    aabb: Tensor,
    origins: Tensor,
    directions: Tensor,
    t_starts: Tensor,
    t_ends: Tensor,
    rays_per_scene: Sequence[int],
    relu: bool,
    sigmoid: bool,
    density_scale: float,
    density_shift: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of planes and MLP weights; features and hidden layer are computed again."""
    parameters = (planes, hidden_weight, hidden_bias, output_weight, output_bias)
    job = _Job(
        parameters,
        (aabb, origins, directions, t_starts, t_ends),
        rays_per_scene,
        (relu, sigmoid, density_scale, density_shift),
    )
    job.point(
        raw=raw,
        reached=reached,
        channels_gradient=channels_gradient,
        opacity_gradient=opacity_gradient,
        depth_gradient=depth_gradient,
    )
    return job.run_backward()


@_integrate_backward.register_fake
def _(channels_gradient, opacity_gradient, depth_gradient, raw, reached, *rest):
    return tuple(tensor.new_empty(tensor.shape) for tensor in rest[:5])


def _remember(ctx: Any, inputs: tuple, output: tuple) -> None:
    ctx.save_for_backward(*output[3:], *inputs[:10])
    ctx.rest = inputs[10:15]


def _backward(
    ctx: Any, channels_gradient: Tensor, opacity_gradient: Tensor, depth_gradient: Tensor, *_: Any
) -> tuple[Tensor | None, ...]:
    gradients = _integrate_backward(channels_gradient, opacity_gradient, depth_gradient, *ctx.saved_tensors, *ctx.rest)
    return (*gradients, *[None] * 11)


_integrate.register_autograd(_backward, setup_context=_remember)


class _Job:
    """One call's tensors, laid out for the loops: widths padded to what a vector register takes."""

    def __init__(
        self,
        parameters: tuple[Tensor, Tensor, Tensor, Tensor, Tensor],
        geometry: tuple[Tensor, Tensor, Tensor, Tensor, Tensor],
        rays_per_scene: Sequence[int],
        constants: tuple[bool, bool, float, float],
    ) -> None:
        planes, hidden_weight, hidden_bias, output_weight, output_bias = parameters
        aabb, origins, directions, t_starts, t_ends = geometry
        self.shapes = [tensor.shape for tensor in parameters]
        self.threads = torch.get_num_threads()
        self.rays_per_scene = rays_per_scene
        self.record = np.zeros(1, cpu_loops.JOB)
        self._alive: list[Tensor] = []

        features, hidden_units = _round_up(planes.shape[-1], 16), _round_up(len(hidden_bias), 16)
        more_features, more_units = features - planes.shape[-1], hidden_units - len(hidden_bias)
        self.planes = F.pad(planes, (0, more_features)) if more_features else planes.contiguous()
        hidden = F.pad(hidden_weight, (0, more_features, 0, more_units))
        self.padded_samples = _round_up(t_starts.shape[1], cpu_loops.GROUP)
        self.sizes = (features, hidden_units, len(output_bias))
        scratch = cpu_loops.scratch_size(self.padded_samples, *self.sizes)
        self.point(
            planes=self.planes,
            origins=origins,
            directions=directions,
            t_starts=t_starts,
            t_ends=t_ends,
            aabb=aabb,
            hidden=hidden,
            hidden_transposed=hidden.T,
            hidden_bias=F.pad(hidden_bias, (0, more_units)),
            output=F.pad(output_weight, (0, more_units)),
            output_bias=output_bias,
            zeros=torch.zeros(max(features, hidden_units)),
            scratch=torch.empty(self.threads * scratch),
            counters=torch.zeros(2, dtype=torch.int64),
        )
        relu, sigmoid, density_scale, density_shift = constants
        values = {
            "samples": t_starts.shape[1],
            "padded_samples": self.padded_samples,
            "features": features,
            "hidden_units": hidden_units,
            "outputs": len(output_bias),
            "resolution": planes.shape[2],
            "scratch_size": scratch,
            "relu": relu,
            "sigmoid": sigmoid,
            "density_scale": density_scale,
            "density_shift": density_shift,
        }
        for name, value in values.items():
            self.record[name] = value

    def point(self, **tensors: Tensor) -> None:
        """Set addresses in the record, and keep the tensors behind them alive."""
        for name, tensor in tensors.items():
            contiguous = tensor.detach().contiguous()
            self._alive.append(contiguous)
            self.record[name] = contiguous.data_ptr()

    def run_forward(self) -> None:
        """Render every ray, a few at a time."""
        items = [
            (scene, first, min(first + _RAYS_AN_ITEM, end), 0)
            for scene, (start, end) in enumerate(self._ranges())
            for first in range(start, end, _RAYS_AN_ITEM)
        ]
        if items:
            self._plan(items, chunks=len(items))
            _run("forward", self.record, self.threads)

    def run_backward(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Gradients of planes, hidden weight and bias, output weight and bias.

        Each scene's planes are written by one chunk alone, so that no write needs an atomic. A scene with more rays
        than a thread's share is cut into parts, and all but the first write to planes of their own, added at the end.
        """
        share = max(64.0, sum(self.rays_per_scene) / (2 * self.threads))
        parts = [min(self.threads, max(1, round(rays / share))) for rays in self.rays_per_scene]
        gradient = torch.empty(self.planes.shape)
        extra = torch.empty(sum(parts) - len(parts), *self.planes.shape[1:])
        items: list[tuple[int, int, int, int]] = []
        owners: list[int] = []
        for scene, ((start, end), count) in enumerate(zip(self._ranges(), parts, strict=True)):
            cuts = np.linspace(start, end, count + 1).astype(int)
            for part in range(count):
                target = gradient[scene] if part == 0 else extra[len(owners)]
                owners += [scene] if part else []
                items.append((scene, int(cuts[part]), int(cuts[part + 1]), target.data_ptr()))
        chunks = self._plan(items, _MOST_BACKWARD_CHUNKS)
        weights = torch.empty(chunks, cpu_loops.parameter_count(*self.sizes))
        self.point(parameters_gradient=weights)
        _run("backward", self.record, self.threads)
        for scene, piece in zip(owners, extra, strict=True):
            gradient[scene] += piece
        return gradient[..., : self.shapes[0][-1]].contiguous(), *self._unpack(weights.sum(dim=0))

    def _unpack(self, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        features, hidden_units, outputs = self.sizes
        _, (units, inputs), _, _, _ = self.shapes
        lengths = [hidden_units * features, hidden_units, outputs * hidden_units, outputs]
        hidden, hidden_bias, output, output_bias = weights[: sum(lengths)].split(lengths)
        return (
            hidden.view(hidden_units, features)[:units, :inputs].clone(),
            hidden_bias[:units].clone(),
            output.view(outputs, hidden_units)[:, :units].clone(),
            output_bias.clone(),
        )

    def _ranges(self) -> list[tuple[int, int]]:
        ends = np.cumsum(self.rays_per_scene).tolist()
        return [(end - rays, end) for end, rays in zip(ends, self.rays_per_scene, strict=True)]

    def _plan(self, items: list[tuple[int, int, int, int]], chunks: int) -> int:
        """Lay out the work; the chunks depend on the items alone, so that results do not depend on the threads."""
        bounds = np.unique(np.linspace(0, len(items), min(len(items), chunks) + 1).round().astype(np.int64))
        self.point(items=torch.tensor(items, dtype=torch.int64).reshape(-1), chunks=torch.from_numpy(bounds))
        self.record["chunk_count"] = len(bounds) - 1
        return len(bounds) - 1


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


@lru_cache
def _entry(name: str) -> Any:
    return cfunc(cpu_loops.SIGNATURE, cache=True)(inspect.unwrap(getattr(cpu_loops, name)))


@lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="triptych-render")


def _run(name: str, record: np.ndarray, threads: int) -> None:
    call, address = _entry(name).ctypes, record.ctypes.data
    others = [_pool(threads).submit(call, address) for _ in range(threads - 1)]
    call(address)
    for other in others:
        other.result()
