"""The colour of a surface: material colours, vertex colours and base-colour textures as plain arrays.

All colours are display values (sRGB) in [0, 1], as pictures hold them: what is drawn shall look like the
texture, and a picture is later laid over its background in display values too. Opacity is settled here once,
whatever the material's alpha mode, so that the tracer knows only one rule: colour times opacity.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float, Int, UInt8
from PIL import Image
from trimesh.visual.material import PBRMaterial, SimpleMaterial
from trimesh.visual.texture import TextureVisuals

PLAIN = 0.8
"""Grey of a surface that says nothing about its colour."""


@dataclass(frozen=True)
class Texture:
    """A picture and its halvings, so that a coarse ray can read an average instead of one texel.

    Attributes:
        levels: premultiplied RGBA; level 0 is the whole picture, row 0 its top, each next one half as large.
    """

    levels: tuple[UInt8[np.ndarray, "_ _ 4"], ...]

    @classmethod
    def from_rgba(cls, rgba: UInt8[np.ndarray, "height width 4"]) -> "Texture":
        """Build the levels from a picture with straight alpha."""
        picture = rgba.astype(np.float32)
        picture[..., :3] *= picture[..., 3:] / 255
        levels = [picture]
        while min(levels[-1].shape[:2]) > 1:
            levels.append(_halved(levels[-1]))
        return cls(tuple((level + 0.5).astype(np.uint8) for level in levels))

    def lookup(self, uv: Float[np.ndarray, "hit 2"], level: Int[np.ndarray, " hit"]) -> Float[np.ndarray, "hit 4"]:
        """Premultiplied RGBA in [0, 1], bilinear inside a level, repeating outside [0, 1).

        Args:
            uv: texture coordinates; v = 0 is the picture's lower edge.
            level: halvings; values outside those that exist are clamped.
        """
        level = np.clip(level, 0, len(self.levels) - 1)
        colours = np.empty((len(uv), 4), np.float32)
        for present in np.unique(level):
            chosen = level == present
            colours[chosen] = _bilinear(self.levels[present], uv[chosen])
        return colours / 255


def _halved(picture: np.ndarray) -> np.ndarray:
    height, width = (size // 2 for size in picture.shape[:2])
    return picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 4).mean(axis=(1, 3))


def _bilinear(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    # The fraction first: a coordinate of a million still lands on the right texel.
    position = np.stack([uv[:, 0] % 1 * width, (1 - uv[:, 1] % 1) * height], axis=-1) - 0.5
    corner = np.floor(position)
    right, down = (position - corner).astype(np.float32).T[..., None]
    column, row = corner.astype(np.int64).T
    left, above = column % width, row % height
    next_column, below = (column + 1) % width, (row + 1) % height
    upper = picture[above, left] * (1 - right) + picture[above, next_column] * right
    lower = picture[below, left] * (1 - right) + picture[below, next_column] * right
    return upper * (1 - down) + lower * down


@dataclass(frozen=True)
class Appearance:
    """Colours of one part of a mesh.

    Attributes:
        colours: straight RGBA of every vertex, the material's colour and opacity already in it.
        uv: texture coordinates, zero where there is no texture.
        texture: multiplies the colours, or None.
    """

    colours: Float[np.ndarray, "vertex 4"]
    uv: Float[np.ndarray, "vertex 2"]
    texture: Texture | None


def appearance(geometry: trimesh.Trimesh, textures: dict[int, Texture]) -> Appearance:
    """Read the colours of one part of a mesh.

    Alpha modes of glTF: ``OPAQUE`` ignores alpha, ``MASK`` cuts at its threshold, ``BLEND`` is opacity.
    Wavefront materials blend with ``d`` (or 1 - ``Tr``) and with the alpha of their ``map_Kd``.

    Args:
        geometry: the part.
        textures: of the materials met so far in this mesh, by ``id``; a new one is added.
    """
    count = len(geometry.vertices)
    colours = np.ones((count, 4), np.float32)
    uv = np.zeros((count, 2), np.float32)
    visual = geometry.visual
    if not isinstance(visual, TextureVisuals):
        colours[:] = _vertex_colours(visual, count)
        return Appearance(colours, uv, None)
    surface = _surface(visual.material)
    colours *= surface.colour
    painted = visual.vertex_attributes.get("color")
    if painted is not None and len(painted) == count:
        colours *= _gltf_vertex_colours(np.asarray(painted))
    texture = None
    if surface.picture is not None and visual.uv is not None and visual.uv.shape == (count, 2):
        uv[:] = visual.uv
        if id(visual.material) not in textures:
            textures[id(visual.material)] = _texture(surface)
        texture = textures[id(visual.material)]
    if surface.cutoff is not None:
        colours[:, 3] = 1.0
    return Appearance(colours, uv, texture)


@dataclass(frozen=True)
class _Surface:
    colour: np.ndarray
    """Straight RGBA."""
    picture: Image.Image | None
    cutoff: float | None
    """Alpha from which the surface is solid, and below which it is not there; None blends."""


def _surface(material: Any) -> _Surface:
    if isinstance(material, PBRMaterial):
        return _gltf_surface(material)
    if isinstance(material, SimpleMaterial):
        return _wavefront_surface(material)
    return _Surface(np.array([PLAIN, PLAIN, PLAIN, 1.0]), None, None)


def _gltf_surface(material: PBRMaterial) -> _Surface:
    factor = material.baseColorFactor
    colour = np.ones(4) if factor is None else np.asarray(factor) / 255
    cutoffs = {"BLEND": None, "MASK": 0.5 if material.alphaCutoff is None else material.alphaCutoff}
    cutoff = cutoffs.get(material.alphaMode or "OPAQUE", 0.0)
    return _Surface(_display(colour), material.baseColorTexture, cutoff)


def _wavefront_surface(material: SimpleMaterial) -> _Surface:
    extra = material.kwargs
    plain = 1.0 if material.image is not None else PLAIN
    rgb = np.asarray(material.diffuse[:3]) / 255 if "kd" in extra else np.full(3, plain)
    # Black times a picture is black: exporters that write Kd 0 0 0 beside a picture mean the picture alone.
    if material.image is not None and not rgb.any():
        rgb = np.ones(3)
    opacity = float(extra["d"][-1]) if "d" in extra else 1 - float(extra.get("tr", [0])[-1])
    # Nobody models an invisible surface; exporters disagree about which end of d and Tr is solid.
    opacity = 1.0 if opacity <= 0 else min(opacity, 1.0)
    return _Surface(np.append(rgb, opacity), material.image, None)


def _texture(surface: _Surface) -> Texture:
    assert surface.picture is not None
    rgba = np.array(surface.picture.convert("RGBA"))
    if surface.cutoff is not None:
        rgba[..., 3] = np.where(rgba[..., 3] / 255 * surface.colour[3] >= surface.cutoff, 255, 0)
    return Texture.from_rgba(rgba)


def _vertex_colours(visual: Any, count: int) -> np.ndarray:
    if visual.kind is None:
        return np.array([PLAIN, PLAIN, PLAIN, 1.0])
    # Without a material these are display values even in glTF files: trimesh, for one, writes them so.
    colours = np.asarray(visual.vertex_colors, np.float32) / 255
    return colours if colours.shape == (count, 4) else np.array([PLAIN, PLAIN, PLAIN, 1.0])


def _gltf_vertex_colours(colours: np.ndarray) -> np.ndarray:
    """COLOR_0 of glTF, three or four channels, floats or normalised integers, linear light."""
    linear = colours / np.iinfo(colours.dtype).max if colours.dtype.kind == "u" else colours
    rgba = np.ones((len(colours), 4))
    rgba[:, : linear.shape[1]] = linear
    return _display(rgba)


def _display(linear: np.ndarray) -> np.ndarray:
    """The sRGB transfer function (IEC 61966-2-1) on the colours; alpha stays."""
    linear = np.clip(linear, 0, 1)
    rgb = linear[..., :3]
    curved = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return np.concatenate([curved, linear[..., 3:]], axis=-1)
