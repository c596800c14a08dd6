"""Rectangles of pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """A rectangle of a picture, in pixels.

    Attributes:
        top: first row.
        left: first column.
        height: number of rows.
        width: number of columns.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    def scaled(self, rows: int, columns: int) -> "Window":
        """The same rectangle of a picture with so many times the rows and columns."""
        return Window(self.top * rows, self.left * columns, self.height * rows, self.width * columns)

    def cut(self, picture: Shaped[Tensor, "rows columns *value"]) -> Shaped[Tensor, "height width *value"]:
        """This part of a picture."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]

    def inner(self, inset: int, height: int, width: int) -> Bool[Tensor, "height width"]:
        """Which pixels of this window lie at least ``inset`` pixels inside it, where it does not end with the picture.

        Args:
            inset: least distance from an edge of the window that is no edge of the picture.
            height: of the picture.
            width: of the picture.
        """
        inside = torch.zeros(self.size, dtype=torch.bool)
        top = inset if self.top > 0 else 0
        left = inset if self.left > 0 else 0
        bottom = self.height - (inset if self.top + self.height < height else 0)
        right = self.width - (inset if self.left + self.width < width else 0)
        inside[top:bottom, left:right] = True
        return inside


def stacked(
    pictures: Shaped[Tensor, "view channel rows columns"], windows: Sequence[Window]
) -> Shaped[Tensor, "view channel height width"]:
    """A window of each of several pictures, all windows of one size."""
    pairs = zip(pictures, windows, strict=True)
    return torch.stack([window.cut(picture.permute(1, 2, 0)).permute(2, 0, 1) for picture, window in pairs])


def of_one_size(windows: Sequence[Window]) -> Iterator[list[int]]:
    """The numbers of the windows, those of each size together."""
    ordered = sorted(range(len(windows)), key=lambda number: windows[number].size)
    for _, numbers in groupby(ordered, key=lambda number: windows[number].size):
        yield list(numbers)
