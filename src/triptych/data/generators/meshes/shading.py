"""The color of a hit: vertex colors, textures, light, and what the surface gives off."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from triptych.data.generators.meshes.light import display, light, linear
from triptych.data.generators.meshes.mesh import Mesh, Surface
from triptych.data.generators.meshes.textures import Texture


class Shader:
    """Colors hits on one mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._surfaces = list(dict.fromkeys(mesh.surfaces))
        number = {surface: index for index, surface in enumerate(self._surfaces)}
        numbers = np.array([number[surface] for surface in mesh.surfaces])
        self._surface_of_face = numbers[mesh.part_of_face]
        texels = np.array([_texels(surface.texture) for surface in self._surfaces])
        glow_texels = np.array([_texels(surface.emissive_texture) for surface in self._surfaces])
        self._density = _texel_density(mesh, mesh.uv, texels[self._surface_of_face])
        self._glow_density = _texel_density(mesh, mesh.emissive_uv, glow_texels[self._surface_of_face])

    def shade(
        self,
        hits: dict[str, np.ndarray],
        directions: Float[np.ndarray, "hit 3"],
        footprint: Float[np.ndarray, " hit"],
    ) -> Float[np.ndarray, "hit 4"]:
        """Premultiplied RGBA of every hit, display values.

        Args:
            hits: of Embree: ``primID``, ``u``, ``v``, ``Ng``.
            directions: of the rays.
            footprint: width of a ray at its hit, in world units.
        """
        face = hits["primID"]
        u, v = hits["u"], hits["v"]
        weights = np.stack([1 - u - v, u, v], axis=-1)[:, None, :]
        corners = self._mesh.faces[face]
        colors = (weights @ self._mesh.colors[corners])[:, 0]
        smooth = (weights @ self._mesh.normals[corners])[:, 0]
        brightness = light(_outward(smooth, hits["Ng"], directions))
        kinds = self._surface_of_face[face]
        for index in np.unique(kinds):
            surface, chosen = self._surfaces[index], kinds == index
            places = _Places(weights[chosen], corners[chosen], face[chosen], footprint[chosen])
            base = self._base(surface, colors[chosen], places)
            if not surface.unlit:
                base[:, :3] *= brightness[chosen]
            if any(surface.emission):
                base[:, :3] = display(linear(base[:, :3]) + self._glow(surface, places))
            base[:, :3] *= base[:, 3:]
            colors[chosen] = base
        return colors

    def _base(self, surface: Surface, colors: np.ndarray, places: "_Places") -> np.ndarray:
        """Straight RGBA before any light."""
        if surface.texture is not None:
            texel = self._look_up(surface.texture, self._mesh.uv, self._density, places)
            colors = colors.copy()
            colors[:, :3] *= texel[:, :3] / np.maximum(texel[:, 3:], 1e-6)
            colors[:, 3] *= texel[:, 3]
        if surface.in_linear_light:
            colors = np.concatenate([display(colors[:, :3]), colors[:, 3:]], axis=-1)
        if surface.cutoff is not None:
            colors[:, 3] = colors[:, 3] >= surface.cutoff
        return colors

    def _glow(self, surface: Surface, places: "_Places") -> np.ndarray:
        """Linear light that the surface gives off."""
        emission = np.asarray(surface.emission, np.float32)[None]
        if surface.emissive_texture is None:
            return emission
        texel = self._look_up(surface.emissive_texture, self._mesh.emissive_uv, self._glow_density, places)
        return emission * texel[:, :3] / np.maximum(texel[:, 3:], 1e-6)

    @staticmethod
    def _look_up(texture: Texture, uv: np.ndarray, density: np.ndarray, places: "_Places") -> np.ndarray:
        where = (places.weights @ uv[places.corners])[:, 0]
        level = np.log2(np.maximum(density[places.face] * places.footprint, 1))
        return texture.lookup(where, np.round(level).astype(np.int64))


@dataclass(frozen=True)
class _Places:
    """Where the hits on one surface lie."""

    weights: np.ndarray
    corners: np.ndarray
    face: np.ndarray
    footprint: np.ndarray


def _outward(
    smooth: Float[np.ndarray, "hit 3"],
    geometric: Float[np.ndarray, "hit 3"],
    directions: Float[np.ndarray, "hit 3"],
) -> Float[np.ndarray, "hit 3"]:
    """Unit normals on the side of the surface that the ray comes from.

    Neither the winding of the faces nor the sign of the file's normals is reliable. The side a camera sees is
    reliable, and one side of a surface gets one normal, whichever camera sees it.
    """
    geometric = _normalized(geometric)
    geometric = np.where((geometric * directions).sum(-1, keepdims=True) > 0, -geometric, geometric)
    smooth = np.where((smooth * geometric).sum(-1, keepdims=True) < 0, -smooth, smooth)
    return _normalized(np.where(np.abs(smooth).max(-1, keepdims=True) > 1e-3, smooth, geometric))


def _normalized(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-20)


def _texels(texture: Texture | None) -> int:
    return 0 if texture is None else int(np.prod(texture.levels[0].shape[:2]))


def _texel_density(mesh: Mesh, uv: np.ndarray, texels: np.ndarray) -> Float[np.ndarray, " face"]:
    """Texels of the whole picture per world unit on every face: the square root of a ratio of areas."""
    corners = mesh.vertices[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1)
    edges = (uv[mesh.faces[:, 1:]] - uv[mesh.faces[:, :1]]).astype(np.float64)
    area_uv = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    return np.sqrt(area_uv * texels / np.maximum(area, 1e-20))
