"""What views show at some of their pixels: latents, or, where latents are colors, the bytes of the pictures."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from triptych.data.posed_views import PosedViews
from triptych.geometry.shown import any_along, shown_by
from triptych.model import CategoryModel
from triptych.model.encoding import kept_pictures
from triptych.training.edges import Edges

_SHOWN = 0.02
"""How far, in deviations of a channel, a latent is from the background's where it shows something."""
_AT_ONCE = 32
"""Views that are looked at together: all of many scenes would take as much memory as their latents."""
_BYTES = 256


class SeenPixels(NamedTuple):
    """What some pixels show.

    Attributes:
        latents: normalized latents.
        opacities: how opaque they are, below 0 where that is not known; None where it is known of none, or does not
            matter.
    """

    latents: Float[Tensor, "pixel channel"]
    opacities: Float[Tensor, " pixel"] | None


class SeenOverColors(NamedTuple):
    """What some pixels show over colors that are laid behind them.

    Attributes:
        pixels: what they show.
        behind: the latents of the colors.
    """

    pixels: SeenPixels
    behind: Float[Tensor, "pixel channel"]


class Seen(ABC):
    """What views show; on the CPU where that is too much for the device."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where it is kept."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """How much memory it takes."""

    @abstractmethod
    def to(self, device: torch.device) -> "Seen":
        """The same on a device."""

    @abstractmethod
    def at(self, views: Int[Tensor, " pixel"], y: Int[Tensor, " pixel"], x: Int[Tensor, " pixel"]) -> SeenPixels:
        """What pixels show, by view, row and column, on the same device."""

    @abstractmethod
    def boxes(self, background: Float[Tensor, "pixel channel"]) -> Int[Tensor, "view 4"]:
        """The box around what each view shows: its first column and row, and how many there are of each; the whole view
        where that is nothing.

        Args:
            background: latent of an image of what is behind the objects.
        """

    @abstractmethod
    def edges(self) -> Edges:
        """Where views change from pixel to pixel."""


@dataclass(frozen=True)
class SeenLatents(Seen):
    """Latents of all views, encoded once.

    Attributes:
        latents: normalized latents.
        opacities: how opaque latent pixels are, below 0 where that is not known; None where it does not matter.
    """

    latents: Float[Tensor, "view channel height width"]
    opacities: Float[Tensor, "view height width"] | None

    @property
    def device(self) -> torch.device:
        return self.latents.device

    @property
    def nbytes(self) -> int:
        return self.latents.nbytes + (0 if self.opacities is None else self.opacities.nbytes)

    def to(self, device: torch.device) -> "SeenLatents":
        return SeenLatents(self.latents.to(device), None if self.opacities is None else self.opacities.to(device))

    def at(self, views: Tensor, y: Tensor, x: Tensor) -> SeenPixels:
        opacities = None if self.opacities is None else self.opacities[views, y, x].float()
        return SeenPixels(self.latents[views, :, y, x].float(), opacities)

    def boxes(self, background: Float[Tensor, "pixel channel"]) -> Int[Tensor, "view 4"]:
        behind = background.T.reshape(1, *self.latents.shape[1:])
        parts = self.latents.split(_AT_ONCE)
        return torch.cat([_boxes_around(((part - behind).abs() > _SHOWN).any(dim=1)) for part in parts])

    def edges(self) -> Edges:
        return Edges.of(part.cpu().float().movedim(1, -1) for part in self.latents.split(_AT_ONCE))


@dataclass(frozen=True)
class SeenColors(Seen):
    """Pictures as bytes, where these say all: in image space.

    Attributes:
        pictures: with alpha where any of them has some.
        levels: the latent of each byte of each channel.
        known: the views whose alpha says how opaque their pixels are; None where it does not matter.
        laid_over: the latent of the color that is behind them.
    """

    pictures: UInt8[Tensor, "view height width byte"]
    levels: Float[Tensor, "256 channel"]
    known: Bool[Tensor, " view"] | None
    laid_over: Float[Tensor, " channel"]

    @classmethod
    def of(cls, model: CategoryModel, views: PosedViews, opacities: bool) -> "SeenColors":
        """What views show in the latent space of a model without autoencoder; their opacities where these matter."""
        ramp = (torch.arange(_BYTES, device=model.aabb.device) / 255)[None, None, None].repeat(1, 3, 1, 1)
        levels = model.encode(ramp)[0, :, 0].T.contiguous().cpu()  # where the pictures are
        known = views.know_opacity if opacities and views.dataset.keeps_alpha else None
        laid_over = levels.gather(0, torch.tensor([views.dataset.laid_over]))[0]
        return cls(kept_pictures(views), levels, known, laid_over)

    @property
    def device(self) -> torch.device:
        return self.pictures.device

    @property
    def nbytes(self) -> int:
        return self.pictures.nbytes

    def to(self, device: torch.device) -> "SeenColors":
        known = None if self.known is None else self.known.to(device)
        return SeenColors(self.pictures.to(device), self.levels.to(device), known, self.laid_over.to(device))

    def at(self, views: Tensor, y: Tensor, x: Tensor) -> SeenPixels:
        pixels = self._bytes_at(views, y, x)
        return SeenPixels(self.levels.gather(0, pixels[:, :3].long()), self._opacities(views, pixels))

    def over(self, colors: UInt8[Tensor, "pixel 3"], views: Tensor, y: Tensor, x: Tensor) -> SeenOverColors:
        """What pixels would show had each been laid over another color; all views must have alpha."""
        pixels, behind = self._bytes_at(views, y, x), self.levels.gather(0, colors.long())
        through = 1 - pixels[:, 3:].float() / 255
        latents = self.levels.gather(0, pixels[:, :3].long()) + through * (behind - self.laid_over)
        return SeenOverColors(SeenPixels(latents, self._opacities(views, pixels)), behind)

    def boxes(self, background: Float[Tensor, "pixel channel"]) -> Int[Tensor, "view 4"]:
        near = ((self.levels - background[0]).abs() <= _SHOWN).cpu()  # the background is the same everywhere
        levels = [channel.nonzero().flatten().tolist() for channel in near.T]
        tell_nothing = [(bytes_[0], bytes_[-1]) for bytes_ in levels]
        parts = self.pictures.cpu().split(_AT_ONCE)
        return torch.cat([_boxes_around(shown_by(part.numpy(), tell_nothing)) for part in parts])

    def edges(self) -> Edges:
        return Edges.of(part.cpu() for part in self.pictures.split(_AT_ONCE))

    def _bytes_at(self, views: Tensor, y: Tensor, x: Tensor) -> UInt8[Tensor, "pixel byte"]:
        _, height, width, kept = self.pictures.shape
        return self.pictures.reshape(-1, kept).index_select(0, (views * height + y) * width + x)

    def _opacities(self, views: Tensor, pixels: UInt8[Tensor, "pixel byte"]) -> Float[Tensor, " pixel"] | None:
        return None if self.known is None else torch.where(self.known[views], pixels[:, 3].float() / 255, -1.0)


def _boxes_around(shown: Bool[Tensor, "view height width"]) -> Int[Tensor, "view 4"]:
    """The first column and row that show something in each view, and how many there are from there to the last; all
    where none does."""
    across, along = any_along(shown, 1), any_along(shown, 2)
    empty = ~any_along(across, 1)[:, None]
    (left, columns), (top, rows) = _extent(across | empty), _extent(along | empty)
    return torch.stack([left, top, columns, rows], dim=1)


def _extent(used: Bool[Tensor, "view place"]) -> tuple[Int[Tensor, " view"], Int[Tensor, " view"]]:
    """Where the first True of each row lies, and how far it is to the last."""
    first = used.int().argmax(dim=1)
    return first, used.shape[1] - used.int().flip(1).argmax(dim=1) - first
