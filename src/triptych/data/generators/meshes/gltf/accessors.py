"""Arrays out of a glTF file's buffers: strided, sparse, normalized, compressed."""

import numpy as np

from triptych.data.generators.meshes.gltf.compression import unpack_view
from triptych.data.generators.meshes.gltf.container import Container
from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.problems import UnreadableMeshError

_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_MOST_NUMBERS = 2**26
"""Of one accessor: without data it is all zeros, and its count costs the file nothing."""


class Accessors:
    """Gives arrays by the index of their accessor.

    Args:
        container: the opened file.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self._header = container.header
        self._unpacked: dict[int, bytes] = {}

    def record(self, index: int) -> Record:
        """The accessor's entry in the header."""
        return self._header.item("accessors", index)

    def read(self, index: int, components: tuple[int, ...], *, normalize: bool = False) -> np.ndarray:
        """The array of an accessor, [count, components]: its own integers, or double precision.

        Args:
            index: of the accessor.
            components: how many an element may have.
            normalize: take integers for fractions even if the accessor does not say so.

        Raises:
            UnreadableMeshError: it is not of that kind, or reaches beyond its data.
        """
        record = self.record(index)
        width = _COMPONENTS.get(record.text("type"), 0)
        if width not in components:
            raise UnreadableMeshError(f"its {record.place} is of type {record.text('type')[:8]!r}, which does not fit")
        kind = _kind(record)
        count = record.integer("count")
        if count * width > _MOST_NUMBERS:
            raise UnreadableMeshError(f"its {record.place} has {count} elements, too many")
        values = np.zeros((count, width), kind)
        if "bufferView" in record:
            values = self._strided(record, record.integer("byteOffset", 0), count, width, kind)
        if "sparse" in record:
            values = self._with_sparse(values, record.record("sparse"))
        return as_numbers(values, normalized=normalize or record.flag("normalized", False))

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view, unpacked.

        Raises:
            UnreadableMeshError: it reaches beyond its buffer, or cannot be unpacked.
        """
        if index not in self._unpacked:
            record = self._header.item("bufferViews", index)
            packed = record.extension("EXT_meshopt_compression") or record.extension("KHR_meshopt_compression")
            source = packed or record
            data = self._container.buffer(source.integer("buffer"))
            start, length = source.integer("byteOffset", 0), source.integer("byteLength")
            if start + length > len(data):
                raise UnreadableMeshError(f"its {record.place} reaches beyond its buffer")
            data = data[start : start + length]
            self._unpacked[index] = unpack_view(data, packed) if packed is not None else data
        return self._unpacked[index]

    def _strided(self, record: Record, offset: int, count: int, width: int, kind: np.dtype) -> np.ndarray:
        index = record.integer("bufferView")
        data = self.view(index)
        size = width * kind.itemsize
        stride = self._header.item("bufferViews", index).integer("byteStride", size) or size
        if count and offset + stride * (count - 1) + size > len(data):
            raise UnreadableMeshError(f"its {record.place} reaches beyond its data")
        return np.ndarray((count, width), kind, data, offset if count else 0, (stride, kind.itemsize)).copy()

    def _with_sparse(self, values: np.ndarray, sparse: Record) -> np.ndarray:
        count = sparse.integer("count")
        where, what = sparse.record("indices"), sparse.record("values")
        indices = self._strided(where, where.integer("byteOffset", 0), count, 1, _kind(where))[:, 0]
        replaced = self._strided(what, what.integer("byteOffset", 0), count, values.shape[1], values.dtype)
        if indices.dtype.kind == "f" or (count and not 0 <= int(indices.min()) <= int(indices.max()) < len(values)):
            raise UnreadableMeshError(f"its {sparse.place} names elements that do not exist")
        values[indices] = replaced
        return values


def as_numbers(values: np.ndarray, *, normalized: bool) -> np.ndarray:
    """Floats as double precision; integers as they are or, normalized, as fractions in [-1, 1]."""
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    if not normalized:
        return values
    return np.maximum(values / np.iinfo(values.dtype).max, -1.0)


def _kind(record: Record) -> np.dtype:
    code = record.integer("componentType")
    if code not in _TYPES:
        raise UnreadableMeshError(f"its {record.place}.componentType is {code}, which glTF does not know")
    return np.dtype(_TYPES[code])
