"""Latent pixels spread over a batch's views: what L_Enc is taken on where whole views would be too much of the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from triptych.geometry import Cameras, SceneRays
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels import Comparison, fill_gradient, squared_error
from triptych.representation.sampler import Sampler
from triptych.runtime import free_memory, sent
from triptych.training.drawing import Views, draw_places
from triptych.training.edges import Edges
from triptych.training.phase import PixelCounts
from triptych.training.random_background import random_colors
from triptych.training.seen import Seen, SeenColors

_SHARE = 0.125
"""Of the memory that a device has free: what all views may take of it."""


class DrawnPixels(NamedTuple):
    """Pixels as numbers, which the CPU draws whatever the device.

    Attributes:
        places: view, column and row of each.
        jitter: how the samples of its ray are moved (see ``kernels.place_samples``).
        colors: what is laid behind it; None where that stays as it is.
    """

    places: Int[Tensor, "3 ray"]
    jitter: Float[Tensor, "ray 2"]
    colors: UInt8[Tensor, "ray 3"] | None = None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Those that there are, from which another is made with ``DrawnPixels(*tensors)``."""
        return tuple(tensor for tensor in self if tensor is not None)


@dataclass(frozen=True)
class LatentViews:
    """Views of several scenes as latent images; on the CPU where they are too many for the device.

    Attributes:
        cameras: of the latent images.
        seen: what they show.
        background: latent of an image of what is behind the objects.
        boxes: the first column and row of what each view shows, and how many there are; the whole view where that is
            nothing.
        numbers: which of its scene's views each is.
        edges: where they change, for pixels that are drawn mostly there.
        over_random_colors: whether another color is laid behind each pixel that is drawn; for ``SeenColors``.
    """

    cameras: Cameras
    seen: Seen
    background: Float[Tensor, "pixel channel"]
    boxes: Int[Tensor, "view 4"]
    numbers: Int[Tensor, " view"]
    edges: Edges | None = None
    over_random_colors: bool = False

    @property
    def device(self) -> torch.device:
        """Where what they show is kept."""
        return self.seen.device

    def placed(self, device: torch.device) -> "LatentViews":
        """The same on a device if they take little of its memory, but for what the CPU needs to draw pixels."""
        if self.seen.nbytes > _SHARE * free_memory(device):
            return self
        cameras, background = self.cameras.to(device), self.background.to(device)
        return replace(self, cameras=cameras, seen=self.seen.to(device), background=background)

    def draw(
        self,
        rows: Sequence[Int[Tensor, "_"]],
        counts: PixelCounts,
        generators: Sequence[torch.Generator],
        passes: int = 0,
    ) -> DrawnPixels:
        """Pixels spread evenly over views, one scene after the other.

        Pass after pass they lie between those before (``spread.in_square``): where there are fewer than the views
        have, independent random ones would be the same over and over, and leave many out.

        Args:
            rows: the views of each scene.
            counts: pixels of each scene.
            generators: one per scene, of the jitter of its rays and of the colors behind them.
            passes: how often these views were drawn from before.
        """
        views = Views(self.cameras.width, self.cameras.height, self.numbers, self.boxes, self.edges)
        places, jitter, colors = draw_places(views, rows, counts, passes), [], []
        for generator in generators:  # scene by scene: parts of a step draw what the whole step does
            jitter.append(torch.rand(counts.all, 2, generator=generator))
            if self.over_random_colors:
                colors.append(random_colors(counts.all, generator))
        return DrawnPixels(places, torch.cat(jitter), torch.cat(colors) if colors else None)

    def at(self, drawn: DrawnPixels, scenes: int) -> "LatentPixels":
        """The pixels drawn of so many scenes."""
        views, x, y = sent(drawn.places, self.device)
        points = torch.stack([x, y], dim=1) + 0.5
        rays = self.cameras.rays_at(views, points.to(self.cameras.c2w))
        if drawn.colors is None:
            background = self.background.index_select(0, y * self.cameras.width + x)
            latents, opacities = self.seen.at(views, y, x)
        else:
            assert isinstance(self.seen, SeenColors), "colors are laid behind colors"
            (latents, opacities), background = self.seen.over(sent(drawn.colors, self.device), views, y, x)
        rays = SceneRays(rays, [len(views) // scenes] * scenes)
        return LatentPixels(rays, sent(drawn.jitter, latents.device), latents, background, opacities)


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
        comparison = self._comparison(opacity_weight)
        return squared_error(field, self.rays, sampler.sampling, self.jitter, comparison, sampler.backend)

    def fill_gradient(
        self,
        field: TriPlaneField,
        sampler: Sampler,
        opacity_weight: float,
        out: Float[Tensor, "scene 3 row column feature"],
    ) -> None:
        """Fill ``out`` with the gradient of ``error`` by the planes (see ``kernels.fill_gradient``)."""
        fill_gradient(field, self.rays, sampler.sampling, self.jitter, self._comparison(opacity_weight), out)

    def _comparison(self, opacity_weight: float) -> Comparison:
        return Comparison(self.latents, self.background, opacities=self.opacities, opacity_weight=opacity_weight)
