"""Geometry of Wavefront files (obj)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.mesh import MOST_FACES, Part
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError, quoted
from triptych.data.generators.meshes.wavefront.mtl import (
    PLAIN_PAINT,
    Map,
    Material,
    Paint,
    Pictures,
    mix,
    parse_library,
)
from triptych.data.generators.meshes.wavefront.polygons import triangulate

_NOT_DRAWN = {"l": "its lines", "p": "its points"} | dict.fromkeys(
    ["curv", "curv2", "surf", "cstype"], "its free-form curves and surfaces"
)

_LARGEST_INDEX = 2**40


@dataclass
class _Statements:
    """What an obj file says, as it stands there; indices count from 0."""

    positions: list[list[float]] = field(default_factory=list)
    colors: dict[int, list[float]] = field(default_factory=dict)
    uv: list[list[float]] = field(default_factory=list)
    normals: list[list[float]] = field(default_factory=list)
    corners: list[tuple[int, int, int]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    material_of_face: list[int] = field(default_factory=list)
    materials: dict[str, int] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)
    known: dict[str, tuple[int, int, int]] = field(default_factory=dict)


@np.errstate(all="ignore")  # numbers that are none are told by their results
def read_obj(path: Path, folder: MeshFolder, losses: Losses) -> list[Part]:
    """Read the faces of an obj file, with the materials of its libraries.

    Surfaces are seen from both sides: the format says nothing about the back.

    Args:
        path: the file.
        folder: no file outside it is read, whatever the mesh says.
        losses: where to note what it is drawn without.

    Raises:
        UnreadableMeshError: it is damaged, or a library that its faces need cannot be read.
    """
    statements = _parse(_text(folder.read(path)), losses)
    if not statements.sizes:
        return []
    paints = _paints(statements, path, folder, losses)
    vertices, corners = _arrays(statements)
    triangles, owners = triangulate(vertices[0], corners[:, 0], np.array(statements.sizes), losses)
    if len(triangles) > MOST_FACES:
        raise UnreadableMeshError(f"has more than {MOST_FACES} triangles")
    material = np.array(statements.material_of_face)[owners]
    return [
        _part(vertices, corners[triangles[material == index].reshape(-1)], paints[int(index)])
        for index in np.unique(material)
    ]


def _part(arrays: tuple[np.ndarray, ...], corners: np.ndarray, paint: Paint) -> Part:
    """Triangles of one material; corners that agree in position, coordinates and normal share a vertex."""
    positions, uv, normals, colors = arrays
    limits = corners.max(axis=0) + 2
    if np.prod(limits, dtype=np.float64) >= 2**62:
        raise UnreadableMeshError("has too many vertices, texture coordinates and normals")
    # One number a corner is sorted much faster than three; -1 stands for what a corner lacks.
    vertex, coordinates, normal = corners.T + 1
    distinct, faces = np.unique((vertex * limits[1] + coordinates) * limits[2] + normal, return_inverse=True)
    vertex, coordinates, normal = (
        distinct // limits[2] // limits[1] - 1,
        distinct // limits[2] % limits[1] - 1,
        distinct % limits[2] - 1,
    )
    found_uv = np.where(coordinates[:, None] >= 0, uv[coordinates], 0.0)
    texture_map, glow_map = paint.maps
    return Part(
        positions[vertex],
        faces.reshape(-1, 3),
        np.where(normal[:, None] >= 0, normals[normal], 0.0),
        _painted(paint, colors[vertex]),
        _placed(found_uv, texture_map),
        _placed(found_uv, glow_map),
        paint.surface,
    )


def _painted(paint: Paint, colors: np.ndarray) -> np.ndarray:
    """Vertex colors multiply a material, and replace the gray of having none."""
    if paint is PLAIN_PAINT:
        return np.where(np.isnan(colors), paint.color, colors)
    return np.where(np.isnan(colors), 1.0, colors) * paint.color


def _placed(uv: np.ndarray, statement: Map | None) -> np.ndarray:
    return uv if statement is None else uv * statement.scale + statement.offset


def _arrays(statements: _Statements) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Positions, coordinates, normals and colors of vertices (NaN for none), and the corners of faces."""
    positions = np.array(statements.positions).reshape(-1, 3)
    colors = np.full((len(positions), 4), np.nan)
    if statements.colors:
        values = np.array(list(statements.colors.values()))
        # Some writers count to 255.
        values = values / 255 if values.max() > 1 else values
        colors[list(statements.colors)] = np.column_stack([values, np.ones(len(values))])
    # One more row each, so that a corner without the attribute can name the last.
    uv = np.array([*statements.uv, [0.0, 0.0]])
    normals = np.array([*statements.normals, [0.0, 0.0, 0.0]])
    corners = np.array(statements.corners, np.int64).reshape(-1, 3)
    for column, (count, what) in enumerate(
        ((len(positions), "vertex"), (len(statements.uv), "texture coordinate"), (len(statements.normals), "normal"))
    ):
        wrong = (corners[:, column] >= count) | (corners[:, column] < (0 if column == 0 else -1))
        if wrong.any():
            raise UnreadableMeshError(f"a face names {what} {corners[wrong][0, column] + 1} of {count}")
    return (positions, uv, normals, colors), corners


