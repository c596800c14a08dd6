"""What scenes are fitted to: the rays of their training views that meet the scene box, and what these see."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.autoencoder import IdentityAutoencoder, LatentNormalization
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.geometry import Rays, intersect_aabb
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
    )


def is_image_space(space: CategoryModel) -> bool:
    """Whether the latents of a model are the pictures themselves."""
    return isinstance(space.autoencoder, IdentityAutoencoder)


@dataclass(frozen=True)
class Targets:
    """Rays that meet the scene box, and what they see; grouped by scene.

    Attributes:
        rays: flat.
        channels: colors or normalized latents.
        background: what is behind each ray.
        rays_per_scene: number of rays of each scene.
    """

    rays: Rays
    channels: Float[Tensor, "ray channel"]
    background: Float[Tensor, "ray channel"]
    rays_per_scene: list[int]

    def draw(self, count: int, generator: torch.Generator) -> "Targets":
        """So many random rays of each scene."""
        chosen, first = [], 0
        for rays in self.rays_per_scene:
            chosen.append(first + torch.randint(rays, (count,), generator=generator))
            first += rays
        rows = torch.cat(chosen).to(self.channels.device)
        counts = [count] * len(self.rays_per_scene)
        return Targets(self.rays[rows], self.channels[rows], self.background[rows], counts)


@torch.no_grad()
def ray_targets(scenes: Dataset, space: CategoryModel) -> Targets:
    """All training rays of some scenes, one through the middle of each latent pixel.

    Args:
        scenes: usually one.
        space: whose latents are seen; ``image_space`` for colors. Its device is that of the rays.
    """
    views, device = PosedViews(scenes), space.aabb.device
    height, width = space.latent_size
    everything = views.group(range(len(views)))
    rays = views.cameras(everything, device).resized(height, width).rays().flatten()
    latents = encode_views(space, views, device, precision=torch.float32).to(device)
    channels = latents.flatten(2).transpose(1, 2).flatten(0, 1)
    background = space.background().repeat(len(views), 1)
    near, far = intersect_aabb(rays, scenes.aabb.to(device))
    meeting = far > near
    per_scene = meeting.split([count * height * width for count in everything.views_per_scene])
    return Targets(rays[meeting], channels[meeting], background[meeting], [int(part.sum()) for part in per_scene])
