"""Small glTF files for tests, put together piece by piece."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SQUARE = np.array([[-1, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]], np.float32)
"""A horizontal square of side 2 that faces upwards: seen from above, x runs to the right and -z upwards."""
FACES = np.array([0, 1, 2, 0, 2, 3], np.uint16)
WHOLE = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
"""Texture coordinates that lay a picture over the square, its upper edge at -z."""
_CODES = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class GltfFile:
    """A file under construction; every method gives the index of what it added."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {"asset": {"version": "2.0"}}
        self.binary = bytearray()

    def add(self, kind: str, entry: dict[str, Any]) -> int:
        self.header.setdefault(kind, []).append(entry)
        return len(self.header[kind]) - 1

    def view(self, data: bytes, **fields: Any) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        start = len(self.binary)
        self.binary += data
        return self.add("bufferViews", {"buffer": 0, "byteOffset": start, "byteLength": len(data)} | fields)

    def accessor(self, values: np.ndarray, **fields: Any) -> int:
        width = values.shape[1] if values.ndim > 1 else 1
        entry = {"bufferView": self.view(values.tobytes()), "componentType": _CODES[values.dtype.str[1:]]}
        return self.add("accessors", entry | {"count": len(values), "type": _TYPES[width]} | fields)

    def texture(self, picture: np.ndarray | Image.Image | bytes, format: str = "PNG", **sampler: Any) -> int:
        data = picture if isinstance(picture, bytes) else encoded(picture, format)
        image = self.add("images", {"bufferView": self.view(data), "mimeType": f"image/{format.lower()}"})
        entry = {"source": image} | ({"sampler": self.add("samplers", sampler)} if sampler else {})
        return self.add("textures", entry)

    def material(self, base: dict[str, Any] | None = None, **fields: Any) -> int:
        return self.add("materials", {"pbrMetallicRoughness": base or {}} | fields)

    def primitive(self, vertices: np.ndarray = SQUARE, faces: np.ndarray | None = FACES, **fields: Any) -> dict:
        """A primitive; arrays among the fields are attributes."""
        arrays = {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}
        attributes = {name: self.accessor(values) for name, values in ({"POSITION": vertices} | arrays).items()}
        indices = {} if faces is None else {"indices": self.accessor(faces)}
        return {"attributes": attributes} | indices | {name: fields[name] for name in fields if name not in arrays}

    def place(self, *primitives: dict, mesh: dict | None = None, **node: Any) -> int:
        """A node that shows a mesh."""
        index = self.add("meshes", {"primitives": list(primitives)} | (mesh or {}))
        return self.add("nodes", {"mesh": index} | node)

    def use(self, *extensions: str, required: bool = False) -> "GltfFile":
        self.header["extensionsUsed"] = list(extensions)
        if required:
            self.header["extensionsRequired"] = list(extensions)
        return self

    def save(self, path: Path) -> Path:
        """Write a glb; the default scene is all nodes that no other names."""
        nodes = self.header.get("nodes", [])
        children = {child for node in nodes for child in node.get("children", [])}
        roots = [index for index in range(len(nodes)) if index not in children]
        self.header.setdefault("scenes", [{"nodes": roots}])
        if self.binary:
            self.header.setdefault("buffers", [{"byteLength": len(self.binary)}])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(glb(self.header, bytes(self.binary)))
        return path


def glb(header: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(header).encode()
    chunks = [(b"JSON", text + b" " * (-len(text) % 4)), (b"BIN\0", binary + b"\0" * (-len(binary) % 4))]
    body = b"".join(struct.pack("<I4s", len(data), kind) + data for kind, data in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def encoded(picture: np.ndarray | Image.Image, format: str = "PNG") -> bytes:
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, format=format, **({"lossless": True} if format == "WEBP" else {}))
    return file.getvalue()


def plain(color: tuple[int, ...], size: int = 4) -> np.ndarray:
    """A picture of one color."""
    return np.full((size, size, len(color)), color, np.uint8)


def box(sides: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces (counter-clockwise seen from outside) of a box around the origin."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.array(sides) / 2
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    faces = [quad[i] for quad in quads for i in (0, 1, 2, 0, 2, 3)]
    return corners.astype(np.float32), np.array(faces, np.uint16)
