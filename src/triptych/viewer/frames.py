"""One picture of a scene: its colors, or what lies beneath them."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import matplotlib
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn.functional import normalize

from triptych.bank import Scene
from triptych.geometry import Cameras, Intervals, Orbit, Rays, SceneRays
from triptych.model import SceneViews
from triptych.pictures import as_pixels, channel_range, latent_colors
from triptych.representation import kernels
from triptych.representation.config import SamplingConfig
from triptych.representation.field import TriPlaneField

FrameKind = Literal["RGB", "latents", "depth", "opacity", "normals"]
FRAME_KINDS: tuple[FrameKind, ...] = get_args(FrameKind)
Quality = Literal["moving", "still"]
_LATENT_PICTURES_FOR_RANGE = 4


@dataclass(frozen=True, eq=False)
class LatentRange:
    """The values of each latent channel that are shown as black and as white."""

    low: Float[Tensor, " channel"]
    high: Float[Tensor, " channel"]

    @classmethod
    def of(cls, scene: Scene) -> "LatentRange":
        """The range of a scene as seen from all around, so that colors stay as they are while the camera moves."""
        around = Orbit.around(scene.model.aabb, _LATENT_PICTURES_FOR_RANGE, azimuth_degrees=0.0)
        views = scene.render(scene.along(around))
        return cls(*channel_range(views.latents))


def sampling_for(model_sampling: SamplingConfig, quality: Quality, kind: FrameKind) -> SamplingConfig:
    """How finely to sample: as the model, but by one ray a latent pixel, while the camera moves; with twice the samples
    and at least four rays a latent pixel once it rests. Depth and normals belong to single rays: their mean over an
    edge would lie on neither side of it."""
    one_ray = replace(model_sampling, supersample=1)
    if quality == "moving":
        return one_ray
    finer = replace(one_ray, coarse=2 * one_ray.coarse, importance=2 * one_ray.importance)
    many = max(2, model_sampling.supersample)
    return finer if kind in ("depth", "normals") else replace(finer, supersample=many)


def draw(
    scene: Scene,
    camera: Cameras,
    kind: FrameKind = "RGB",
    quality: Quality = "moving",
    latent_range: LatentRange | None = None,
    channel: int | None = None,
) -> UInt8[np.ndarray, "rows columns 3"]:
    """A picture of a scene, of the camera's picture size for RGB, at latent resolution for all other kinds. In image
    space a sharp one has a ray per pixel and more pixels, in place of several rays per pixel.

    Args:
        scene: what to draw.
        camera: one camera.
        kind: latents are shown by three channels as red, green and blue, or by one as gray; depth from near (yellow)
            to far (violet); opacity from white to black; normals by (normal + 1) / 2 in world axes. Depth and normals
            are white where the scene stops less than half of the light.
        quality: how finely to sample.
        latent_range: range in which latents are shown; by default that of the picture itself.
        channel: the one latent channel to show, from 0; None shows the first three.
    """
    sampling = sampling_for(scene.model.config.sampling, quality, kind)
    if scene.model.is_image_space:
        camera = camera.resized(camera.height * sampling.supersample, camera.width * sampling.supersample)
        sampling = replace(sampling, supersample=1)
    views = scene.render(camera, sampling)
    if kind == "RGB":
        return as_pixels(views.images)[0]
    if kind == "latents":
        return as_pixels(_latent_picture(views.latents, latent_range, channel))[0]
    if kind == "opacity":
        return as_pixels(1 - views.opacity[:, None].expand(-1, 3, -1, -1))[0]
    solid = views.opacity[0] > 0.5
    if kind == "depth":
        colors = _depth_colors(views.depth[0], camera, scene.model.aabb)
    else:
        colors = (surface_normals(scene.field, camera, views) + 1) / 2
    return as_pixels(_over_white(colors, solid))[0]


def surface_normals(
    field: TriPlaneField, camera: Cameras, views: SceneViews
) -> Float[Tensor, "latent_height latent_width 3"]:
    """Unit normals in world axes, pointing out of the scene, where rays of one view are stopped on average.

    They point against the density's gradient, taken by central differences one texel of the planes apart. Where the
    density does not change, they are 0.
    """
    height, width = views.depth.shape[1:]
    rays = camera.to(views.depth.device).resized(height, width).rays().flatten()
    points = rays.origins + rays.directions * views.depth.reshape(-1, 1)
    step = (field.aabb[1] - field.aabb[0]).max() / field.planes.shape[2]
    axes = torch.eye(3, device=points.device).repeat(len(points), 1)
    through = Rays(points.repeat_interleave(3, dim=0) - step * axes, axes)
    # Densities are looked up in the middle of intervals: these two lie one step before and one behind each point.
    middles = torch.stack([torch.zeros_like(step), 2 * step]).expand(len(axes), 2)
    thin = 1e-3 * step
    around = Intervals((middles - thin).contiguous(), (middles + thin).contiguous())
    at_middles = kernels.densities(field, SceneRays.of_one(through), around)
    return normalize((at_middles[:, 0] - at_middles[:, 1]).reshape(height, width, 3), dim=-1)


def _latent_picture(
    latents: Float[Tensor, "1 channel height width"], latent_range: LatentRange | None, channel: int | None
) -> Float[Tensor, "1 3 height width"]:
    shown = latent_range or LatentRange(*channel_range(latents))
    if channel is None:
        return latent_colors(latents, shown.low, shown.high)
    one = slice(channel, channel + 1)
    return latent_colors(latents[:, one], shown.low[one], shown.high[one])


def _depth_colors(
    depth: Float[Tensor, "height width"], camera: Cameras, aabb: Float[Tensor, "2 3"]
) -> Float[Tensor, "height width 3"]:
    """Colors from the nearest to the farthest point that the scene box can have."""
    to_middle = (aabb.mean(dim=0) - camera.c2w[0, :, 3].to(aabb.device)).norm()
    radius = (aabb[1] - aabb[0]).norm() / 2
    share = ((depth - (to_middle - radius)) / (2 * radius)).clamp(0, 1)
    colors = matplotlib.colormaps["viridis_r"](share.cpu().numpy())[..., :3]
    return torch.from_numpy(colors).to(depth)


def _over_white(
    colors: Float[Tensor, "height width 3"], solid: Bool[Tensor, "height width"]
) -> Float[Tensor, "1 3 height width"]:
    return torch.where(solid[..., None], colors, 1.0).permute(2, 0, 1)[None]
