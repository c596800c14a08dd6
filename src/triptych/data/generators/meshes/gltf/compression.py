"""Packed geometry: Draco and meshopt, read by their own libraries where these are installed."""

from typing import Any

import numpy as np

from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.problems import UnreadableMeshError

HINT = 'pip install "triptych[compression]" reads it'
_LARGEST = 2**29
"""Bytes of one unpacked buffer view at most."""
_MODES = {"ATTRIBUTES": range(4, 257, 4), "TRIANGLES": (2, 4), "INDICES": (2, 4)}
"""Sizes that an element may have."""
_FILTERS = {
    "OCTAHEDRAL": ("decode_filter_oct", (4, 8)),
    "QUATERNION": ("decode_filter_quat", (8,)),
    "EXPONENTIAL": ("decode_filter_exp", range(4, 257, 4)),
}


def can_read_draco() -> bool:
    """Whether the library is installed."""
    try:
        import DracoPy  # noqa: F401
    except ImportError:
        return False
    return True


def unpack_view(data: bytes, packed: Record) -> bytes:
    """The bytes of a buffer view that EXT_meshopt_compression has packed.

    Raises:
        UnreadableMeshError: the library is missing, or the data are damaged.
    """
    library = _meshopt()
    count, size = packed.integer("count"), packed.integer("byteStride")
    mode, filtered = packed.text("mode"), packed.text("filter", "NONE")
    unfilter, filter_sizes = _FILTERS.get(filtered, ("", _MODES["ATTRIBUTES"] if filtered == "NONE" else ()))
    known = size in _MODES.get(mode, ()) and (mode != "ATTRIBUTES" or size in filter_sizes)
    if not known or count * size > _LARGEST or (mode == "TRIANGLES" and count % 3):
        raise UnreadableMeshError(f"its {packed.place} is packed in a way that is not known")
    try:
        if mode != "ATTRIBUTES":
            unpack = library.decode_index_buffer if mode == "TRIANGLES" else library.decode_index_sequence
            return unpack(count, 4, data).astype(f"<u{size}").tobytes()
        values = library.decode_vertex_buffer(count, size, data, np.dtype((np.void, size)))
        return (getattr(library, unfilter)(values, count, size) if unfilter else values).tobytes()
    # The library fails in ways of its own.
    except Exception as error:
        raise UnreadableMeshError(f"its {packed.place} cannot be unpacked: {error}") from error


def unpack_draco(data: bytes) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Faces [face, 3] and vertex attributes by their id, [vertex, components], of a Draco mesh.

    Raises:
        UnreadableMeshError: the library is missing, or the data are damaged.
    """
    if not can_read_draco():
        raise UnreadableMeshError(f"is compressed with Draco; {HINT}")
    import DracoPy

    try:
        mesh: Any = DracoPy.decode(data)
        faces = np.asarray(mesh.faces).reshape(-1, 3).astype(np.int64)
        return faces, {
            attribute["unique_id"]: np.asarray(attribute["data"]).reshape(len(attribute["data"]), -1)
            for attribute in mesh.attributes
        }
    # The library fails in ways of its own.
    except Exception as error:
        raise UnreadableMeshError(f"its Draco data cannot be unpacked: {type(error).__name__}") from error


def _meshopt() -> Any:
    try:
        import meshoptimizer
    except ImportError as error:
        raise UnreadableMeshError(f"is compressed with meshopt; {HINT}") from error
    return meshoptimizer
