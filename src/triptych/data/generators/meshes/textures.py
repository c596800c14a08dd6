"""Textures: pictures that are looked up at texture coordinates, coarse or fine."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from triptych.data.generators.meshes.light import display, linear

Wrap = Literal["repeat", "mirror", "clamp"]
"""What lies outside the picture: itself again, itself mirrored, or its edge."""


@dataclass(frozen=True, eq=False)
class Texture:
    """A picture and its halvings, so that a coarse ray can read an average instead of one texel.

    Attributes:
        levels: premultiplied RGBA; level 0 is the whole picture, row 0 its top, each next one half as large.
        in_linear_light: colors are averaged and returned in linear light; they are stored as display values.
        wrap: outside [0, 1) along u and along v.
        nearest: an enlarged texel is a square of one color, not blended with its neighbors.
    """

    levels: tuple[UInt8[np.ndarray, "_ _ 4"], ...]
    in_linear_light: bool = False
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")
    nearest: bool = False

    @classmethod
    def from_rgba(
        cls,
        rgba: UInt8[np.ndarray, "height width 4"],
        *,
        in_linear_light: bool = False,
        wrap: tuple[Wrap, Wrap] = ("repeat", "repeat"),
        nearest: bool = False,
    ) -> "Texture":
        """Build the levels from a picture with straight alpha, in display values."""
        picture = rgba.astype(np.float32) / 255
        if in_linear_light:
            picture[..., :3] = linear(picture[..., :3])
        picture[..., :3] *= picture[..., 3:]
        levels = [picture]
        while min(levels[-1].shape[:2]) > 1:
            levels.append(_halved(levels[-1]))
        if in_linear_light:
            for level in levels:
                level[..., :3] = display(level[..., :3])
        return cls(tuple((255 * level + 0.5).astype(np.uint8) for level in levels), in_linear_light, wrap, nearest)

    def lookup(self, uv: Float[np.ndarray, "hit 2"], level: Int[np.ndarray, " hit"]) -> Float[np.ndarray, "hit 4"]:
        """Premultiplied RGBA in [0, 1], bilinear inside a level.

        Args:
            uv: texture coordinates; v = 0 is the picture's lower edge.
            level: halvings; values outside those that exist are clamped.
        """
        level = np.clip(level, 0, len(self.levels) - 1)
        colors = np.empty((len(uv), 4), np.float32)
        for present in np.unique(level):
            chosen = level == present
            colors[chosen] = self._read(self.levels[present], uv[chosen], blend=bool(present > 0) or not self.nearest)
        return colors

    def _read(self, picture: np.ndarray, uv: np.ndarray, *, blend: bool) -> np.ndarray:
        height, width = picture.shape[:2]
        x = _inside(uv[:, 0], self.wrap[0]) * width - 0.5
        # v counts from the lower edge, rows from the upper one.
        y = _inside(1 - uv[:, 1], self.wrap[1]) * height - 0.5
        if not blend:
            x, y = np.rint(x), np.rint(y)
        left, above = np.floor(x), np.floor(y)
        right_share, lower_share = ((x - left)[:, None].astype(np.float32), (y - above)[:, None].astype(np.float32))
        columns = [_wrapped(left + step, width, self.wrap[0]) for step in (0, 1)]
        rows = [_wrapped(above + step, height, self.wrap[1]) for step in (0, 1)]
        upper, lower = (
            self._texels(picture, row, columns[0]) * (1 - right_share)
            + self._texels(picture, row, columns[1]) * right_share
            for row in rows
        )
        return upper * (1 - lower_share) + lower * lower_share

    def _texels(self, picture: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        texels = picture[rows, columns]
        if not self.in_linear_light:
            return texels / np.float32(255)
        return np.concatenate([_LINEAR[texels[:, :3]], texels[:, 3:] / np.float32(255)], axis=-1)


_LINEAR = linear(np.arange(256) / 255).astype(np.float32)


def _halved(picture: np.ndarray) -> np.ndarray:
    height, width = (size // 2 for size in picture.shape[:2])
    return picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 4).mean(axis=(1, 3))


def _inside(coordinate: np.ndarray, wrap: Wrap) -> np.ndarray:
    """The coordinate within one period: a coordinate of a million still lands on the right texel."""
    if wrap == "clamp":
        return np.clip(coordinate, 0, 1)
    return coordinate % (1 if wrap == "repeat" else 2)


def _wrapped(texel: np.ndarray, size: int, wrap: Wrap) -> np.ndarray:
    index = texel.astype(np.int64)
    if wrap == "clamp":
        return np.clip(index, 0, size - 1)
    if wrap == "repeat":
        return index % size
    return np.minimum(index % (2 * size), 2 * size - 1 - index % (2 * size))
