"""Poses: morph targets by their weights, and skins by their joints."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from triptych.data.generators.meshes.gltf.accessors import Accessors
from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.gltf.nodes import Nodes, Placement
from triptych.data.generators.meshes.problems import UnreadableMeshError


@dataclass(frozen=True)
class Posed:
    """Positions and normals in the scene's space.

    Attributes:
        vertices: positions.
        normals: of any length; zero where the file has none.
        mirrored: whether the pose turns triangles inside out, so that their corners change order.
    """

    vertices: Float[np.ndarray, "vertex 3"]
    normals: Float[np.ndarray, "vertex 3"]
    mirrored: bool


def morph(
    values: np.ndarray, name: str, targets: list[Record], weights: list[float], accessors: Accessors
) -> np.ndarray:
    """An attribute with its morph targets added: value + sum of weight times displacement.

    Args:
        values: the attribute, [vertex, components].
        name: of the attribute, such as ``POSITION``.
        targets: of the primitive.
        weights: one per target; targets without one are left out.
        accessors: of the file.

    Raises:
        UnreadableMeshError: a displacement does not fit the attribute.
    """
    for target, weight in zip(targets, weights, strict=False):
        if weight != 0 and name in target:
            change = accessors.read(target.integer(name), (3, 4) if values.shape[1] == 4 else (values.shape[1],))
            if len(change) != len(values):
                raise UnreadableMeshError(f"its {target.place}.{name} has {len(change)} elements, not {len(values)}")
            values = values.astype(np.float64)
            values[:, : change.shape[1]] += weight * change
    return values


def pose(
    vertices: np.ndarray,
    normals: np.ndarray,
    influences: tuple[np.ndarray, np.ndarray] | None,
    placement: Placement,
    skeleton: "Skeleton",
) -> Posed:
    """Bring a primitive from its own space into the scene: by its skin, else by its node.

    Args:
        vertices: positions.
        normals: of the file.
        influences: joints and weights of every vertex, or None.
        placement: of its mesh.
        skeleton: of the file.

    Raises:
        UnreadableMeshError: the skin does not fit the primitive.
    """
    matrices = placement.matrix[None, :3]
    if influences is not None and "skin" in placement.node:
        matrices = skeleton.blended(placement.node.integer("skin"), *influences)
    linear = matrices[..., :3]
    # Cofactors turn normals as the inverse transpose would, and exist for flattened parts too.
    cofactors = np.stack([np.cross(linear[:, (row + 1) % 3], linear[:, (row + 2) % 3]) for row in range(3)], axis=1)
    moved = np.einsum("...ij,...j->...i", linear, vertices) + matrices[..., 3]
    turned = np.einsum("...ij,...j->...i", cofactors, normals)
    handed = np.einsum("...i,...i->...", linear[:, 0], cofactors[:, 0])
    return Posed(moved, turned, bool(np.sum(np.sign(handed)) < 0))


class Skeleton:
    """The skins of a file, in the pose in which it stores its nodes."""

    def __init__(self, header: Record, accessors: Accessors, nodes: Nodes) -> None:
        self._header = header
        self._accessors = accessors
        self._nodes = nodes

    def blended(self, skin: int, joints: np.ndarray, weights: np.ndarray) -> Float[np.ndarray, "vertex 3 4"]:
        """The matrix of every vertex: the weighted mean of joint matrix times inverse bind matrix.

        Args:
            skin: index of the skin.
            joints: [vertex, influence], positions in the skin's list of joints.
            weights: [vertex, influence].

        Raises:
            UnreadableMeshError: the skin has no such joints.
        """
        matrices = self._joint_matrices(self._header.item("skins", skin))
        if joints.dtype.kind == "f" or (joints.size and joints.max() >= len(matrices)):
            raise UnreadableMeshError(f"its skins[{skin}] lacks joints that a vertex names")
        total = weights.sum(axis=1, keepdims=True)
        weights = np.where(total > 0, weights / np.where(total > 0, total, 1), np.eye(1, weights.shape[1]))
        blended = np.zeros((len(joints), 3, 4))
        for joint, weight in zip(joints.T, weights.T, strict=True):
            blended += weight[:, None, None] * matrices[joint, :3]
        return blended

    def _joint_matrices(self, skin: Record) -> np.ndarray:
        joints = skin.integers("joints")
        inverse_bind = np.tile(np.eye(4), (len(joints), 1, 1))
        if "inverseBindMatrices" in skin:
            # Matrices are stored column by column.
            stored = self._accessors.read(skin.integer("inverseBindMatrices"), (16,)).reshape(-1, 4, 4)
            inverse_bind = stored[: len(joints)].transpose(0, 2, 1)
        if not joints or len(inverse_bind) < len(joints):
            raise UnreadableMeshError(f"its {skin.place} has fewer inverse bind matrices than joints, or no joints")
        return np.stack([self._nodes.matrix(joint) for joint in joints]) @ inverse_bind
