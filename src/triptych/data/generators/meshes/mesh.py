"""A mesh as plain arrays: what every reader gives and the tracer draws."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from triptych.data.generators.meshes.textures import Texture

PLAIN = 0.8
"""Gray of a surface that says nothing about its color, as a display value."""
MOST_FACES = 20_000_000
"""Triangles from which a mesh is not read: few bytes can name a part many times."""
MOST_PARTS = 50_000
"""The same for parts."""


@dataclass(frozen=True)
class Surface:
    """How a material turns colors and textures into what is seen.

    Attributes:
        texture: multiplies the vertices' colors, or None.
        in_linear_light: colors and texture are multiplied in linear light; else as display values.
        unlit: drawn in its own color, without light and shade.
        cutoff: opacity from which it is solid, and below which it is not there; None blends.
        single_sided: its back, where the corners run clockwise, need not be seen.
        emission: linear light that it gives off, whatever falls on it.
        emissive_texture: multiplies the emission, or None.
    """

    texture: Texture | None = None
    in_linear_light: bool = False
    unlit: bool = False
    cutoff: float | None = None
    single_sided: bool = False
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    emissive_texture: Texture | None = None


@dataclass(frozen=True)
class Triangles:
    """Triangles and what their corners carry.

    Attributes:
        vertices: positions.
        faces: vertex indices.
        normals: from the file, or zero where it has none.
        colors: straight RGBA, the material's color and opacity in it, in the kind of light of the face's surface.
        uv: texture coordinates; v = 0 is the picture's lower edge.
        emissive_uv: those of emissive textures.
    """

    vertices: Float[np.ndarray, "vertex 3"]
    faces: Int[np.ndarray, "face 3"]
    normals: Float[np.ndarray, "vertex 3"]
    colors: Float[np.ndarray, "vertex 4"]
    uv: Float[np.ndarray, "vertex 2"]
    emissive_uv: Float[np.ndarray, "vertex 2"]


@dataclass(frozen=True)
class Part(Triangles):
    """Triangles of one material, where they stand in the mesh; normals of any length, colors of any value.

    Attributes:
        surface: its material.
    """

    surface: Surface


@dataclass(frozen=True)
class Mesh(Triangles):
    """Triangles with all that their drawing needs: every vertex belongs to a face, normals are unit vectors or zero,
    colors lie in [0, 1].

    Attributes:
        part_of_face: which part a face comes from.
        surfaces: of every part.
        without: what the file says and is not drawn; empty for a mesh drawn whole.
    """

    part_of_face: Int[np.ndarray, " face"]
    surfaces: tuple[Surface, ...]
    without: tuple[str, ...] = ()

    def bounds(self) -> Float[np.ndarray, "2 3"]:
        """Lower and upper corner of the box around the mesh."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])


def join(parts: Sequence[Part], without: Sequence[str] = ()) -> Mesh:
    """One mesh of several parts, without vertices that no face uses."""
    parts = [_used_only(part) for part in parts]
    firsts = np.cumsum([0] + [len(part.vertices) for part in parts])
    counts = [len(part.faces) for part in parts]
    return Mesh(
        vertices=np.concatenate([np.asarray(part.vertices, np.float64) for part in parts]),
        faces=np.concatenate([part.faces + first for part, first in zip(parts, firsts, strict=False)]),
        normals=np.concatenate([_unit(part.normals) for part in parts]),
        colors=np.concatenate([np.clip(_finite(part.colors), 0, 1) for part in parts]),
        uv=np.concatenate([_finite(part.uv) for part in parts]),
        emissive_uv=np.concatenate([_finite(part.emissive_uv) for part in parts]),
        part_of_face=np.repeat(np.arange(len(parts)), counts),
        surfaces=tuple(part.surface for part in parts),
        without=tuple(without),
    )


def _used_only(part: Part) -> Part:
    used, faces = np.unique(part.faces, return_inverse=True)
    arrays = (part.vertices, part.normals, part.colors, part.uv, part.emissive_uv)
    vertices, normals, colors, uv, emissive_uv = (values[used] for values in arrays)
    return Part(vertices, faces.reshape(-1, 3), normals, colors, uv, emissive_uv, part.surface)


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = _finite(vectors)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def _finite(values: np.ndarray) -> np.ndarray:
    """Numbers that single precision can hold; what is none becomes zero."""
    return np.clip(np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0), -1e9, 1e9).astype(np.float32)
