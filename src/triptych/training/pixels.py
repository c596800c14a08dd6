"""Random latent pixels of a batch's views: what L_Enc is taken on where whole views would be too much of the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from triptych.geometry import Cameras, SceneRays
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels import Comparison, squared_error
from triptych.representation.sampler import Sampler
from triptych.runtime import free_memory, sent

_SHOWN = 0.02
"""How far, in deviations of a channel, a latent is from the background's where it shows something."""
_SHARE = 0.125
"""Of the memory that a device has free: what all views may take of it."""
_AT_ONCE = 32
"""Views that are looked at together: all of many scenes would take as much memory as their latents."""


class DrawnPixels(NamedTuple):
    """Random pixels as numbers, which the CPU draws whatever the device.

    Attributes:
        places: view, column and row of each.
        jitter: how the samples of its ray are moved (see ``kernels.place_samples``).
    """

    places: Int[Tensor, "3 ray"]
    jitter: Float[Tensor, "ray 2"]


@dataclass(frozen=True)
class LatentViews:
    """Views of several scenes, encoded; on the CPU where they are too many for the device.

    Attributes:
        cameras: of the latent images.
        latents: normalized latents.
        background: latent of an image of what is behind the objects.
        opacities: how opaque latent pixels are, below 0 where that is not known; None where it does not matter.
        boxes: the first column and row of what each view shows, and how many there are; the whole view where that is
            nothing.
    """

    cameras: Cameras
    latents: Float[Tensor, "view channel height width"]
    background: Float[Tensor, "pixel channel"]
    opacities: Float[Tensor, "view height width"] | None
    boxes: Int[Tensor, "view 4"]

    def placed(self, device: torch.device) -> "LatentViews":
        """The same on a device if they take little of its memory, but for the boxes: pixels are drawn by the CPU."""
        kept = (self.latents, *(() if self.opacities is None else (self.opacities,)))
        if sum(tensor.nbytes for tensor in kept) > _SHARE * free_memory(device):
            return self
        opacities = None if self.opacities is None else self.opacities.to(device)
        cameras, background = self.cameras.to(device), self.background.to(device)
        return LatentViews(cameras, self.latents.to(device), background, opacities, self.boxes)

    def draw(
        self, rows: Sequence[Int[Tensor, "_"]], count: int, crop_share: float, generators: Sequence[torch.Generator]
    ) -> DrawnPixels:
        """Random pixels, so many of each scene, one scene after the other.

        Args:
            rows: the views of each scene.
            count: pixels of each scene.
            crop_share: share of them from the boxes around what views show.
            generators: one per scene.
        """
        places = self._places(rows, count, crop_share, generators)
        return DrawnPixels(places, torch.cat([torch.rand(count, 2, generator=generator) for generator in generators]))

    def at(self, drawn: DrawnPixels, scenes: int) -> "LatentPixels":
        """The pixels drawn of so many scenes."""
        views, x, y = sent(drawn.places, self.latents.device)
        points = torch.stack([x, y], dim=1) + 0.5
        rays = self.cameras.rays_at(views, points.to(self.cameras.c2w))
        background = self.background[y * self.cameras.width + x]
        opacities = None if self.opacities is None else self.opacities[views, y, x].float()
        latents = self.latents[views, :, y, x].float()
        rays = SceneRays(rays, [len(views) // scenes] * scenes)
        return LatentPixels(rays, sent(drawn.jitter, latents.device), latents, background, opacities)

    def _places(
        self, rows: Sequence[Int[Tensor, "_"]], count: int, crop_share: float, generators: Sequence[torch.Generator]
    ) -> Int[Tensor, "3 ray"]:
        """View, column and row of random pixels; of each scene the first ones lie in the boxes."""
        drawn = [_drawn(*of_scene, count) for of_scene in zip(rows, generators, strict=True)]
        chosen, within = (torch.stack(parts) for parts in zip(*drawn, strict=True))
        box = self.boxes.index_select(0, chosen.flatten()).reshape(*chosen.shape, 4)
        box[:, round(crop_share * count) :] = box.new_tensor([0, 0, self.cameras.width, self.cameras.height])
        corner, size = box.chunk(2, dim=-1)
        # The product may round up to the box's far end.
        places = torch.minimum((within.mT * size).long(), size - 1) + corner
        return torch.stack([chosen, *places.unbind(dim=-1)]).flatten(1)


def _drawn(
    views: Int[Tensor, " view"], generator: torch.Generator, count: int
) -> tuple[Int[Tensor, " pixel"], Float[Tensor, "2 pixel"]]:
    """Random ones of some views, and how far along either axis of a box in each."""
    chosen = views[torch.randint(len(views), (count,), generator=generator)]
    return chosen, torch.rand(2, count, generator=generator)


@dataclass(frozen=True)
class LatentPixels:
    """Rays, and the latents that they should see.

    Attributes:
        rays: a ray through the middle of each pixel.
        jitter: how its samples are moved.
        latents: normalized latents.
        background: the latent of the background there.
        opacities: how opaque each pixel is, below 0 where that is not known; None where it does not matter.
    """

    rays: SceneRays
    jitter: Float[Tensor, "ray 2"]
    latents: Float[Tensor, "ray channel"]
    background: Float[Tensor, "ray channel"]
    opacities: Float[Tensor, " ray"] | None = None

    @classmethod
    def together(cls, parts: Sequence["LatentPixels"]) -> "LatentPixels":
        """Those of several groups of scenes, all with known opacities or none."""
        rays, jitter, latents, background, opacities = zip(
            *((part.rays, part.jitter, part.latents, part.background, part.opacities) for part in parts), strict=True
        )
        return cls(
            SceneRays.together(rays),
            torch.cat(jitter),
            torch.cat(latents),
            torch.cat(background),
            None if opacities[0] is None else torch.cat(opacities),
        )

    def to(self, device: torch.device) -> "LatentPixels":
        """The same on another device."""
        rays = SceneRays(self.rays.flat.to(device), self.rays.per_scene)
        opacities = None if self.opacities is None else sent(self.opacities, device)
        jitter, latents, background = (sent(each, device) for each in (self.jitter, self.latents, self.background))
        return LatentPixels(rays, jitter, latents, background, opacities)

    def error(self, field: TriPlaneField, sampler: Sampler, opacity_weight: float = 0.0) -> Float[Tensor, ""]:
        """L_Enc on these pixels alone, with the error of their opacities by its weight."""
        comparison = Comparison(self.latents, self.background, opacities=self.opacities, opacity_weight=opacity_weight)
        return squared_error(field, self.rays, sampler.sampling, self.jitter, comparison, sampler.backend)


def boxes_of(
    latents: Float[Tensor, "view channel height width"], background: Float[Tensor, "pixel channel"]
) -> Int[Tensor, "view 4"]:
    """The box around what each view shows: its first column and row, and how many there are of each.

    Args:
        latents: normalized latents.
        background: latent of an image of what is behind the objects.
    """
    behind = background.T.reshape(1, *latents.shape[1:])
    return torch.cat([_boxes_of(part, behind) for part in latents.split(_AT_ONCE)])


def _boxes_of(latents: Tensor, behind: Tensor) -> Tensor:
    shown = ((latents - behind).abs() > _SHOWN).any(dim=1)
    empty = ~shown.flatten(1).any(dim=1)
    shown[empty] = True
    (left, columns), (top, rows) = (_extent(shown.any(dim=dim)) for dim in (1, 2))
    return torch.stack([left, top, columns, rows], dim=1)


def _extent(used: Tensor) -> tuple[Tensor, Tensor]:
    """Where the first True of each row lies, and how far it is to the last."""
    first = used.int().argmax(dim=1)
    return first, used.shape[1] - used.int().flip(1).argmax(dim=1) - first
