"""What is read of mesh files, feature by feature: each case writes a small file and says what is right.

The tests draw every case, and the table in docs/meshes.md has to say the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gltf_files import FACES, SQUARE, WHOLE, GltfFile, box, encoded, plain

RED, GREEN, BLUE, YELLOW = (1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0), (1.0, 1.0, 0)
CORNERS = (255 * np.array([[RED, GREEN], [BLUE, YELLOW]])).astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
"""A picture of four colors."""
HALF_LIGHT = 0.7354
"""Display value of half the light."""


@dataclass(frozen=True)
class Case:
    """A small file with one feature.

    Attributes:
        group: the table it belongs to.
        feature: its line there.
        build: writes the file into a folder and gives its path.
        colors: seen from above before lighting: of the four quarters, or one for all; RGB, or RGBA.
        faces: number of triangles.
        bounds: lower and upper corner as stored, y up.
        without: pattern of what it is drawn without; empty if it is drawn whole.
        skipped: pattern of the reason why it is not drawn.
        lit: whether light falls on it.
    """

    group: str
    feature: str
    build: Callable[[Path], Path]
    colors: Sequence | None = None
    faces: int | None = None
    bounds: Sequence | None = None
    without: str = ""
    skipped: str = ""
    lit: bool = True

    @property
    def outcome(self) -> str:
        """As the table says it."""
        if self.skipped:
            return "skipped, with the reason"
        return "drawn without it, and named" if self.without else "drawn"


CASES: list[Case] = []


def case(group: str, feature: str, **right):
    def add(build: Callable[[Path], Path]) -> Callable[[Path], Path]:
        CASES.append(Case(group, feature, build, **right))
        return build

    return add


def square(folder: Path, base: dict | None = None, *, file: GltfFile | None = None, **fields) -> Path:
    """A square of one material; arrays among the fields are attributes, the rest belongs to the material."""
    file = file or GltfFile()
    arrays = {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in fields.items() if name not in arrays}
    arrays.setdefault("TEXCOORD_0", WHOLE)
    file.place(file.primitive(material=file.material(base, **rest), **arrays))
    return file.save(folder / "square.glb")


def textured(
    folder: Path,
    picture=CORNERS,
    format: str = "PNG",
    *,
    info: dict | None = None,
    sampler: dict | None = None,
    **fields,
) -> Path:
    file = GltfFile()
    texture = file.texture(picture, format, **(sampler or {}))
    if info and "extensions" in info:
        file.use(*info["extensions"])
    return square(folder, {"baseColorTexture": {"index": texture} | (info or {})}, file=file, **fields)


# --- glTF: shape

SHAPE = "glTF: shape"


def red(file: GltfFile, **fields) -> int:
    return file.material({"baseColorFactor": [1, 0, 0, 1]}, **fields)


def blue(file: GltfFile, **fields) -> int:
    return file.material({"baseColorFactor": [0, 0, 1, 1]}, **fields)


@case(SHAPE, "sparse accessors", colors=RED, bounds=[[-1, 0, -1], [1, 0, 1]])
def sparse(folder: Path) -> Path:
    file = GltfFile()
    primitive = file.primitive(SQUARE * np.float32([1, 1, 0.1]), material=red(file))
    file.header["accessors"][0]["sparse"] = {
        "count": 4,
        "indices": {"bufferView": file.view(np.arange(4, dtype=np.uint16).tobytes()), "componentType": 5123},
        "values": {"bufferView": file.view(SQUARE.tobytes())},
    }
    file.place(primitive)
    return file.save(folder / "m.glb")


@case(SHAPE, "sparse accessors", colors=RED, bounds=[[-1, 0, -1], [1, 0, 1]])
def sparse_alone(folder: Path) -> Path:
    file = GltfFile()
    primitive = file.primitive(material=red(file))
    accessor = file.header["accessors"][0]
    accessor["sparse"] = {
        "count": 4,
        "indices": {"bufferView": file.view(bytes(range(4))), "componentType": 5121},
        "values": {"bufferView": accessor.pop("bufferView")},
    }
    file.place(primitive)
    return file.save(folder / "m.glb")


@case(SHAPE, "interleaved attributes (`byteStride`)", colors=RED, bounds=[[-1, 0, -1], [1, 0, 1]])
def interleaved(folder: Path) -> Path:
    file = GltfFile()
    rows = np.hstack([SQUARE, np.full((4, 3), 7, np.float32)])
    view = file.view(rows.tobytes(), byteStride=24)
    position = file.add("accessors", {"bufferView": view, "componentType": 5126, "count": 4, "type": "VEC3"})
    file.place({"attributes": {"POSITION": position}, "indices": file.accessor(FACES), "material": red(file)})
    return file.save(folder / "m.glb")


@case(SHAPE, "quantized attributes (`KHR_mesh_quantization`)", colors=RED, bounds=[[-1, 0, -1], [1, 0, 1]])
def quantized(folder: Path) -> Path:
    file = GltfFile().use("KHR_mesh_quantization", required=True)
    normals = np.tile(np.array([[0, 127, 0]], np.int8), (4, 1))
    primitive = file.primitive((SQUARE * 32767).astype(np.int16), material=red(file), NORMAL=normals)
    for accessor in file.header["accessors"][:2]:
        accessor["normalized"] = True
    file.place(primitive)
    return file.save(folder / "m.glb")


@case(SHAPE, "quantized attributes (`KHR_mesh_quantization`)", colors=RED, bounds=[[-200, 0, -200], [200, 0, 200]])
def whole_numbers(folder: Path) -> Path:
    file = GltfFile().use("KHR_mesh_quantization", required=True)
    file.place(file.primitive((SQUARE * 100).astype(np.int8), material=red(file)), scale=[2, 2, 2])
    return file.save(folder / "m.glb")


@case(SHAPE, "Draco compression (`KHR_draco_mesh_compression`, extra `compression`)", colors=RED, faces=2)
def draco(folder: Path) -> Path:
    import DracoPy

    file = GltfFile().use("KHR_draco_mesh_compression", required=True)
    packed = DracoPy.encode(SQUARE, FACES.reshape(-1, 3).astype(np.uint32), preserve_order=True)
    position = file.add("accessors", {"componentType": 5126, "count": 4, "type": "VEC3"})
    draco = {"bufferView": file.view(packed), "attributes": {"POSITION": 0}}
    extensions = {"KHR_draco_mesh_compression": draco}
    file.place({"attributes": {"POSITION": position}, "material": red(file), "extensions": extensions})
    return file.save(folder / "m.glb")


@case(SHAPE, "meshopt compression (`EXT_meshopt_compression`, extra `compression`)", colors=RED, faces=2)
def meshopt(folder: Path) -> Path:
    import meshoptimizer

    file = GltfFile().use("EXT_meshopt_compression", required=True)

    def packed(data: bytes, count: int, size: int, mode: str) -> int:
        index = file.view(data)
        inner = file.header["bufferViews"][index] | {"byteStride": size, "count": count, "mode": mode}
        extensions = {"EXT_meshopt_compression": inner}
        return file.add("bufferViews", {"buffer": 1, "byteLength": count * size, "extensions": extensions})

    vertices = packed(meshoptimizer.encode_vertex_buffer(SQUARE), 4, 12, "ATTRIBUTES")
    faces = packed(meshoptimizer.encode_index_buffer(FACES.astype(np.uint32)), 6, 2, "TRIANGLES")
    position = file.add("accessors", {"bufferView": vertices, "componentType": 5126, "count": 4, "type": "VEC3"})
    indices = file.add("accessors", {"bufferView": faces, "componentType": 5123, "count": 6, "type": "SCALAR"})
    file.place({"attributes": {"POSITION": position}, "indices": indices, "material": red(file)})
    return file.save(folder / "m.glb")


@case(SHAPE, "triangle strips and fans, primitives without indices", colors=RED, faces=2)
def strip(folder: Path) -> Path:
    file = GltfFile()
    file.place(file.primitive(SQUARE[[0, 1, 3, 2]], None, mode=5, material=red(file)))
    return file.save(folder / "m.glb")


@case(SHAPE, "triangle strips and fans, primitives without indices", colors=RED, faces=2)
def fan(folder: Path) -> Path:
    file = GltfFile()
    file.place(file.primitive(SQUARE, None, mode=6, material=red(file)))
    return file.save(folder / "m.glb")


@case(SHAPE, "points and lines", colors=RED, without="its lines")
def lines(folder: Path) -> Path:
    file = GltfFile()
    file.place(file.primitive(material=red(file)), file.primitive(SQUARE * 2, None, mode=1))
    return file.save(folder / "m.glb")


@case(SHAPE, "node transforms of any depth", colors=RED, bounds=[[8, 0, -1], [12, 0, 3]])
def nested(folder: Path) -> Path:
    file = GltfFile()
    inner = file.place(file.primitive(material=red(file)), scale=[2, 2, 2])
    turned = file.add("nodes", {"rotation": [0, np.sqrt(0.5), 0, np.sqrt(0.5)], "children": [inner]})
    matrix = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 10, 0, 1, 1]
    file.add("nodes", {"matrix": matrix, "children": [turned]})
    return file.save(folder / "m.glb")


@case(
    SHAPE,
    "skins: joints and inverse bind matrices, as the file poses them",
    colors=RED,
    bounds=[[-1, 5, -1], [1, 5, 1]],
)
def skin(folder: Path) -> Path:
    file = GltfFile()
    joints, weights = np.zeros((4, 4), np.uint8), np.tile(np.array([[255, 0, 0, 0]], np.uint8), (4, 1))
    primitive = file.primitive(material=red(file), JOINTS_0=joints, WEIGHTS_0=weights)
    # The joint stands at 7, and stood at 2 when the skin was bound; the node itself does not matter.
    bound = np.eye(4, dtype=np.float32)
    bound[3, 1] = -2
    file.place(primitive, skin=0, translation=[50, 50, 50])
    file.add("nodes", {"translation": [0, 7, 0]})
    inverse = file.accessor(bound.reshape(1, 16))
    file.header["skins"] = [{"joints": [1], "inverseBindMatrices": inverse}]
    return file.save(folder / "m.glb")


@case(SHAPE, "morph targets by the weights of node or mesh", colors=RED, bounds=[[-1, 1, -1], [1, 1, 1]])
def morph(folder: Path) -> Path:
    file = GltfFile()
    up = np.tile(np.array([[0, 4, 0]], np.float32), (4, 1))
    primitive = file.primitive(material=red(file), targets=[{"POSITION": file.accessor(up)}])
    file.place(primitive, mesh={"weights": [9.0]}, weights=[0.25])
    return file.save(folder / "m.glb")


@case(SHAPE, "animations", colors=RED, without="its animations")
def animation(folder: Path) -> Path:
    file = GltfFile()
    file.header["animations"] = [{"channels": [], "samplers": []}]
    file.place(file.primitive(material=red(file)))
    return file.save(folder / "m.glb")


@case(SHAPE, "copies of a mesh (`EXT_mesh_gpu_instancing`)", faces=4, bounds=[[-1, 0, -1], [11, 0, 1]])
def instances(folder: Path) -> Path:
    file = GltfFile().use("EXT_mesh_gpu_instancing", required=True)
    places = file.accessor(np.array([[0, 0, 0], [10, 0, 0]], np.float32))
    extensions = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places}}}
    file.place(file.primitive(), extensions=extensions)
    return file.save(folder / "m.glb")


@case(SHAPE, "switched-off nodes (`KHR_node_visibility`)", colors=RED, faces=2)
def invisible(folder: Path) -> Path:
    file = GltfFile().use("KHR_node_visibility")
    file.place(file.primitive(material=red(file)))
    file.place(file.primitive(SQUARE + np.float32([0, 1, 0])), extensions={"KHR_node_visibility": {"visible": False}})
    return file.save(folder / "m.glb")


@case(SHAPE, "scenes beside the default one", colors=RED, faces=2, without="scenes beside")
def scenes(folder: Path) -> Path:
    file = GltfFile()
    file.place(file.primitive(material=blue(file)))
    file.place(file.primitive(material=red(file)))
    file.header |= {"scenes": [{"nodes": [0]}, {"nodes": [1]}], "scene": 1}
    return file.save(folder / "m.glb")


@case(SHAPE, "single-sided shells turned inside out (outlines) do not hide what is in them", colors=RED, faces=24)
def shell(folder: Path) -> Path:
    file = GltfFile()
    vertices, faces = box()
    black = file.material({"baseColorFactor": [0, 0, 0, 1]})
    file.place(file.primitive(vertices, faces, material=red(file)))
    file.place(file.primitive(vertices * np.float32(1.05), faces[::-1].copy(), material=black))
    return file.save(folder / "m.glb")


@case(SHAPE, "double-sided shells hide it", colors=(0, 0, 0), faces=24)
def solid_shell(folder: Path) -> Path:
    file = GltfFile()
    vertices, faces = box()
    black = file.material({"baseColorFactor": [0, 0, 0, 1]}, doubleSided=True)
    file.place(file.primitive(vertices, faces, material=red(file)))
    file.place(file.primitive(vertices * np.float32(1.05), faces[::-1].copy(), material=black))
    return file.save(folder / "m.glb")


@case(SHAPE, "mirrored nodes keep their outsides", colors=(0, 0, 0), faces=24)
def mirrored_cover(folder: Path) -> Path:
    file = GltfFile()
    vertices, faces = box()
    black = file.material({"baseColorFactor": [0, 0, 0, 1]})
    file.place(file.primitive(vertices, faces, material=red(file)))
    file.place(file.primitive(vertices * np.float32(1.05), faces, material=black), scale=[-1, 1, 1])
    return file.save(folder / "m.glb")


@case(SHAPE, "objects that are inside out as a whole, and sheets seen from behind", colors=RED, faces=12)
def inside_out(folder: Path) -> Path:
    file = GltfFile()
    vertices, faces = box()
    file.place(file.primitive(vertices, faces[::-1].copy(), material=red(file)))
    return file.save(folder / "m.glb")


@case(SHAPE, "objects that are inside out as a whole, and sheets seen from behind", colors=RED, faces=2)
def from_behind(folder: Path) -> Path:
    file = GltfFile()
    file.place(file.primitive(faces=FACES[::-1].copy(), material=red(file)))
    return file.save(folder / "m.glb")


@case(
    SHAPE,
    "extensions that a file requires and that are not in these tables",
    skipped="needs the glTF extension ACME_new",
)
def required(folder: Path) -> Path:
    file = GltfFile().use("ACME_new", required=True)
    file.place(file.primitive())
    return file.save(folder / "m.glb")


@case(SHAPE, "extensions that it merely uses", colors=RED, without="extension ACME_new, which is not known")
def unknown(folder: Path) -> Path:
    file = GltfFile().use("ACME_new")
    file.place(file.primitive(material=red(file)))
    return file.save(folder / "m.glb")


@case(SHAPE, "glTF 1.0", skipped="version '1.0'")
def old(folder: Path) -> Path:
    file = GltfFile()
    file.header["asset"]["version"] = "1.0"
    file.place(file.primitive())
    return file.save(folder / "m.glb")


# --- glTF: color

COLOR = "glTF: color"


@case(COLOR, "base color factors", colors=(HALF_LIGHT, 1, 0))
def factor(folder: Path) -> Path:
    return square(folder, {"baseColorFactor": [0.5, 1, 0, 1]})


@case(COLOR, "base color textures", colors=[RED, GREEN, BLUE, YELLOW])
def texture(folder: Path) -> Path:
    return textured(folder)


@case(COLOR, "base color textures", colors=[RED, GREEN, BLUE, YELLOW])
def texture_at_whole_numbers(folder: Path) -> Path:
    # KHR_mesh_quantization: coordinates 0 and 4 of bytes, which the material scales down.
    transform = {"KHR_texture_transform": {"scale": [0.25, 0.25]}}
    return textured(folder, info={"extensions": transform}, TEXCOORD_0=(4 * WHOLE).astype(np.uint8))


@case(COLOR, "vertex colors, floats and integers, as linear light", colors=(HALF_LIGHT, 1, 0))
def float_colors(folder: Path) -> Path:
    return square(folder, COLOR_0=np.tile(np.array([[0.5, 1, 0]], np.float32), (4, 1)))


@case(COLOR, "vertex colors, floats and integers, as linear light", colors=(HALF_LIGHT, 1, 0))
def colors_without_material(folder: Path) -> Path:
    file = GltfFile()
    file.place(file.primitive(COLOR_0=np.tile(np.array([[32768, 65535, 0, 65535]], np.uint16), (4, 1))))
    return file.save(folder / "m.glb")


@case(COLOR, "factor, vertex colors and texture multiplied in linear light", colors=(0.3671, 0.3671, 0))
def product(folder: Path) -> Path:
    # Display value 188 is half the light, so a ninth of all light remains of the red and of the green.
    file = GltfFile()
    base = {"baseColorTexture": {"index": file.texture(plain((188, 188, 188)))}, "baseColorFactor": [0.5, 0.5, 1, 1]}
    return square(folder, base, file=file, COLOR_0=np.tile(np.array([[0.45, 0.45, 0]], np.float32), (4, 1)))


@case(COLOR, "second sets of vertex colors", colors=RED, without="second set of vertex colors")
def second_colors(folder: Path) -> Path:
    colors = np.tile(np.array([[0, 1, 0]], np.float32), (4, 1))
    return square(folder, {"baseColorFactor": [1, 0, 0, 1]}, COLOR_1=colors)


@case(COLOR, "sets of texture coordinates (`texCoord`)", colors=BLUE)
def second_set(folder: Path) -> Path:
    zeros = np.zeros((4, 2), np.float32)
    return textured(folder, info={"texCoord": 1}, TEXCOORD_0=zeros, TEXCOORD_1=zeros + np.float32([0.25, 0.75]))


@case(COLOR, "textures whose coordinates are missing", colors=(1, 1, 1), without="TEXCOORD_3.* missing")
def no_coordinates(folder: Path) -> Path:
    return textured(folder, info={"texCoord": 3})


@case(COLOR, "moved, scaled and turned textures (`KHR_texture_transform`)", colors=YELLOW)
def moved(folder: Path) -> Path:
    transform = {"offset": [0.6, 0.6], "scale": [0.3, 0.3]}
    return textured(folder, info={"extensions": {"KHR_texture_transform": transform}})


@case(COLOR, "moved, scaled and turned textures (`KHR_texture_transform`)", colors=[BLUE, RED, YELLOW, GREEN])
def turned(folder: Path) -> Path:
    # Coordinates turn counter-clockwise, so the picture turns clockwise.
    transform = {"rotation": np.pi / 2, "offset": [0, 1], "texCoord": 0}
    return textured(folder, info={"extensions": {"KHR_texture_transform": transform}}, picture=CORNERS)


@case(COLOR, "wrap modes of samplers: repeat, mirror, clamp", colors=[BLUE, RED, BLUE, RED])
def mirrored(folder: Path) -> Path:
    picture = np.concatenate([plain((255, 0, 0), 8), plain((0, 0, 255), 8)], axis=1)
    # From 1 to 2: backwards from the right edge to the left.
    return textured(folder, picture, sampler={"wrapS": 33648}, TEXCOORD_0=WHOLE + np.float32([1, 0]))


@case(COLOR, "wrap modes of samplers: repeat, mirror, clamp", colors=BLUE)
def clamped(folder: Path) -> Path:
    picture = np.concatenate([plain((255, 0, 0), 8), plain((0, 0, 255), 8)], axis=1)
    return textured(folder, picture, sampler={"wrapS": 33071}, TEXCOORD_0=WHOLE + np.float32([1, 0]))


@case(COLOR, "wrap modes of samplers: repeat, mirror, clamp", colors=[RED, BLUE, RED, BLUE])
def repeated(folder: Path) -> Path:
    picture = np.concatenate([plain((255, 0, 0), 8), plain((0, 0, 255), 8)], axis=1)
    return textured(folder, picture, TEXCOORD_0=WHOLE + np.float32([1, 0]))


@case(COLOR, "enlarged texels with hard edges (`magFilter` nearest)", colors=[RED, GREEN, BLUE, YELLOW])
def nearest(folder: Path) -> Path:
    return textured(folder, CORNERS[::8, ::8], sampler={"magFilter": 9728})


@case(COLOR, "alpha modes: opaque, cut at a threshold, blended", colors=(1, 0, 0, 1))
def opaque(folder: Path) -> Path:
    return textured(folder, plain((255, 0, 0, 60)))


@case(COLOR, "alpha modes: opaque, cut at a threshold, blended", colors=(1, 0, 0, 60 / 255))
def blended(folder: Path) -> Path:
    return textured(folder, plain((255, 0, 0, 60)), alphaMode="BLEND")


@case(COLOR, "alpha modes: opaque, cut at a threshold, blended", colors=(1, 0, 0, 1))
def kept_by_threshold(folder: Path) -> Path:
    return textured(folder, plain((255, 0, 0, 60)), alphaMode="MASK", alphaCutoff=0.2)


@case(COLOR, "alpha modes: opaque, cut at a threshold, blended", colors=[(1, 0, 0, 1)] * 2 + [(1, 1, 1, 0)] * 2)
def cut_by_vertices(folder: Path) -> Path:
    alpha = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 1], [1, 0, 0, 1]], np.float32)
    return square(folder, COLOR_0=alpha, alphaMode="MASK")


@case(COLOR, "unlit materials (`KHR_materials_unlit`), as of our own exports", colors=(HALF_LIGHT, 0, 0), lit=False)
def unlit(folder: Path) -> Path:
    return square(folder, {"baseColorFactor": [0.5, 0, 0, 1]}, extensions={"KHR_materials_unlit": {}})


@case(COLOR, "emissive factors, textures and strengths", colors=[RED, GREEN, BLUE, YELLOW], lit=False)
def emissive(folder: Path) -> Path:
    file = GltfFile()
    black = {"baseColorFactor": [0, 0, 0, 1]}
    fields = {"emissiveTexture": {"index": file.texture(CORNERS)}, "emissiveFactor": [1, 1, 1]}
    return square(folder, black, file=file, **fields)


@case(COLOR, "emissive factors, textures and strengths", colors=(HALF_LIGHT, 0, 0), lit=False)
def strong(folder: Path) -> Path:
    strength = {"KHR_materials_emissive_strength": {"emissiveStrength": 5}}
    return square(folder, {"baseColorFactor": [0, 0, 0, 1]}, emissiveFactor=[0.1, 0, 0], extensions=strength)


@case(
    COLOR,
    "specular-glossiness (`KHR_materials_pbrSpecularGlossiness`): the diffuse color",
    colors=[(0, 0, 0), GREEN] * 2,
)
def specular_glossiness(folder: Path) -> Path:
    file = GltfFile().use("KHR_materials_pbrSpecularGlossiness", required=True)
    picture = np.concatenate([plain((255, 0, 0), 8), plain((0, 255, 0), 8)], axis=1)
    diffuse = {"diffuseTexture": {"index": file.texture(picture)}, "diffuseFactor": [0, 1, 0, 1]}
    return square(folder, file=file, extensions={"KHR_materials_pbrSpecularGlossiness": diffuse})


@case(COLOR, "textures in PNG, JPEG, WebP and AVIF; gray, 16 bits, palettes, CMYK", colors=(0x30 / 255,) * 3)
def gray16(folder: Path) -> Path:
    return textured(folder, np.full((4, 4), 0x3000, np.uint16))


@case(COLOR, "textures in PNG, JPEG, WebP and AVIF; gray, 16 bits, palettes, CMYK", colors=(0x30 / 255,) * 3)
def gray(folder: Path) -> Path:
    return textured(folder, np.full((4, 4), 0x30, np.uint8))


@case(COLOR, "textures in PNG, JPEG, WebP and AVIF; gray, 16 bits, palettes, CMYK", colors=BLUE)
def palette(folder: Path) -> Path:
    from PIL import Image

    return textured(folder, Image.new("RGB", (4, 4), (0, 0, 255)).quantize(4))


@case(COLOR, "textures in PNG, JPEG, WebP and AVIF; gray, 16 bits, palettes, CMYK", colors=GREEN)
def webp(folder: Path) -> Path:
    file = GltfFile().use("EXT_texture_webp", required=True)
    texture = file.texture(plain((0, 255, 0), 16), "WEBP")
    source = file.header["textures"][texture].pop("source")
    file.header["textures"][texture]["extensions"] = {"EXT_texture_webp": {"source": source}}
    return square(folder, {"baseColorTexture": {"index": texture}}, file=file)


@case(COLOR, "textures in KTX2 (`KHR_texture_basisu`) that a file merely uses", colors=RED, without="texture textures")
def basis(folder: Path) -> Path:
    file = GltfFile().use("KHR_texture_basisu")
    file.header["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": 0}}}]
    base = {"baseColorTexture": {"index": 0}, "baseColorFactor": [1, 0, 0, 1]}
    return square(folder, base, file=file)


@case(
    COLOR,
    "textures that are missing or damaged: drawn in the material's color",
    colors=RED,
    without="does not exist",
)
def missing(folder: Path) -> Path:
    file = GltfFile()
    file.header |= {"images": [{"uri": "lost.png"}], "textures": [{"source": 0}]}
    base = {"baseColorTexture": {"index": 0}, "baseColorFactor": [1, 0, 0, 1]}
    return square(folder, base, file=file)


@case(
    COLOR,
    "textures that are missing or damaged: drawn in the material's color",
    colors=(1, 1, 1),
    without="not a picture",
)
def damaged(folder: Path) -> Path:
    return textured(folder, encoded(CORNERS)[:40])


@case(COLOR, "normal and occlusion maps", colors=RED, without="normal map")
def normal_map(folder: Path) -> Path:
    file = GltfFile()
    fields = {"normalTexture": {"index": file.texture(plain((128, 128, 255)))}}
    return square(folder, {"baseColorFactor": [1, 0, 0, 1]}, file=file, **fields)


@case(
    COLOR,
    "reflections: metal that a file asks for, clear coat, sheen, iridescence and so on",
    colors=RED,
    without="metallic",
)
def metal(folder: Path) -> Path:
    return square(folder, {"baseColorFactor": [1, 0, 0, 1], "metallicFactor": 1.0})


@case(
    COLOR,
    "reflections: metal that a file asks for, clear coat, sheen, iridescence and so on",
    colors=RED,
    without="clear coat",
)
def clear_coat(folder: Path) -> Path:
    extensions = {"KHR_materials_clearcoat": {"clearcoatFactor": 1}}
    file = GltfFile().use("KHR_materials_clearcoat")
    return square(folder, {"baseColorFactor": [1, 0, 0, 1]}, file=file, extensions=extensions)


@case(COLOR, "glass by transmission (drawn solid), volumes", colors=RED, without="transmission")
def transmission(folder: Path) -> Path:
    extensions = {"KHR_materials_transmission": {"transmissionFactor": 1}}
    file = GltfFile().use("KHR_materials_transmission")
    return square(folder, {"baseColorFactor": [1, 0, 0, 1]}, file=file, extensions=extensions)


@case(COLOR, "variants of materials beside the default (`KHR_materials_variants`)", colors=RED, without="variants")
def variants(folder: Path) -> Path:
    file = GltfFile().use("KHR_materials_variants")
    extensions = {"KHR_materials_variants": {"mappings": [{"material": 0, "variants": [0]}]}}
    file.place(file.primitive(material=red(file), extensions=extensions))
    return file.save(folder / "m.glb")


# --- Wavefront

OBJ = "Wavefront (obj and mtl)"
QUAD = "v -1 0 1\nv 1 0 1\nv 1 0 -1\nv -1 0 -1\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
TEXTURED = "usemtl paint\nf 1/1 2/2 3/3 4/4\n"


def wavefront(folder: Path, material: str, geometry: str = QUAD + TEXTURED, **pictures: np.ndarray) -> Path:
    for name, picture in pictures.items():
        (folder / f"{name}.png").write_bytes(encoded(picture))
    (folder / "m.mtl").write_text(f"newmtl paint\n{material}\n")
    (folder / "m.obj").write_text(f"mtllib m.mtl\n{geometry}")
    return folder / "m.obj"


@case(OBJ, "relative indices, however `v` and `f` alternate", faces=4, bounds=[[-1, 0, -1], [6, 0, 1]])
def relative(folder: Path) -> Path:
    second = "v 4 0 1\nv 6 0 1\nv 6 0 -1\nv 4 0 -1\n"
    return wavefront(folder, "Kd 1 0 0", f"usemtl paint\n{QUAD}f -4 -3 -2 -1\n{second}f -4 -3 -2 -1\n")


@case(
    OBJ,
    "faces of any number of corners, hollow ones too",
    faces=4,
    colors=[(1, 0, 0, 1), (1, 1, 1, 0), (1, 0, 0, 1), (1, 0, 0, 1)],
)
def hollow(folder: Path) -> Path:
    corner = "v -1 0 1\nv 1 0 1\nv 1 0 0\nv 0 0 0\nv 0 0 -1\nv -1 0 -1\n"
    return wavefront(folder, "Kd 1 0 0", f"usemtl paint\n{corner}f 3 4 5 6 1 2\n")


@case(OBJ, "vertex colors (`v x y z r g b`)", colors=(0.2, 0.4, 0.8))
def obj_colors(folder: Path) -> Path:
    lines = [f"v {x} {y} {z} 0.2 0.4 0.8" for x, y, z in SQUARE]
    (folder / "m.obj").write_text("\n".join(lines) + "\nf 1 2 3 4\n")
    return folder / "m.obj"


@case(OBJ, "colors and textures (`Kd`, `map_Kd`), multiplied as display values", colors=(0.5, 0.25, 0))
def kd(folder: Path) -> Path:
    return wavefront(folder, "Kd 0.5 0.5 1\nmap_Kd a.png", a=plain((255, 128, 0)))


@case(OBJ, "opacity (`d`, `Tr`, `map_d`)", colors=(1, 0, 0, 0.25))
def dissolve(folder: Path) -> Path:
    return wavefront(folder, "Kd 1 0 0\nd 0.25")


@case(OBJ, "opacity (`d`, `Tr`, `map_d`)", colors=[(1, 0, 0, 1), (1, 0, 0, 0.4)] * 2)
def map_d(folder: Path) -> Path:
    mask = np.concatenate([plain((255,) * 3, 8), plain((102,) * 3, 8)], axis=1)
    return wavefront(folder, "map_Kd a.png\nmap_d b.png", a=plain((255, 0, 0), 8), b=mask)


@case(OBJ, "light of their own (`Ke`, `map_Ke`)", colors=(0.5, 0, 0), lit=False)
def ke(folder: Path) -> Path:
    return wavefront(folder, "Kd 0 0 0\nKe 0.5 0 0")


@case(OBJ, "texture options `-s`, `-o`, `-mm`, `-clamp`; others are passed over", colors=YELLOW)
def options(folder: Path) -> Path:
    # The lower right quarter: v counts upwards.
    return wavefront(folder, "map_Kd -bm 1 -s 0.3 0.3 1 -o 0.6 0.1 -blendu on my tex.png", **{"my tex": CORNERS})


@case(OBJ, "texture options `-s`, `-o`, `-mm`, `-clamp`; others are passed over", colors=(0.2, 0.7, 0.2))
def gain(folder: Path) -> Path:
    return wavefront(folder, "map_Kd -mm 0.2 0.5 a.png", a=plain((0, 255, 0)))


@case(OBJ, "names in other case, and paths of another machine, found by their ends", colors=BLUE)
def other_case(folder: Path) -> Path:
    return wavefront(folder, "Kd 1 1 1\nMAP_KD Körper.PNG", **{"körper": plain((0, 0, 255))})


@case(OBJ, "names in other case, and paths of another machine, found by their ends", colors=BLUE)
def other_machine(folder: Path) -> Path:
    (folder / "deep" / "tex").mkdir(parents=True)
    (folder / "deep" / "tex" / "a.png").write_bytes(encoded(plain((0, 0, 255))))
    return wavefront(folder, "map_Kd C:\\Users\\me\\project\\A.png")


@case(OBJ, "a library of one material that no face names", colors=BLUE)
def no_usemtl(folder: Path) -> Path:
    return wavefront(folder, "map_Kd a.png", QUAD + "f 1/1 2/2 3/3 4/4\n", a=plain((0, 0, 255)))


@case(OBJ, "materials that no library defines: drawn in gray", colors=(0.8, 0.8, 0.8), without="no library defines")
def undefined(folder: Path) -> Path:
    return wavefront(folder, "Kd 1 0 0", QUAD + "usemtl other\nf 1 2 3 4\n")


@case(OBJ, "textures that are missing or damaged: drawn in the material's color", colors=RED, without="does not exist")
def lost(folder: Path) -> Path:
    return wavefront(folder, "Kd 1 0 0\nmap_Kd lost.png")


@case(OBJ, "libraries that are missing", skipped="'m.mtl', which does not exist")
def lost_library(folder: Path) -> Path:
    path = wavefront(folder, "Kd 1 0 0")
    (folder / "m.mtl").unlink()
    return path


@case(OBJ, "maps of reflection, shininess, relief and ambient light", colors=RED, without="bump map")
def bump(folder: Path) -> Path:
    return wavefront(folder, "Kd 1 0 0\nmap_Bump -bm 0.3 a.png")


@case(OBJ, "points, lines, free-form curves and surfaces", colors=RED, without="free-form")
def free_form(folder: Path) -> Path:
    return wavefront(folder, "Kd 1 0 0", QUAD + TEXTURED + "cstype bezier\nsurf 0 1 0 1 1 2 3 4\n")
