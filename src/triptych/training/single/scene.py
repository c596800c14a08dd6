"""A scene that has been fitted by itself, as a thing to render."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry import Cameras, Orbit, SceneRays
from triptych.model import CategoryModel, SceneViews
from triptych.representation.config import SamplingConfig
from triptych.representation.field import Field
from triptych.representation.render import Rendering, render

_RAYS_AT_ONCE = 4096


@dataclass(frozen=True)
class SingleScene:
    """A fitted scene, ready to render.

    Attributes:
        name: the scene's name.
        model: whose latent space it lives in, or one whose latents are pictures.
        field: the scene.
        sampling: samples per ray.
        picture_size: height and width of the pictures that it was fitted to.
        metrics: ``psnr`` in dB over the test ``views`` where there are any, and ``seconds`` of fitting.
    """

    name: str
    model: CategoryModel
    field: Field
    sampling: SamplingConfig
    picture_size: tuple[int, int]
    metrics: Mapping[str, float]

    def quality(self) -> str:
        """How good it is, for people."""
        if "psnr" not in self.metrics:
            return "no test views to measure it on"
        return f"{self.metrics['psnr']:.2f} dB on {self.metrics['views']:.0f} test views"

    def along(self, orbit: Orbit) -> Cameras:
        """The cameras of an orbit, for pictures of ``picture_size`` and on the scene's device."""
        return orbit.cameras(*self.picture_size).to(self.model.aabb.device)

    @torch.no_grad()
    def render(self, cameras: Cameras) -> SceneViews:
        """RGB, latents, opacity and depth as ``cameras`` see them, some rays at a time; of any size, as in
        ``triptych.model.rendering``."""
        size = self.model.whole_size(cameras.height, cameras.width)
        whole, background = Cameras(cameras.c2w, cameras.intrinsics, *size), self.model.background(size)
        views = [self._view(whole[[view]], background) for view in range(len(cameras))]
        height, width = self.model.latent_size_of(*size)
        latents = self.model.as_images(torch.cat([view.channels for view in views]), (height, width))
        opacity = torch.cat([view.opacity for view in views]).reshape(-1, height, width)
        depth = torch.cat([view.depth for view in views]).reshape(-1, height, width)
        return SceneViews(self.model.decode(latents), latents, opacity, depth).cut(cameras.height, cameras.width)

    def _view(self, camera: Cameras, background: Float[Tensor, "pixel channel"]) -> Rendering:
        rays = camera.resized(*self.model.latent_size_of(camera.height, camera.width)).rays().flatten()
        parts = [
            render(self.field, SceneRays.of_one(rays[part]), background[part], self.sampling)
            for part in torch.arange(len(rays.origins)).split(_RAYS_AT_ONCE)
        ]
        return Rendering(
            torch.cat([part.channels for part in parts]),
            torch.cat([part.opacity for part in parts]),
            torch.cat([part.depth for part in parts]),
        )
