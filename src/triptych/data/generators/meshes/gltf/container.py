"""A glb or gltf file taken apart: the header, and the bytes of its buffers and pictures."""

import base64
import binascii
import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from triptych.data.generators.meshes.folder import LARGEST_FILE, MeshFolder
from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.problems import UnreadableMeshError

_JSON, _BINARY = b"JSON", b"BIN\0"


class Container:
    """An opened file.

    Args:
        path: a glb or gltf file, whatever its extension.
        folder: where its buffers and pictures are looked for.

    Raises:
        UnreadableMeshError: it is no glTF 2.0 file.
    """

    def __init__(self, path: Path, folder: MeshFolder) -> None:
        self.path = path
        self.folder = folder
        data = folder.read(path)
        text, self._embedded = _chunks(data) if path.suffix.lower() == ".glb" or data[:4] == b"glTF" else (data, None)
        self.header = Record(_parsed(text), "")
        version = self.header.record("asset").text("version", "2.0")
        if not version.startswith("2."):
            raise UnreadableMeshError(f"is glTF of version {version[:8]!r}; only 2.0 is read")
        self._buffers: dict[int, bytes] = {}

    def buffer(self, index: int) -> bytes:
        """The bytes of one of the header's buffers.

        Raises:
            UnreadableMeshError: there is none, its file cannot be read, or it is shorter than it says.
        """
        if index not in self._buffers:
            record = self.header.item("buffers", index)
            data = self.bytes_at(record.text("uri")) if "uri" in record else self._embedded_buffer(index)
            if len(data) < record.integer("byteLength"):
                raise UnreadableMeshError(f"is cut off: its {record.place} is shorter than it says")
            self._buffers[index] = data
        return self._buffers[index]

    def bytes_at(self, uri: str) -> bytes:
        """What a URI stands for: the data in it, or a file that it names.

        Raises:
            UnreadableMeshError: the data are damaged, or the file cannot be read.
        """
        if not uri.startswith("data:"):
            return self.folder.read_named(self.path, uri)
        kind, comma, content = uri.partition(",")
        if not comma:
            raise UnreadableMeshError("has a data URI without data")
        try:
            return base64.b64decode(content) if kind.endswith(";base64") else unquote_to_bytes(content)
        except (binascii.Error, ValueError) as error:
            raise UnreadableMeshError("has a data URI that is not base64") from error

    def _embedded_buffer(self, index: int) -> bytes:
        if self._embedded is None or index != 0:
            raise UnreadableMeshError(f"its buffers[{index}] has no data")
        return self._embedded


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    if data[:4] != b"glTF":
        raise UnreadableMeshError("is not a glb file: it does not begin with 'glTF'")
    if len(data) < 20:
        raise UnreadableMeshError("is cut off")
    version, total = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise UnreadableMeshError(f"is glb of version {version}; only 2 is read")
    if total > len(data):
        raise UnreadableMeshError(f"is cut off: {len(data)} of {total} bytes are there")
    chunks: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        length, kind = struct.unpack_from("<I4s", data, place)
        chunks.setdefault(kind, data[place + 8 : place + 8 + length])
        place += 8 + length + -length % 4
    if _JSON not in chunks:
        raise UnreadableMeshError("is a glb file without a header")
    return chunks[_JSON], chunks.get(_BINARY)


def _parsed(text: bytes) -> Any:
    if len(text) > LARGEST_FILE // 4:
        raise UnreadableMeshError("has a header that is too large")
    try:
        return json.loads(text.decode("utf-8-sig").rstrip("\0"))
    except UnicodeDecodeError as error:
        raise UnreadableMeshError("cannot be parsed: its header is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        detail = " ".join(str(error).split())
        raise UnreadableMeshError(f"cannot be parsed: its header is not JSON: {detail[:200]}") from error