def _parse(text: str, losses: Losses) -> _Statements:
    statements = _Statements()
    material = -1
    for number, line in enumerate(_lines(text), start=1):
        words = line.split()
        key = words[0].lower() if words else ""
        try:
            if key == "v":
                _add_vertex(statements, words)
            elif key == "f":
                _add_face(statements, words[1:], material)
            elif key == "vt":
                statements.uv.append([float(words[1]), float(words[2]) if len(words) > 2 else 0.0])
            elif key == "vn":
                statements.normals.append([float(word) for word in words[1:4]])
                if len(words) < 4:
                    raise ValueError
            elif key == "usemtl":
                material = statements.materials.setdefault(line.split(None, 1)[1].strip(), len(statements.materials))
            elif key == "mtllib":
                statements.libraries.append(line.split(None, 1)[1].strip())
            elif key in _NOT_DRAWN:
                losses.add(_NOT_DRAWN[key])
        except (IndexError, ValueError, OverflowError) as error:
            raise UnreadableMeshError(f"cannot be parsed: line {number} is {quoted(line.strip())}") from error
    return statements


def _lines(text: str) -> Iterator[str]:
    """Lines without comments, those that a backslash continues joined."""
    if "\\\n" in text or "\\\r" in text:
        text = re.sub(r"\\[ \t]*\r?\n", " ", text)
    for line in re.split(r"\r\n|\n|\r", text):
        yield (
            line.split("#", 1)[0]
            if "#" in line and not line.lstrip().lower().startswith(("usemtl", "mtllib"))
            else line
        )


def _add_vertex(statements: _Statements, words: list[str]) -> None:
    x, y, z, *rest = (float(word) for word in words[1:])
    if len(rest) in (3, 4):
        statements.colors[len(statements.positions)] = rest[:3]
    statements.positions.append([x, y, z])


def _add_face(statements: _Statements, words: list[str], material: int) -> None:
    for word in words:
        corner = statements.known.get(word)
        if corner is None:
            corner = _corner(word, (len(statements.positions), len(statements.uv), len(statements.normals)))
            if "-" not in word:
                statements.known[word] = corner
        statements.corners.append(corner)
    statements.sizes.append(len(words))
    statements.material_of_face.append(material)


def _corner(word: str, counts: tuple[int, int, int]) -> tuple[int, int, int]:
    """Vertex, texture coordinate and normal of a corner such as ``3/1/2``; -1 for what it lacks, -2 for zero."""
    corner = [-1, -1, -1]
    for column, index in enumerate(word.split("/")[:3]):
        if index:
            value = int(index)
            # Negative ones count back from what stands above the face.
            corner[column] = value - 1 if value > 0 else counts[column] + value if value < 0 else -2
            if abs(value) > _LARGEST_INDEX or (value < 0 and corner[column] < 0):
                raise ValueError
    return corner[0], corner[1], corner[2]


def _paints(statements: _Statements, path: Path, folder: MeshFolder, losses: Losses) -> dict[int, Paint]:
    """The paint of every material by its number, -1 being faces without one."""
    materials, missing = _library(statements, path, folder)
    pictures = Pictures(path, folder)
    paints = {-1: PLAIN_PAINT}
    # Data sets exist whose libraries hold one material that no face asks for by name.
    if not statements.materials and len(materials) == 1:
        paints[-1] = mix(next(iter(materials.values())), pictures, losses)
    elif not statements.materials and materials:
        losses.add("its materials: no face says which it uses")
    for name, number in statements.materials.items():
        material = materials.get(name) or _regardless_of_case(materials, name)
        if material is None and missing:
            raise UnreadableMeshError(missing)
        if material is None:
            losses.add(f"the material {quoted(name)}, which no library defines")
        paints[number] = PLAIN_PAINT if material is None else mix(material, pictures, losses)
    return paints


def _library(statements: _Statements, path: Path, folder: MeshFolder) -> tuple[dict[str, Material], str]:
    """All materials of the libraries, and why one of these could not be read."""
    materials: dict[str, Material] = {}
    missing = ""
    for statement in dict.fromkeys(statements.libraries):
        # One name with spaces, or several names.
        for names in ([statement], statement.split()):
            try:
                for name in names:
                    materials |= parse_library(_text(folder.read_named(path, name)))
                break
            except UnreadableMeshError as error:
                reason = f"{error}; add the file or remove its mention"
        else:
            missing = missing or reason
    return materials, missing


def _regardless_of_case(materials: dict[str, Material], name: str) -> Material | None:
    return next((material for key, material in materials.items() if key.casefold() == name.casefold()), None)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
