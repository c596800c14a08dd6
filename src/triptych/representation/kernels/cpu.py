"""The CPU kernel: gather, tiny MLP and compositing fused into one pass a ray, compiled by numba.

Agrees with ``reference`` for float32 tensors on the CPU, several times faster and in a fraction of the memory.
"""

import ctypes
import inspect
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

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


def supports(planes: Tensor, mlp: TinyMLP) -> bool:
    tensors = [planes, *mlp.parameters()]
    return (
        all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
        and planes.shape[2] == planes.shape[3]
    )


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
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    channels, opacity, depth, _, _ = _integrate(
        *tensors,
        aabb,
        rays.origins,
        rays.directions,
        t_starts,
        t_ends,
        list(rays_per_scene),
        *_constants(mlp),
        keep,
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
    return _interval_weights(
        planes,
        *_weights_of(mlp),
        aabb,
        rays.origins,
        rays.directions,
        t_starts,
        t_ends,
        list(rays_per_scene),
        *_constants(mlp),
    )


def _weights_of(mlp):
    return mlp.hidden.weight, mlp.hidden.bias, mlp.output.weight, mlp.output.bias


def _constants(mlp):
    config = mlp.config
    return (
        config.hidden_activation == "relu",
        config.channel_activation == "sigmoid",
        float(config.density_scale),
        float(config.density_shift),
    )


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
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    outputs = len(output_bias)
    call = Call(
        (planes, hidden_weight, hidden_bias, output_weight, output_bias),
        aabb,
        origins,
        directions,
        t_starts,
        t_ends,
        rays_per_scene,
        relu,
        sigmoid,
        density_scale,
        density_shift,
    )
    count = len(origins)
    channels = planes.new_empty(count, outputs - 1)
    opacity, depth = planes.new_empty(count), planes.new_empty(count)
    raw = planes.new_empty((count if keep else 0, outputs, call.padded_samples))
    reached = torch.empty(count if keep else 0, dtype=torch.int64)
    call.set(channels=channels, opacity=opacity, depth=depth)
    if keep:
        call.set(raw=raw, reached=reached)
    call.run_forward()
    return channels, opacity, depth, raw, reached


@_integrate.register_fake
def _(
    planes,
    hidden_weight,
    hidden_bias,
    output_weight,
    output_bias,
    aabb,
    origins,
    directions,
    t_starts,
    t_ends,
    rays_per_scene,
    relu,
    sigmoid,
    density_scale,
    density_shift,
    keep,
):
    count, samples = t_starts.shape
    outputs = output_bias.shape[0]
    padded = (samples + 7) // 8 * 8
    kept = count if keep else 0
    return (
        planes.new_empty(count, outputs - 1),
        planes.new_empty(count),
        planes.new_empty(count),
        planes.new_empty(kept, outputs, padded),
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
    call = Call(
        (planes, hidden_weight, hidden_bias, output_weight, output_bias),
        aabb,
        origins,
        directions,
        t_starts,
        t_ends,
        rays_per_scene,
        relu,
        sigmoid,
        density_scale,
        density_shift,
    )
    call.set(
        raw=raw,
        reached=reached,
        channels_gradient=channels_gradient,
        opacity_gradient=opacity_gradient,
        depth_gradient=depth_gradient,
    )
    return call.run_backward()


@_integrate_backward.register_fake
def _(
    channels_gradient,
    opacity_gradient,
    depth_gradient,
    raw,
    reached,
    planes,
    hidden_weight,
    hidden_bias,
    output_weight,
    output_bias,
    *rest,
):
    return tuple(
        t.new_empty(t.shape) for t in (planes, hidden_weight, hidden_bias, output_weight, output_bias)
    )


def _setup(ctx, inputs, output):
    ctx.save_for_backward(*output[3:], *inputs[:10])
    ctx.rest = inputs[10:15]
    ctx.set_materialize_grads(True)


def _backward(ctx, channels_gradient, opacity_gradient, depth_gradient, *_):
    gradients = _integrate_backward(
        channels_gradient, opacity_gradient, depth_gradient, *ctx.saved_tensors, *ctx.rest
    )
    return (*gradients, *[None] * 11)


_integrate.register_autograd(_backward, setup_context=_setup)


@torch.library.custom_op("triptych::interval_weights", mutates_args=())
def _interval_weights(
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
) -> Tensor:
    call = Call(
        (planes, hidden_weight, hidden_bias, output_weight[:1], output_bias[:1]),
        aabb,
        origins,
        directions,
        t_starts,
        t_ends,
        rays_per_scene,
        relu,
        sigmoid,
        density_scale,
        density_shift,
    )
    weights = torch.empty(t_starts.shape)
    call.set(weights=weights)
    call.run_forward()
    return weights


@_interval_weights.register_fake
def _(
    planes, hidden_weight, hidden_bias, output_weight, output_bias, aabb, origins, directions, t_starts, *rest
):
    return t_starts.new_empty(t_starts.shape)


def _round_up(x, m):
    return -(-x // m) * m


class Call:
    def __init__(
        self,
        parameters,
        aabb,
        origins,
        directions,
        t_starts,
        t_ends,
        rays_per_scene,
        relu,
        sigmoid,
        density_scale,
        density_shift,
    ):
        planes, hidden_weight, hidden_bias, output_weight, output_bias = parameters
        self.shapes = [p.shape for p in parameters]
        self.threads = torch.get_num_threads()
        self.rays_per_scene = rays_per_scene
        self.job = np.zeros(1, cpu_loops.JOB)
        self.alive = []
        features, hidden_units = _round_up(planes.shape[-1], 16), _round_up(len(hidden_bias), 16)
        pad_f, pad_h = features - planes.shape[-1], hidden_units - len(hidden_bias)
        if pad_f:
            planes = F.pad(planes, (0, pad_f))
        hidden = F.pad(hidden_weight, (0, pad_f, 0, pad_h))
        self.planes = planes.contiguous()
        samples = t_starts.shape[1]
        self.padded_samples = _round_up(samples, 8)
        self.set(
            planes=planes,
            origins=origins,
            directions=directions,
            t_starts=t_starts,
            t_ends=t_ends,
            aabb=aabb,
            hidden=hidden,
            hidden_transposed=hidden.T,
            hidden_bias=F.pad(hidden_bias, (0, pad_h)),
            output=F.pad(output_weight, (0, pad_h)),
            output_bias=output_bias,
            zeros=torch.zeros(max(features, hidden_units)),
        )
        self.sizes = (features, hidden_units, len(output_bias))
        scratch = cpu_loops.scratch_size(self.padded_samples, *self.sizes)
        for name, value in dict(
            samples=samples,
            padded_samples=self.padded_samples,
            features=features,
            hidden_units=hidden_units,
            outputs=len(output_bias),
            resolution=planes.shape[2],
            scratch_size=scratch,
            relu=relu,
            sigmoid=sigmoid,
            density_scale=density_scale,
            density_shift=density_shift,
        ).items():
            self.job[name] = value
        self.set(scratch=torch.empty(self.threads * scratch), counters=torch.zeros(2, dtype=torch.int64))

    def set(self, **tensors):
        for name, tensor in tensors.items():
            tensor = tensor.contiguous()
            self.alive.append(tensor)
            self.job[name] = tensor.data_ptr()

    def plan(self, items, limit):
        count = len(items)
        chunks = (
            np.unique(np.linspace(0, count, min(count, limit) + 1).round().astype(np.int64))
            if count
            else np.zeros(1, np.int64)
        )
        self.set(items=torch.tensor(items, dtype=torch.int64).reshape(-1), chunks=torch.from_numpy(chunks))
        self.job["chunk_count"] = len(chunks) - 1
        return len(chunks) - 1

    def run_forward(self):
        ends = np.cumsum(self.rays_per_scene)
        items = []
        for scene, (end, count) in enumerate(zip(ends, self.rays_per_scene)):
            for first in range(end - count, end, 64):
                items.append((scene, first, min(first + 64, end), 0))
        if self.plan(items, 1 << 30):
            run("forward", self.job, self.threads)

    def run_backward(self):
        ends = np.cumsum(self.rays_per_scene)
        total = int(ends[-1]) if len(ends) else 0
        quota = max(64, total / (2 * self.threads))
        gradient = torch.empty(self.planes.shape)
        parts = [min(self.threads, max(1, round(count / quota))) for count in self.rays_per_scene]
        extra = torch.empty((sum(parts) - len(parts), *self.planes.shape[1:]))
        size = extra[0].numel() * 4 if len(extra) else 0
        items, owners = [], []
        for scene, (end, count, pieces) in enumerate(zip(ends, self.rays_per_scene, parts)):
            cuts = np.linspace(end - count, end, pieces + 1).astype(int)
            for piece in range(pieces):
                if piece == 0:
                    address = gradient[scene].data_ptr()
                else:
                    address = extra.data_ptr() + len(owners) * size
                    owners.append(scene)
                items.append((scene, cuts[piece], cuts[piece + 1], address))
        chunks = self.plan(items, 64)
        sizes = self.sizes
        parameters = torch.empty(chunks, cpu_loops.parameter_count(*sizes))
        self.set(parameters_gradient=parameters)
        run("backward", self.job, self.threads)
        for scene, piece in zip(owners, extra):
            gradient[scene] += piece
        features, hidden_units, outputs = sizes
        hw, hb, ow, ob, _ = parameters.sum(dim=0).split(
            [
                features * hidden_units,
                hidden_units,
                outputs * hidden_units,
                outputs,
                parameters.shape[1] - (features + 1) * hidden_units - outputs * (hidden_units + 1),
            ]
        )
        s = self.shapes
        return (
            gradient[..., : s[0][-1]].contiguous(),
            hw.view(hidden_units, features)[: s[1][0], : s[1][1]].clone(),
            hb[: s[2][0]].clone(),
            ow.view(outputs, hidden_units)[:, : s[3][1]].clone(),
            ob.clone(),
        )


@lru_cache
def _entry(name):
    return cfunc(cpu_loops.SIGNATURE, cache=True)(inspect.unwrap(getattr(cpu_loops, name)))


@lru_cache
def _pool(threads):
    return ThreadPoolExecutor(threads)


_gomp = ctypes.CDLL(os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu.so")).GOMP_parallel
_gomp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
_gomp.restype = None
MODE = os.environ.get("RUNMODE", "gomp")


def run(name, job, threads):
    entry = _entry(name)
    if MODE == "gomp":
        _gomp(entry.address, job.ctypes.data, threads, 0)
        return
    futures = [_pool(threads).submit(entry.ctypes, job.ctypes.data) for _ in range(threads - 1)]
    entry.ctypes(job.ctypes.data)
    for future in futures:
        future.result()
