"""Finding mesh files and opening them without leaving the user's folder."""

import json
import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import trimesh
from PIL import Image
from trimesh.resolvers import Resolver

SUFFIXES = (".glb", ".gltf", ".obj")
"""Kinds of files taken for meshes, in any case of letters."""

_KNOWN_GLTF_EXTENSIONS = {
    "EXT_texture_webp",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_unlit",
}

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".tga", ".bmp", ".tif", ".tiff", ".gif"}


class UnreadableMeshError(ValueError):
    """A mesh cannot be used. The message is the reason alone; whoever catches it knows the file."""


def find_meshes(source: Path) -> list[Path]:
    """All mesh files below a folder, sorted, without hidden ones (``._car.obj`` of a macOS archive)."""
    return sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def open_mesh(path: Path, root: Path) -> trimesh.Scene:
    """Open a mesh file with everything it refers to: buffers, material libraries, pictures.

    Args:
        path: a glb, gltf or obj file.
        root: no file outside this folder is read, whatever the mesh says.

    Raises:
        UnreadableMeshError: the file is broken, a file that it names is missing or lies outside ``root``, or
            it needs a glTF extension that is not understood.
    """
    resolver = _FolderResolver(path, root)
    try:
        _check_gltf_extensions(path)
        # process=False keeps vertices as they are; merging them would blur normals and texture seams.
        with path.open("rb") as file:
            scene = trimesh.load_scene(file, file_type=path.suffix.lower()[1:], resolver=resolver, process=False)
    except UnreadableMeshError:
        raise
    # A damaged file can make the parsers fail in any way, and must not stop the other meshes.
    except Exception as error:
        detail = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableMeshError(resolver.failure or f"cannot be parsed: {detail}") from error
    # trimesh goes on without a material library or a picture that it cannot get, in other colours than meant.
    if resolver.failure:
        raise UnreadableMeshError(resolver.failure)
    return scene


class _FolderResolver(Resolver):
    """Gives a mesh the files that it names, if they lie inside the user's folder.

    It remembers the first that it could not give, since trimesh swallows most such errors.
    """

    def __init__(self, mesh: Path, root: Path) -> None:
        self.folder = mesh.parent
        self.root = root.resolve()
        self.failure = ""

    def get(self, key: str) -> bytes:
        """The bytes of the file named in the mesh, relative to the mesh."""
        name = key.strip().replace("\\", "/")
        for candidate in (name, unquote(name)):
            path = (self.folder / candidate).resolve()
            if not path.is_relative_to(self.root):
                self._fail(f"names {key!r}, which lies outside the input folder; move it inside")
            if path.is_file():
                self._check_picture(path, key)
                return path.read_bytes()
        return self._fail(f"names {key!r}, which does not exist; add the file or remove its mention")

    def _check_picture(self, path: Path, key: str) -> None:
        if path.suffix.lower() in _PICTURES:
            try:
                Image.open(path).close()
            except OSError:
                self._fail(f"names {key!r}, which is not a picture that can be read")

    def _fail(self, reason: str) -> Any:
        self.failure = self.failure or reason
        raise FileNotFoundError(reason)

    def keys(self) -> list[str]:
        """Nothing: files are only given by name."""
        return []

    def namespaced(self, namespace: str) -> "_FolderResolver":
        """The same files, seen from a folder inside the mesh's folder."""
        return _FolderResolver(self.folder / namespace / "mesh", self.root)

    def write(self, name: str, data: Any) -> None:
        """Refused: this resolver only reads."""
        raise PermissionError(name)


def _check_gltf_extensions(path: Path) -> None:
    """Refuse a mesh that would silently come out wrong because a required extension is not understood."""
    suffix = path.suffix.lower()
    if suffix == ".gltf":
        header = json.loads(path.read_text(encoding="utf-8-sig"))
    elif suffix == ".glb":
        with path.open("rb") as file:
            magic, length = struct.unpack("<4s8xI4x", file.read(20))
            if magic != b"glTF":
                raise UnreadableMeshError("is not a glb file: it does not begin with 'glTF'")
            header = json.loads(file.read(length))
    else:
        return
    unknown = sorted(set(header.get("extensionsRequired", [])) - _KNOWN_GLTF_EXTENSIONS)
    if unknown:
        raise UnreadableMeshError(f"needs the glTF extension {unknown[0]}, which is not supported; export without it")
