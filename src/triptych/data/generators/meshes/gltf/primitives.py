"""Primitives of a glTF file as parts: triangles of every mode, posed and colored."""

import numpy as np

from triptych.data.generators.meshes.gltf.accessors import Accessors, as_numbers
from triptych.data.generators.meshes.gltf.compression import can_read_draco, unpack_draco
from triptych.data.generators.meshes.gltf.deformation import morph
from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError

_LINES_AND_POINTS = {0: "points", 1: "lines", 2: "lines", 3: "lines"}
_DRACO = "KHR_draco_mesh_compression"


class Primitive:
    """One primitive of the header, with its arrays.

    Args:
        record: its entry.
        accessors: of the file.
        weights: of its morph targets.

    Raises:
        UnreadableMeshError: its entry makes no sense, or its data cannot be read.
    """

    def __init__(self, record: Record, accessors: Accessors, weights: list[float]) -> None:
        self._attributes = record.record("attributes")
        self._accessors = accessors
        self._targets = record.records("targets")
        self._weights = weights
        self._faces, self._unpacked = _unpack(record, accessors)
        self._record = record
        self.vertices = self.attribute("POSITION", (3,))

    def has(self, name: str) -> bool:
        """Whether it has an attribute."""
        return name in self._attributes

    def attribute(self, name: str, components: tuple[int, ...], *, normalize: bool = False) -> np.ndarray:
        """An attribute with its morph targets applied, [vertex, components].

        Args:
            name: such as ``POSITION``.
            components: how many it may have.
            normalize: take integers for fractions even if the file does not say so.
        """
        index = self._attributes.integer(name)
        if name in self._unpacked:
            marked = self._accessors.record(index).flag("normalized", False)
            values = as_numbers(self._unpacked[name], normalized=normalize or marked)
        else:
            values = self._accessors.read(index, components, normalize=normalize)
        if values.shape[1] not in components:
            raise UnreadableMeshError(f"its {self._attributes.place}.{name} has {values.shape[1]} components")
        if name != "POSITION" and len(values) != len(self.vertices):
            raise UnreadableMeshError(
                f"its {self._attributes.place}.{name} has {len(values)} elements for {len(self.vertices)} vertices"
            )
        return morph(values, name, self._targets, self._weights, self._accessors)

    def sets(self, name: str) -> list[str]:
        """The numbered attributes of one kind: ``WEIGHTS_0``, ``WEIGHTS_1`` and so on."""
        names = [f"{name}_{number}" for number in range(8)]
        return [name for name in names if name in self._attributes]

    def faces(self) -> np.ndarray:
        """Triangles, [face, 3], whatever the mode; none for points and lines."""
        if self._faces is not None:
            corners, mode = self._faces.reshape(-1), 4
        else:
            mode = self._record.integer("mode", 4)
            corners = np.arange(len(self.vertices))
            if "indices" in self._record:
                indices = self._accessors.read(self._record.integer("indices"), (1,))[:, 0]
                if indices.dtype.kind != "u":
                    raise UnreadableMeshError(f"its {self._record.place}.indices are no whole numbers from 0 on")
                corners = indices.astype(np.int64)
        if len(corners) and corners.max() >= len(self.vertices):
            raise UnreadableMeshError(f"a face names vertex {corners.max() + 1} of {len(self.vertices)}")
        return _triangles(corners, mode)


def has_triangles(record: Record, losses: Losses) -> bool:
    """Whether a primitive has any; those that have none are noted.

    Raises:
        UnreadableMeshError: its mode is unknown.
    """
    mode = record.integer("mode", 4)
    if mode > 6:
        raise UnreadableMeshError(f"its {record.place}.mode is {mode}, which glTF does not know")
    if mode in _LINES_AND_POINTS:
        losses.add(f"its {_LINES_AND_POINTS[mode]}")
    return mode not in _LINES_AND_POINTS


def _triangles(corners: np.ndarray, mode: int) -> np.ndarray:
    if mode == 4:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    count = max(0, len(corners) - 2)
    first = np.arange(count)
    if mode == 6:
        return np.stack([corners[first + 1], corners[first + 2], np.broadcast_to(corners[:1], count)], axis=-1)
    # Every other triangle of a strip runs the other way.
    odd = first % 2
    return np.stack([corners[first], corners[first + 1 + odd], corners[first + 2 - odd]], axis=-1)


def _unpack(record: Record, accessors: Accessors) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
    """Faces and attributes that Draco has packed; nothing where it has not, or where plain ones stand beside."""
    packed = record.extension(_DRACO)
    if packed is None:
        return None, {}
    plain = "bufferView" in accessors.record(record.record("attributes").integer("POSITION"))
    if plain and not can_read_draco():
        return None, {}
    faces, by_id = unpack_draco(accessors.view(packed.integer("bufferView")))
    ids = packed.record("attributes")
    named = {name: ids.integer(name) for name in ids}
    missing = [name for name, key in named.items() if key not in by_id]
    if missing:
        raise UnreadableMeshError(f"its {ids.place} name attributes that the Draco data lack")
    return faces, {name: by_id[key] for name, key in named.items()}
