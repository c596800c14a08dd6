"""What scenes are fitted to: the rays of their training views that meet the scene box, and what these see."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from triptych.autoencoder import IdentityAutoencoder, LatentNormalization
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.geometry import SceneRays, intersect_aabb
from triptych.geometry.silhouettes import window_around
from triptych.model import CategoryModel, ModelConfig, Origin
from triptych.model.encoding import encode_views, shrunk_opacities
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.runtime import sent
from triptych.training.edges import edges_at_pixels
from triptych.training.phase import PixelCounts
from triptych.training.spread import along_row


def image_space(scene: Dataset) -> CategoryModel:
    """A model whose latents are the pictures themselves."""
    return CategoryModel(
        ModelConfig(PlaneConfig(2, 1, 0), MLPConfig(), SamplingConfig(), scene.height, scene.width),
        IdentityAutoencoder(),
        LatentNormalization.unit(3),
        torch.zeros(0, 3, 2, 2, 0),
        scene.aabb,
        {},
        Origin(background=scene.background),
    )


_CROP_MARGIN = 2
"""Pixels around the object that belong to its part of a picture."""
_BACKGROUND = 1e-3
"""A pixel whose channels are at most so far from the background's shows none of the object."""


@dataclass(frozen=True)
class Targets:
    """Rays that meet the scene box, and what they see; grouped by scene.

    Attributes:
        rays: the rays.
        channels: what each sees, as colors or normalized latents.
        background: what is behind each ray.
        opacities: how opaque each pixel is, below 0 where that is not known; None where it is known of none.
        cropped: whether each is in the object's part of its picture, the box around what is not background.
        edges: how much each counts where pixels are drawn along edges; None where they are not, and of those drawn.
    """

    rays: SceneRays
    channels: Float[Tensor, "ray channel"]
    background: Float[Tensor, "ray channel"]
    opacities: Float[Tensor, " ray"] | None
    cropped: Bool[Tensor, " ray"]
    edges: Float[Tensor, " ray"] | None = None

    def draw(self, counts: PixelCounts, passes: int) -> "Targets":
        """So many rays of each scene, spread evenly over its pictures, over the object's part of them and over their
        edges, and between those drawn in the ``passes`` before."""
        rows = torch.cat([self._draw(scene, counts, passes) for scene in range(len(self._everywhere))])
        rows = rows.to(self.channels.device)
        rays = SceneRays(self.rays.flat[rows], [counts.all] * len(self._everywhere))
        opacities = None if self.opacities is None else self.opacities[rows]
        seen = self.channels[rows], self.background[rows], opacities
        return Targets(rays, *seen, self.cropped[rows])

    def over(self, colors: UInt8[Tensor, "ray 3"]) -> "Targets":
        """The same with other colors behind these rays, which see colors and all of which have known opacities."""
        assert self.opacities is not None, "what is opaque is not laid over anything"
        behind = sent(colors, self.channels.device).float() / 255
        through = 1 - self.opacities[:, None]
        return replace(self, channels=self.channels + through * (behind - self.background), background=behind)

    def _draw(self, scene: int, counts: PixelCounts, passes: int) -> Int[Tensor, " chosen"]:
        inside, (first, available) = self._inside[scene], self._everywhere[scene]
        along_edges, of_object = (counts.along_edges, counts.in_boxes) if len(inside) else (0, 0)
        parts = [first + _spread(available, counts.all - of_object, passes)]
        if of_object > along_edges:
            parts.append(inside[_spread(len(inside), of_object - along_edges, passes)])
        if along_edges:
            so_far = self._edges_so_far[scene]
            parts.append(first + torch.searchsorted(so_far, _spread(int(so_far[-1]), along_edges, passes), right=True))
        return torch.cat(parts)

    @cached_property
    def _everywhere(self) -> list[tuple[int, int]]:
        """The first row of each scene, and how many it has."""
        counts = self.rays.per_scene
        return [(sum(counts[:scene]), count) for scene, count in enumerate(counts)]

    @cached_property
    def _edges_so_far(self) -> list[Int[Tensor, " ray"]]:
        """What the rays of each scene up to each of them count, in whole numbers whose sum is just below 2^31."""
        assert self.edges is not None, "edges are found where pixels are to lie along them"
        of_scenes = self.edges.cpu().double().split(self.rays.per_scene)
        return [(edges / edges.sum() * (2**31 - 1)).long().cumsum(dim=0) for edges in of_scenes]

    @cached_property
    def _inside(self) -> list[Int[Tensor, " cropped"]]:
        """The rows in the object's part of each scene's pictures."""
        cropped = self.cropped.cpu()
        return [first + torch.nonzero(cropped[first : first + count]).flatten() for first, count in self._everywhere]


def _spread(rows: int, count: int, passes: int) -> Int[Tensor, " chosen"]:
    """So many of some rows, from all over them."""
    return along_row(passes * count + torch.arange(count), rows)


@torch.no_grad()
def ray_targets(scenes: Dataset, space: CategoryModel, *, with_edges: bool = False) -> Targets:
    """All training rays of some scenes, one through the middle of each latent pixel.

    Args:
        scenes: usually one.
        space: whose latents are seen; ``image_space`` for colors. Its device is that of the rays.
        with_edges: whether rays are to be drawn along edges.
    """
    views, device = PosedViews(scenes), space.aabb.device
    everything = views.group(range(len(views)))
    size = space.latent_size_of(*scenes.picture_size)
    cameras = views.cameras(everything, device).resized(*size)
    rays = SceneRays.of_views(cameras.rays(), everything.views_per_scene)
    latents = encode_views(space, views, device, precision=torch.float32).to(device)
    channels = latents.flatten(2).transpose(1, 2).flatten(0, 1)
    background = space.background(scenes.picture_size).repeat(len(views), 1)
    shown = ((channels - background).abs() > _BACKGROUND).any(dim=-1).reshape(-1, *size)
    near, far = intersect_aabb(rays.flat, scenes.aabb.to(device))
    meeting = far > near
    rays = SceneRays(rays.flat[meeting], [int(part.sum()) for part in rays.split(meeting)])
    cropped = boxes_around(shown, _CROP_MARGIN).flatten()
    opacities = shrunk_opacities(views, space.autoencoder.downscale, precision=torch.float32)
    if opacities is not None:
        opacities = opacities.to(device).flatten()[meeting]
    edges = None
    if with_edges:
        edges = edges_at_pixels(latents.float().cpu().movedim(1, -1)).flatten().to(device)[meeting]
    return Targets(rays, channels[meeting], background[meeting], opacities, cropped[meeting], edges)


def boxes_around(shown: Bool[Tensor, "view height width"], margin: int) -> Bool[Tensor, "view height width"]:
    """The box around what each picture shows, with so many pixels more on each side; nothing where it shows nothing."""
    boxes = torch.zeros_like(shown)
    for view in shown.flatten(1).any(dim=1).nonzero()[:, 0].tolist():
        window_around(shown[view], 1, margin).cut(boxes[view]).fill_(True)
    return boxes
