"""Where pictures show something before a background of one color."""

from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.shown import any_along
from triptych.geometry.windows import Window

SIDES = 4
"""The sides of windows around objects are multiples of so many blocks: many windows then have the same size."""
_SAME = 0.5 / 255
"""Colors in [0, 1] that differ by less are one color of 8 bits per channel."""


def silhouettes(
    images: Float[Tensor, "view 3 height width"], background: Float[Tensor, "3"]
) -> Bool[Tensor, "view height width"]:
    """The pixels of images in [0, 1] that are not of the background's color; a picture without any shows something
    everywhere."""
    shown = ((images - background[:, None, None]).abs() > _SAME).any(dim=1)
    return or_everywhere(shown)


def or_everywhere(shown: Bool[Tensor, "view height width"]) -> Bool[Tensor, "view height width"]:
    """The pixels that show something; all of those of a picture in which none does."""
    return shown | ~any_along(shown.flatten(1), 1)[:, None, None]


def object_windows(
    images: Float[Tensor, "view 3 height width"],
    background: Float[Tensor, "3"],
    block: int,
    margin: int,
    multiple: int = SIDES,
) -> list[Window]:
    """The window of each picture that holds its silhouette, in blocks of pixels.

    Args:
        images: pictures in [0, 1].
        background: the color behind the objects, in [0, 1].
        block: side of a block in pixels.
        margin: blocks around the silhouette that the window holds, too, as far as the picture reaches.
        multiple: the window's sides are rounded up to multiples of so many blocks, as far as the picture reaches, so
            that many windows have the same size.
    """
    return [window_around(shown, block, margin, multiple) for shown in silhouettes(images, background).cpu()]


def window_around(shown: Bool[Tensor, "height width"], block: int, margin: int, multiple: int = 1) -> Window:
    """The window that holds all pixels of a picture that show something, at least one; see ``object_windows``."""
    top, height = _span(shown.any(dim=1), block, margin, multiple)
    left, width = _span(shown.any(dim=0), block, margin, multiple)
    return Window(top, left, height, width)


def _span(shown: Bool[Tensor, " pixel"], block: int, margin: int, multiple: int) -> tuple[int, int]:
    """First block and number of blocks."""
    blocks, places = len(shown) // block, shown.nonzero()
    first = max(int(places[0]) // block - margin, 0)
    end = min(int(places[-1]) // block + 1 + margin, blocks)
    length = min(-(-(end - first) // multiple) * multiple, blocks)
    return min(first, blocks - length), length
