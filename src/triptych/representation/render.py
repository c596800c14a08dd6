"""Rendering: rays to channels, opacity and depth, the same code for RGB and for latents."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Rays, intersect_aabb
from triptych.geometry.sampling import importance_edges, stratified_edges, uniform_edges
from triptych.representation import kernels
from triptych.representation.mlp import TinyMLP


@dataclass(frozen=True)
class SamplingConfig:
    """How many samples a ray gets inside the scene box."""

    coarse: int = 48
    """Stratified samples from where the ray enters the box to where it leaves."""
    importance: int = 48
    """Further samples where the coarse ones found matter; 0 renders in one pass."""
    supersample: int = 1
    """Rays along each side of a latent pixel, averaged: a latent pixel covers a patch of image, not a point."""


@dataclass(frozen=True)
class Rendering:
    """What rays see.

    Attributes:
        channels: RGB or latent channels over the background.
        opacity: share of the ray that the scene stops, in [0, 1].
        depth: mean distance at which it is stopped, in world units; 0 where opacity is 0.
    """

    channels: Float[Tensor, "ray channel"]
    opacity: Float[Tensor, " ray"]
    depth: Float[Tensor, " ray"]


@dataclass(frozen=True)
class TriPlaneField:
    """Several scenes that can be rendered: their tri-planes, the tiny MLP and the box they live in.

    Attributes:
        planes: full tri-planes, channels last.
        mlp: the tiny MLP all of them share.
        aabb: lower and upper corner of the scene box.
    """

    planes: Float[Tensor, "scene 3 row column feature"]
    mlp: TinyMLP
    aabb: Float[Tensor, "2 3"]


def render(
    field: TriPlaneField,
    rays: Rays,
    rays_per_scene: Sequence[int],
    background: Float[Tensor, "#ray channel"],
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator] | None = None,
    backend: kernels.Backend = "auto",
) -> Rendering:
    """Render rays through tri-plane scenes by volume rendering (NeRF, equation 3).

    Rays that miss the scene box cost nothing and see the background alone.

    Args:
        field: the scenes.
        rays: flat rays, grouped by scene in the order of the field's planes.
        rays_per_scene: how many rays belong to each scene; sums to the number of rays.
        background: channels behind everything, one row for all rays or one a ray.
        sampling: samples a ray.
        generators: random sample placement, for training, with one generator a scene (on the CPU whatever the
            device, so that devices agree); None places samples evenly.
        backend: which kernel computes it.
    """
    near, far = intersect_aabb(rays, field.aabb)
    hit = far > near
    hits_per_scene = [int(part.sum()) for part in hit.split(list(rays_per_scene))]
    hit_rays = rays[hit]
    t_starts, t_ends = place_samples(
        field, hit_rays, near[hit], far[hit], hits_per_scene, sampling, generators, backend
    )
    integral = kernels.integrate(
        field.planes, field.mlp, field.aabb, hit_rays, t_starts, t_ends, hits_per_scene, backend
    )
    opacity = _scatter(integral.opacity, hit)
    channels = _scatter(integral.channels, hit) + (1 - opacity)[:, None] * background
    depth = _scatter(integral.depth, hit) / opacity.clamp_min(1e-8)
    return Rendering(channels, opacity, depth)


def place_samples(
    field: TriPlaneField,
    rays: Rays,
    near: Float[Tensor, " ray"],
    far: Float[Tensor, " ray"],
    rays_per_scene: Sequence[int],
    sampling: SamplingConfig,
    generators: Sequence[torch.Generator] | None,
    backend: kernels.Backend,
) -> tuple[Float[Tensor, "ray sample"], Float[Tensor, "ray sample"]]:
    """Starts and ends of each ray's intervals: coarse ones, cut finer where the coarse pass found matter."""
    if generators is None:
        edges = uniform_edges(near, far, sampling.coarse)
    else:
        edges = stratified_edges(near, far, _uniform(near, rays_per_scene, sampling.coarse - 1, generators))
    if sampling.importance:
        with torch.no_grad():
            weights = kernels.interval_weights(
                field.planes,
                field.mlp,
                field.aabb,
                rays,
                edges[:, :-1],
                edges[:, 1:],
                rays_per_scene,
                backend,
            )
        if generators is None:
            offsets = near.new_full((len(near), sampling.importance), 0.5)
        else:
            offsets = _uniform(near, rays_per_scene, sampling.importance, generators)
        further = importance_edges(edges, weights, offsets)
        edges = torch.cat([edges, further], dim=-1).sort(dim=-1).values
    return edges[:, :-1].contiguous(), edges[:, 1:].contiguous()


def _uniform(
    like: Float[Tensor, " ray"],
    rays_per_scene: Sequence[int],
    count: int,
    generators: Sequence[torch.Generator],
) -> Float[Tensor, "ray count"]:
    parts = [
        torch.rand(rays, count, generator=generator, dtype=like.dtype)
        for rays, generator in zip(rays_per_scene, generators, strict=True)
    ]
    return torch.cat(parts).to(like.device)


def _scatter(values: Float[Tensor, "hit *channel"], hit: Tensor) -> Tensor:
    full = values.new_zeros(hit.shape + values.shape[1:])
    return full.masked_scatter(hit.reshape(hit.shape + (1,) * (values.ndim - 1)).expand_as(full), values)
