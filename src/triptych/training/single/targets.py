"""What scenes are fitted to: the rays of their training views that meet the scene box, and what these see."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.autoencoder import IdentityAutoencoder, LatentNormalization
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.geometry import SceneRays, intersect_aabb
from triptych.model import CategoryModel, ModelConfig
from triptych.model.encoding import encode_views
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig


def image_space(scene: Dataset) -> CategoryModel:
    """A model whose latents are the pictures themselves."""
    return CategoryModel(
        ModelConfig(PlaneConfig(2, 1, 0), MLPConfig(), SamplingConfig(), scene.height, scene.width),
        IdentityAutoencoder(),
        LatentNormalization.unit(3),
        torch.zeros(0, 3, 2, 2, 0),
        scene.aabb,
        {},
        background_color=scene.background,
    )


def is_image_space(space: CategoryModel) -> bool:
    """Whether the latents of a model are the pictures themselves."""
    return isinstance(space.autoencoder, IdentityAutoencoder)


@dataclass(frozen=True)
class Targets:
    """Rays that meet the scene box, and what they see; grouped by scene.

    Attributes:
        rays: the rays.
        channels: what each sees, as colors or normalized latents.
        background: what is behind each ray.
    """

    rays: SceneRays
    channels: Float[Tensor, "ray channel"]
    background: Float[Tensor, "ray channel"]

    def draw(self, count: int, generator: torch.Generator) -> "Targets":
        """So many random rays of each scene."""
        chosen, first = [], 0
        for available in self.rays.per_scene:
            chosen.append(first + torch.randint(available, (count,), generator=generator))
            first += available
        rows = torch.cat(chosen).to(self.channels.device)
        rays = SceneRays(self.rays.flat[rows], [count] * len(self.rays.per_scene))
        return Targets(rays, self.channels[rows], self.background[rows])


@torch.no_grad()
def ray_targets(scenes: Dataset, space: CategoryModel) -> Targets:
    """All training rays of some scenes, one through the middle of each latent pixel.

    Args:
        scenes: usually one.
        space: whose latents are seen; ``image_space`` for colors. Its device is that of the rays.
    """
    views, device = PosedViews(scenes), space.aabb.device
    everything = views.group(range(len(views)))
    cameras = views.cameras(everything, device).resized(*space.latent_size)
    rays = SceneRays.of_views(cameras.rays(), everything.views_per_scene)
    latents = encode_views(space, views, device, precision=torch.float32).to(device)
    channels = latents.flatten(2).transpose(1, 2).flatten(0, 1)
    background = space.background().repeat(len(views), 1)
    near, far = intersect_aabb(rays.flat, scenes.aabb.to(device))
    meeting = far > near
    rays = SceneRays(rays.flat[meeting], [int(part.sum()) for part in rays.split(meeting)])
    return Targets(rays, channels[meeting], background[meeting])
