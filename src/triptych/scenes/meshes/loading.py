"""A mesh file as plain arrays, upright and centred in the scene box."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import trimesh
from jaxtyping import Float, Int

from triptych.scenes.meshes.materials import Appearance, Texture, appearance
from triptych.scenes.meshes.reading import UnreadableMeshError, open_mesh


@dataclass(frozen=True)
class Mesh:
    """Triangles with all that their drawing needs.

    Attributes:
        vertices: positions. Every vertex belongs to a face.
        faces: vertex indices.
        normals: unit normals from the file, or zero where it has none.
        colours: straight RGBA display values in [0, 1].
        uv: texture coordinates; v = 0 is the picture's lower edge.
        texture_of_face: index into ``textures``, -1 for none.
        textures: what multiplies the colours.
    """

    vertices: Float[np.ndarray, "vertex 3"]
    faces: Int[np.ndarray, "face 3"]
    normals: Float[np.ndarray, "vertex 3"]
    colours: Float[np.ndarray, "vertex 4"]
    uv: Float[np.ndarray, "vertex 2"]
    texture_of_face: Int[np.ndarray, " face"]
    textures: tuple[Texture, ...]

    def bounds(self) -> Float[np.ndarray, "2 3"]:
        """Lower and upper corner of the box around the mesh."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])


def load_mesh(path: Path, root: Path) -> Mesh:
    """Read a mesh file in its own axes and units, all its parts placed and joined.

    Args:
        path: a glb, gltf or obj file.
        root: no file outside this folder is read, whatever the mesh says.

    Raises:
        UnreadableMeshError: it cannot be read, has no faces, no extent, or positions that are no numbers.
    """
    scene = open_mesh(path, root)
    textures: dict[int, Texture] = {}
    try:
        parts = [_part(scene, node, textures) for node in scene.graph.nodes_geometry if _has_faces(scene, node)]
    # Pictures are decoded here, and arrays that contradict each other show here.
    except (ArithmeticError, IndexError, OSError, TypeError, ValueError) as error:
        raise UnreadableMeshError(f"its parts cannot be read: {' '.join(str(error).split())}") from error
    if not parts:
        raise UnreadableMeshError("has no faces")
    mesh = _joined(parts)
    if not np.isfinite(mesh.vertices).all():
        raise UnreadableMeshError("has vertex positions that are not finite numbers")
    if not np.ptp(mesh.vertices, axis=0).max() > 0:
        raise UnreadableMeshError("has no extent: all its faces are one point")
    return mesh


def stand_upright(mesh: Mesh, *, up: Literal["y", "z"], extent: float, align_long_axis: bool) -> Mesh:
    """Bring a mesh into the scene's frame: z up, its box centred in the origin, its longest side ``extent``.

    Args:
        mesh: in its own axes and units.
        up: the mesh's upward axis. For ``"y"``, (x, y, z) becomes (x, -z, y).
        extent: length of the longest side of the box, in world units.
        align_long_axis: turn by a quarter about z if that lays the longer horizontal side along x. The front
            of a glTF model, its +z, then looks along +x.
    """
    turn = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) if up == "y" else np.eye(3)
    sides = np.ptp(mesh.vertices @ turn.T, axis=0)
    if align_long_axis and sides[1] > sides[0]:
        turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]) @ turn
    vertices = mesh.vertices @ turn.T
    lower, upper = vertices.min(axis=0), vertices.max(axis=0)
    vertices = (vertices - (lower + upper) / 2) * (extent / (upper - lower).max())
    return replace(mesh, vertices=vertices, normals=mesh.normals @ turn.T.astype(np.float32))


@dataclass(frozen=True)
class _Part:
    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    look: Appearance


def _has_faces(scene: trimesh.Scene, node: str) -> bool:
    geometry = scene.geometry[scene.graph[node][1]]
    return isinstance(geometry, trimesh.Trimesh) and len(geometry.faces) > 0


def _part(scene: trimesh.Scene, node: str, textures: dict[int, Texture]) -> _Part:
    matrix, name = scene.graph[node]
    geometry = scene.geometry[name]
    assert isinstance(geometry, trimesh.Trimesh)
    used, faces = np.unique(np.asarray(geometry.faces), return_inverse=True)
    if used[0] < 0 or used[-1] >= len(geometry.vertices):
        raise ValueError(f"a face names vertex {used[-1]} of {len(geometry.vertices)}")
    normals = np.zeros((len(geometry.vertices), 3))
    # Asked for normals that the file does not have, trimesh would make smooth ones and round off every edge.
    if "vertex_normals" in geometry._cache:
        normals = geometry.vertex_normals
    look = appearance(geometry, textures)
    return _Part(
        geometry.vertices[used] @ matrix[:3, :3].T + matrix[:3, 3],
        faces.reshape(-1, 3),
        _unit(normals[used] @ np.linalg.pinv(matrix[:3, :3])),
        Appearance(look.colours[used], look.uv[used], look.texture),
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.nan_to_num(vectors, posinf=0.0, neginf=0.0)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def _joined(parts: list[_Part]) -> Mesh:
    textures = [part.look.texture for part in parts]
    distinct = list({id(texture): texture for texture in textures if texture is not None}.values())
    index = {id(texture): position for position, texture in enumerate(distinct)}
    first_vertex = np.cumsum([0] + [len(part.vertices) for part in parts])
    return Mesh(
        vertices=np.concatenate([np.asarray(part.vertices, np.float64) for part in parts]),
        faces=np.concatenate([part.faces + first for part, first in zip(parts, first_vertex, strict=False)]),
        normals=np.concatenate([part.normals for part in parts]),
        colours=np.concatenate([part.look.colours for part in parts]),
        uv=np.concatenate([part.look.uv for part in parts]),
        texture_of_face=np.concatenate(
            [
                np.full(len(part.faces), index.get(id(texture), -1))
                for part, texture in zip(parts, textures, strict=True)
            ]
        ),
        textures=tuple(distinct),
    )
