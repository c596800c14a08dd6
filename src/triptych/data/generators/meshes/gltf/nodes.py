"""The nodes of a glTF scene: where each mesh stands, and where each joint of a skeleton is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from triptych.data.generators.meshes.gltf.accessors import Accessors
from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError

_INSTANCING = "EXT_mesh_gpu_instancing"


@dataclass(frozen=True)
class Placement:
    """One mesh of the file where it stands.

    Attributes:
        node: its entry in the header.
        mesh: index of the mesh.
        matrix: from the mesh's own space to the scene's.
    """

    node: Record
    mesh: int
    matrix: Float[np.ndarray, "4 4"]


class Nodes:
    """The tree of nodes with their matrices.

    Raises:
        UnreadableMeshError: nodes are their own ancestors, or have two parents.
    """

    def __init__(self, header: Record, accessors: Accessors) -> None:
        self._header = header
        self._accessors = accessors
        self._records = header.records("nodes")
        self._children = [record.integers("children") for record in self._records]
        self._roots = self._find_roots()
        self._matrices = self._place_all()

    def matrix(self, index: int) -> Float[np.ndarray, "4 4"]:
        """From a node's space to the scene's."""
        if index >= len(self._records):
            raise UnreadableMeshError(f"names nodes[{index}], of which there are {len(self._records)}")
        return self._matrices[index]

    def placements(self, losses: Losses) -> Iterator[Placement]:
        """Every mesh of the default scene, in the order of the tree, without nodes that are switched off."""
        waiting = self._default_scene(losses)[::-1]
        seen: set[int] = set()
        while waiting:
            index = waiting.pop()
            matrix, node = self.matrix(index), self._records[index]
            # Some exporters name children as roots too: each node is shown once, where its parents put it.
            if index in seen:
                continue
            seen.add(index)
            visibility = node.extension("KHR_node_visibility")
            if visibility is not None and not visibility.flag("visible", True):
                continue
            if "mesh" in node:
                yield from (Placement(node, node.integer("mesh"), matrix @ copy) for copy in self._copies(node))
            waiting += self._children[index][::-1]

    def _default_scene(self, losses: Losses) -> list[int]:
        """Roots of the scene that is shown; files without scenes show everything."""
        count = self._header.count("scenes")
        if count == 0:
            return self._roots
        if count > 1:
            losses.add("the scenes beside the default one")
        return self._header.item("scenes", self._header.integer("scene", 0)).integers("nodes")

    def _copies(self, node: Record) -> list[np.ndarray]:
        """The matrices of a node's instances; one that changes nothing where it has none."""
        instancing = node.extension(_INSTANCING)
        if instancing is None:
            return [np.eye(4)]
        attributes = instancing.record("attributes")
        arrays = {
            name: self._accessors.read(attributes.integer(name), (width,), normalize=name == "ROTATION")
            for name, width in (("TRANSLATION", 3), ("ROTATION", 4), ("SCALE", 3))
            if name in attributes
        }
        if len({len(values) for values in arrays.values()}) != 1:
            raise UnreadableMeshError(f"its {attributes.place} have different lengths, or none")
        count = len(next(iter(arrays.values())))
        columns = {"TRANSLATION": np.zeros((count, 3)), "ROTATION": np.tile([0, 0, 0, 1.0], (count, 1))}
        columns |= {"SCALE": np.ones((count, 3))} | arrays
        rows = zip(columns["TRANSLATION"], columns["ROTATION"], columns["SCALE"], strict=True)
        return [_composed(np.asarray(move), np.asarray(turn), np.asarray(scale)) for move, turn, scale in rows]

    def _find_roots(self) -> list[int]:
        named = [child for children in self._children for child in children]
        if named and max(named) >= len(self._records):
            raise UnreadableMeshError(f"names nodes[{max(named)}], of which there are {len(self._records)}")
        if len(set(named)) < len(named):
            raise UnreadableMeshError("has a node with two parents")
        return sorted(set(range(len(self._records))) - set(named))

    def _place_all(self) -> list[np.ndarray]:
        matrices: list[np.ndarray | None] = [None] * len(self._records)
        waiting = [(root, np.eye(4)) for root in self._roots]
        while waiting:
            index, parent = waiting.pop()
            matrices[index] = matrix = parent @ _own_matrix(self._records[index])
            waiting += [(child, matrix) for child in self._children[index]]
        placed = [matrix for matrix in matrices if matrix is not None]
        # Nodes in a circle hang on no root.
        if len(placed) < len(matrices):
            raise UnreadableMeshError("has a node that is its own ancestor")
        return placed


def _own_matrix(node: Record) -> np.ndarray:
    if "matrix" in node:
        return np.array(node.numbers("matrix", [0.0] * 16)).reshape(4, 4).T
    turn = np.array(node.numbers("rotation", [0.0, 0.0, 0.0, 1.0]))
    move = np.array(node.numbers("translation", [0.0, 0.0, 0.0]))
    return _composed(move, turn, np.array(node.numbers("scale", [1.0, 1.0, 1.0])))


def _composed(move: np.ndarray, turn: np.ndarray, scale: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(turn)
    x, y, z, w = turn / length if length > 0 else np.array([0.0, 0.0, 0.0, 1.0])
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation * scale, move
    return matrix
