"""One scene that is fitted by itself: its settings, its parameters, and how it is rendered."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.autoencoder import IdentityAutoencoder, LatentNormalization
from triptych.data import Dataset
from triptych.geometry import Cameras
from triptych.model import CategoryModel, ModelConfig, SceneViews
from triptych.representation.config import MLPConfig, NeRFConfig, PlaneConfig, SamplingConfig
from triptych.representation.field import Field, TriPlaneField
from triptych.representation.kernels import total_variation
from triptych.representation.mlp import TinyMLP
from triptych.representation.nerf import NeRFField, NeRFNetwork
from triptych.representation.render import Rendering, render
from triptych.representation.sdf import SDFField, eikonal_loss
from triptych.training.single_config import SingleConfig

_EIKONAL_POINTS = 4096
_RAYS_AT_ONCE = 4096
_FIRST_BETA = 0.05
"""In shortest sides of the box: smaller, and what lies off the first ball gets no gradient; larger, and it is fog."""


class SceneModule(nn.Module, ABC):
    """A scene that is fitted: parameters, and the field that they make."""

    aabb: Float[Tensor, "2 3"]

    def __init__(self, aabb: Float[Tensor, "2 3"]) -> None:
        super().__init__()
        self.register_buffer("aabb", aabb)

    @abstractmethod
    def field(self) -> Field:
        """What is rendered."""

    def penalty(self, config: SingleConfig, generator: torch.Generator) -> Float[Tensor, ""]:
        """What is added to the squared error of the channels."""
        return self.aabb.new_zeros(())


class _TriPlanes(SceneModule):
    def __init__(self, config: SingleConfig, channels: int, mlp: MLPConfig, aabb: Tensor, deviation: float) -> None:
        super().__init__(aabb)
        size = (1, 3, config.plane_resolution, config.plane_resolution, config.features)
        self.planes = nn.Parameter(deviation * torch.randn(size))
        self.mlp = TinyMLP(config.features, channels, mlp)

    def field(self) -> Field:
        return self._triplanes()

    def penalty(self, config: SingleConfig, generator: torch.Generator) -> Tensor:
        return config.tv * total_variation(self._triplanes())

    def _triplanes(self) -> TriPlaneField:
        return TriPlaneField(self.planes, self.mlp, self.aabb)


class _SDF(_TriPlanes):
    def __init__(self, config: SingleConfig, channels: int, mlp: MLPConfig, aabb: Tensor) -> None:
        super().__init__(config, channels, mlp, aabb, deviation=0.01)
        self.log_beta = nn.Parameter((_FIRST_BETA * (aabb[1] - aabb[0]).min()).log())

    def field(self) -> Field:
        return self._distances()

    def penalty(self, config: SingleConfig, generator: torch.Generator) -> Tensor:
        lower, upper = self.aabb
        points = lower + (upper - lower) * torch.rand(_EIKONAL_POINTS, 3, generator=generator).to(lower.device)
        gradients = self._distances().gradients(points, [len(points)])
        return super().penalty(config, generator) + config.eikonal * eikonal_loss(gradients)

    def _distances(self) -> SDFField:
        return SDFField(self.planes, self.mlp, self.log_beta, self.aabb)


class _NeRF(SceneModule):
    def __init__(self, channels: int, config: NeRFConfig, aabb: Tensor) -> None:
        super().__init__(aabb)
        self.coarse, self.fine = NeRFNetwork(channels, config), NeRFNetwork(channels, config)

    def field(self) -> Field:
        return NeRFField(self.fine, self.coarse, self.aabb)


@dataclass(frozen=True)
class SingleScene:
    """A fitted scene, ready to render.

    Attributes:
        name: the scene's name.
        model: whose latent space it lives in, or one whose latents are pictures.
        field: the scene.
        sampling: samples a ray.
        metrics: ``psnr`` in dB over the test ``views`` where there are any, and ``seconds`` of fitting.
    """

    name: str
    model: CategoryModel
    field: Field
    sampling: SamplingConfig
    metrics: Mapping[str, float]

    def quality(self) -> str:
        """How good it is, for people."""
        if "psnr" not in self.metrics:
            return "no test views to measure it on"
        return f"{self.metrics['psnr']:.2f} dB on {self.metrics['views']:.0f} test views"

    @torch.no_grad()
    def render(self, cameras: Cameras) -> SceneViews:
        """RGB, latents, opacity and depth as ``cameras`` see them, some rays at a time."""
        background = self.model.background()
        views = [self._view(cameras[[view]], background) for view in range(len(cameras))]
        height, width = self.model.latent_size
        latents = self.model.as_images(torch.cat([view.channels for view in views]))
        return SceneViews(
            self.model.decode(latents),
            latents,
            torch.cat([view.opacity for view in views]).reshape(-1, height, width),
            torch.cat([view.depth for view in views]).reshape(-1, height, width),
        )

    def _view(self, camera: Cameras, background: Float[Tensor, "pixel channel"]) -> Rendering:
        rays = camera.resized(*self.model.latent_size).rays().flatten()
        places = torch.arange(len(rays.origins)).split(_RAYS_AT_ONCE)
        parts = [render(self.field, rays[part], [len(part)], background[part], self.sampling) for part in places]
        return Rendering(
            torch.cat([part.channels for part in parts]),
            torch.cat([part.opacity for part in parts]),
            torch.cat([part.depth for part in parts]),
        )


def image_space(scene: Dataset) -> CategoryModel:
    """A model whose latents are the pictures themselves."""
    return CategoryModel(
        ModelConfig(PlaneConfig(2, 1, 0), MLPConfig(), SamplingConfig(), scene.height, scene.width),
        IdentityAutoencoder(),
        LatentNormalization.unit(3),
        torch.zeros(0, 3, 2, 2, 0),
        scene.aabb,
        {},
    )


def create_scene(scene: Dataset, config: SingleConfig, space: CategoryModel, seed: int) -> SceneModule:
    """A fresh scene of the kind that is asked for."""
    torch.manual_seed(seed)
    channels, aabb = space.autoencoder.channels, scene.aabb
    activation = "sigmoid" if isinstance(space.autoencoder, IdentityAutoencoder) else "linear"
    if config.kind == "nerf":
        network = NeRFConfig(config.layers, config.width, config.octaves, channel_activation=activation)
        return _NeRF(channels, network, aabb)
    if config.kind == "sdf":
        # Softplus: a distance whose gradient jumps would make the surface facetted.
        return _SDF(config, channels, MLPConfig(config.hidden, "softplus", activation), aabb)
    return _TriPlanes(config, channels, MLPConfig(config.hidden, "relu", activation), aabb, deviation=0.1)
