"""A glTF file as parts: its default scene, every primitive posed and colored."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.gltf.accessors import Accessors
from triptych.data.generators.meshes.gltf.container import Container
from triptych.data.generators.meshes.gltf.deformation import Skeleton, pose
from triptych.data.generators.meshes.gltf.extensions import check_extensions, note_unapplied
from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.gltf.materials import Material, plain_material, read_material
from triptych.data.generators.meshes.gltf.nodes import Nodes, Placement
from triptych.data.generators.meshes.gltf.primitives import Primitive, has_triangles
from triptych.data.generators.meshes.gltf.textures import Textures, TextureUse
from triptych.data.generators.meshes.light import linear
from triptych.data.generators.meshes.mesh import MOST_FACES, MOST_PARTS, Part, Surface
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError


@np.errstate(all="ignore")  # numbers that are none are told by their results
def read_gltf(path: Path, folder: MeshFolder, losses: Losses) -> list[Part]:
    """Read the triangles of a glb or gltf file.

    Args:
        path: the file.
        folder: no file outside it is read, whatever the mesh says.
        losses: where to note what it is drawn without.

    Raises:
        UnreadableMeshError: it is damaged, needs what is not supported, or names files that cannot be read.
    """
    parts, faces = [], 0
    for part in _Reader(Container(path, folder), losses).parts():
        faces += len(part.faces)
        parts.append(part)
        if faces > MOST_FACES or len(parts) > MOST_PARTS:
            raise UnreadableMeshError(f"has more than {MOST_FACES} triangles or {MOST_PARTS} parts")
    return parts


class _Reader:
    def __init__(self, container: Container, losses: Losses) -> None:
        self._header = container.header
        self._losses = losses
        check_extensions(self._header, losses)
        if self._header.count("animations"):
            losses.add("its animations (the stored pose is drawn)")
        self._accessors = Accessors(container)
        self._nodes = Nodes(self._header, self._accessors)
        self._skeleton = Skeleton(self._header, self._accessors, self._nodes)
        self._textures = Textures(container, self._accessors, losses)
        self._primitives: dict[tuple[str, tuple[float, ...]], Primitive] = {}
        self._materials: dict[tuple[int, bool], Material] = {}
        # trimesh writes display values where the standard wants linear light, unless there is a material.
        self._display_colors = "trimesh" in self._header.record("asset").text("generator", "")

    def parts(self) -> Iterator[Part]:
        """Every primitive of the default scene that has triangles."""
        for placement in self._nodes.placements(self._losses):
            mesh = self._header.item("meshes", placement.mesh)
            weights = placement.node.weights("weights") or mesh.weights("weights")
            for record in mesh.records("primitives"):
                note_unapplied(record, self._losses)
                if has_triangles(record, self._losses):
                    part = self._part(record, self._primitive(record, weights), placement)
                    if len(part.faces):
                        yield part

    def _primitive(self, record: Record, weights: list[float]) -> Primitive:
        """Many nodes may show one mesh: its arrays are read once."""
        key = record.place, tuple(weights)
        if key not in self._primitives:
            self._primitives[key] = Primitive(record, self._accessors, weights)
        return self._primitives[key]

    def _part(self, record: Record, primitive: Primitive, placement: Placement) -> Part:
        vertices = primitive.vertices
        has_normals = primitive.has("NORMAL")
        normals = primitive.attribute("NORMAL", (3,)) if has_normals else np.zeros((len(vertices), 3))
        posed = pose(vertices, normals, _influences(primitive), placement, self._skeleton)
        colors = self._vertex_colors(primitive, record)
        material = self._material(record, colors)
        faces = primitive.faces()
        return Part(
            posed.vertices,
            faces[:, ::-1] if posed.mirrored else faces,
            posed.normals,
            _colored(material, colors, len(vertices)),
            self._uv(primitive, material.base),
            self._uv(primitive, material.emissive),
            self._surface(primitive, material),
        )

    def _material(self, record: Record, colors: np.ndarray | None) -> Material:
        if "material" not in record:
            return plain_material(painted=colors is not None)
        index = record.integer("material")
        key = index, colors is not None and bool((colors[:, 3] < 1).any())
        if key not in self._materials:
            entry = self._header.item("materials", index)
            self._materials[key] = read_material(entry, self._textures, self._losses, vertex_alpha=key[1])
        return self._materials[key]

    def _vertex_colors(self, primitive: Primitive, record: Record) -> np.ndarray | None:
        """COLOR_0 as RGBA in linear light."""
        if primitive.has("COLOR_1"):
            self._losses.add("its second set of vertex colors")
        if not primitive.has("COLOR_0"):
            return None
        stored = primitive.attribute("COLOR_0", (3, 4), normalize=True)
        rgba = np.ones((len(stored), 4))
        rgba[:, : stored.shape[1]] = np.clip(np.nan_to_num(stored), 0, 1)
        if self._display_colors and "material" not in record:
            rgba[:, :3] = linear(rgba[:, :3])
        return rgba

    def _uv(self, primitive: Primitive, use: TextureUse | None) -> np.ndarray:
        name = f"TEXCOORD_{use.coordinates}" if use is not None else ""
        if use is None or not primitive.has(name):
            return np.zeros((len(primitive.vertices), 2))
        return use.uv(primitive.attribute(name, (2,)))

    def _surface(self, primitive: Primitive, material: Material) -> Surface:
        """Without coordinates a texture is left away, and named."""
        surface = material.surface
        for field, use in (("texture", material.base), ("emissive_texture", material.emissive)):
            if use is not None and not primitive.has(f"TEXCOORD_{use.coordinates}"):
                self._losses.add(f"a texture whose coordinates (TEXCOORD_{use.coordinates}) are missing")
                surface = replace(surface, **{field: None})
        return surface


def _colored(material: Material, colors: np.ndarray | None, count: int) -> np.ndarray:
    rgba = np.ones((count, 4)) if colors is None else colors.copy()
    if not material.blends:
        rgba[:, 3] = 1.0
    return rgba * material.color


def _influences(primitive: Primitive) -> tuple[np.ndarray, np.ndarray] | None:
    """All sets of joints and weights side by side."""
    sets = primitive.sets("JOINTS")
    if not sets or any(not primitive.has(name.replace("JOINTS", "WEIGHTS")) for name in sets):
        return None
    joints = [primitive.attribute(name, (4,)) for name in sets]
    weights = [primitive.attribute(name.replace("JOINTS", "WEIGHTS"), (4,), normalize=True) for name in sets]
    return np.concatenate(joints, axis=1), np.concatenate(weights, axis=1)
