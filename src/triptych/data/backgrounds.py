"""What objects stand before: the color that pictures with alpha are laid over, or the one that others show."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from PIL import ImageColor

from triptych.data.evenly import evenly
from triptych.errors import InputError

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
WHITE: Color = (255, 255, 255)
_NAMES = {WHITE: "white", (0, 0, 0): "black"}
ALIKE = 15
"""By so much a channel may differ from a color that is still taken for the same: compression leaves nothing even."""
_BORDER = 0.75
"""The share of the pixels at the edges of pictures that have to be of one color for it to be the background."""
_LOOKED_AT = 12


@runtime_checkable
class Pictured(Protocol):
    """What a background is looked for in: a ``Dataset``."""

    def __len__(self) -> int: ...

    def images(self, scene: int, views: Sequence[int]) -> UInt8[np.ndarray, "view height width 3"]: ...


def parse_color(text: str, where: str) -> Color:
    """A color by its name, or as #rrggbb.

    Raises:
        InputError: it is none, or one that is partly transparent.
    """
    try:
        channels = ImageColor.getrgb(text.strip())
    except (ValueError, TypeError):
        channels = ()
    if len(channels) != 3 or not all(0 <= channel <= 255 for channel in channels):
        raise InputError(f"{where}: expected a color such as white, black or #8090a0, found {text[:40]!r}")
    red, green, blue = channels
    return red, green, blue


def color_text(color: Color) -> str:
    """How a color is told: white, black, or #rrggbb."""
    return _NAMES.get(color) or "#{:02x}{:02x}{:02x}".format(*color)


def are_alike(color: Color, other: Color) -> bool:
    """Whether two colors are the same but for what compression does."""
    return max(abs(mine - its) for mine, its in zip(color, other, strict=True)) <= ALIKE


def background_of(pictured: Pictured, scenes: Sequence[int]) -> Color | None:
    """The color of most pixels at the edges of some pictures, from scenes spread evenly through those given.

    Args:
        pictured: the pictures.
        scenes: numbers of those to look at.

    Returns:
        White, black or whatever else; None where the edges are not of one color, as in photographs.
    """
    if not scenes:
        return None
    pictures = [pictured.images(scene, [0])[0] for scene in evenly(scenes, _LOOKED_AT)]
    return commonest(np.concatenate([edges_of(picture) for picture in pictures]))


def commonest(pixels: UInt8[np.ndarray, "pixel 3"]) -> Color | None:
    """The color of most of some pixels, white and black exactly; None where they are not of one color."""
    median = np.median(pixels, axis=0)
    alike = np.abs(pixels - median).max(axis=1) <= ALIKE
    if alike.mean() < _BORDER:
        return None
    red, green, blue = np.round(median).astype(int).tolist()
    return next((known for known in _NAMES if are_alike(known, (red, green, blue))), (red, green, blue))


def edges_of(picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "pixel 3"]:
    """The pixels at the edges of a picture."""
    return np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]])
