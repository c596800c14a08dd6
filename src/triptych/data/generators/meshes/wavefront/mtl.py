"""Material libraries (mtl) of Wavefront files."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.light import linear
from triptych.data.generators.meshes.mesh import PLAIN, Surface
from triptych.data.generators.meshes.pictures import UnreadablePictureError, decode_picture
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError
from triptych.data.generators.meshes.textures import Texture

_OPTION_ARGUMENTS = {
    "-blendu": 1, "-blendv": 1, "-boost": 1, "-bm": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-mm": 2,
    "-o": 3, "-s": 3, "-t": 3, "-texres": 1, "-type": 1,
}  # fmt: skip
"""How many values follow an option of a texture; ``-o``, ``-s`` and ``-t`` may have fewer."""
_LIGHT_ONLY = {
    "map_ks": "specular map", "map_ns": "shininess map", "map_bump": "bump map", "bump": "bump map",
    "norm": "normal map", "map_kn": "normal map", "disp": "displacement map", "refl": "reflection map",
    "map_ka": "ambient map",
    "decal": "decal map", "map_pr": "roughness map", "map_pm": "metallic map", "map_ps": "sheen map",
}  # fmt: skip
"""Statements that a mesh is drawn without, in words."""


@dataclass(frozen=True)
class Map:
    """A texture statement: the name of the picture and the options before it.

    Attributes:
        name: of the picture.
        scale: of the texture coordinates (``-s``).
        offset: added to the scaled coordinates (``-o``).
        base_gain: values become base + gain times value (``-mm``).
        clamps: not repeated outside [0, 1] (``-clamp on``).
        channel: which one stands for opacity (``-imfchan``), or none given.
    """

    name: str
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    base_gain: tuple[float, float] = (0.0, 1.0)
    clamps: bool = False
    channel: str = ""


@dataclass(frozen=True)
class Material:
    """A material as its library states it.

    Attributes:
        values: the words after each statement, by the statement in lower case.
        maps: texture statements, by the statement in lower case.
    """

    values: dict[str, list[str]] = field(default_factory=dict)
    maps: dict[str, Map] = field(default_factory=dict)


@dataclass(frozen=True)
class Paint:
    """A material ready for the faces that use it.

    Attributes:
        color: straight RGBA in display values.
        surface: how it becomes what is seen.
        maps: how the texture and the emissive texture are placed; None where there is none.
    """

    color: Float[np.ndarray, "4"]
    surface: Surface
    maps: tuple[Map | None, Map | None] = (None, None)


PLAIN_PAINT = Paint(np.array([PLAIN, PLAIN, PLAIN, 1.0]), Surface())
"""What faces without a material get."""


def parse_library(text: str) -> dict[str, Material]:
    """The materials of a library, by name."""
    materials: dict[str, Material] = {}
    current = Material()
    for line in text.splitlines():
        key, _, rest = line.strip().replace("\t", " ").partition(" ")
        key, rest = key.lower(), rest.strip()
        if key == "newmtl":
            current = materials.setdefault(rest, Material())
        elif key.startswith("map_") or key in _LIGHT_ONLY:
            current.maps[key] = _parse_map(rest)
        elif key and not key.startswith("#"):
            current.values[key] = rest.split()
    return materials


def mix(material: Material, pictures: "Pictures", losses: Losses) -> Paint:
    """The paint that a material describes.

    Args:
        material: from its library.
        pictures: of the mesh.
        losses: where to note what it is drawn without.
    """
    for key in material.maps:
        if key in _LIGHT_ONLY:
            losses.add(_LIGHT_ONLY[key])
    texture = material.maps.get("map_kd")
    rgba = pictures.get(texture, losses) if texture else None
    rgb = _numbers(material, "kd", [PLAIN if rgba is None else 1.0] * 3)
    # Black times a picture is black: exporters that write Kd 0 0 0 beside a picture mean the picture alone.
    if rgba is not None and not any(rgb):
        rgb = [1.0, 1.0, 1.0]
    rgba, placed = _with_alpha(rgba, texture, material.maps.get("map_d"), pictures, losses)
    glow_map = material.maps.get("map_ke")
    glow = pictures.get(glow_map, losses) if glow_map else None
    emission = _numbers(material, "ke", [0.0, 0.0, 0.0])
    if glow_map:  # as with Kd: black beside a picture means the picture alone
        emission = [0.0] * 3 if glow is None else emission if any(emission) else [1.0] * 3
    red, green, blue = (float(value) for value in linear(np.clip(emission, 0, 1)))
    surface = Surface(
        texture=_texture(rgba, placed),
        emission=(red, green, blue),
        emissive_texture=_texture(_solid(glow), glow_map, in_linear_light=True),
    )
    color = np.array([*np.clip(rgb, 0, 1), _opacity(material)])
    return Paint(color, surface, (placed, glow_map if glow is not None else None))


class Pictures:
    """The pictures that the materials of one mesh name; each is decoded once."""

    def __init__(self, mesh, folder: MeshFolder) -> None:
        self._mesh = mesh
        self._folder = folder
        self._decoded: dict[str, np.ndarray | None] = {}

    def get(self, texture: Map, losses: Losses) -> UInt8[np.ndarray, "height width 4"] | None:
        """The pixels of a picture, or None where it cannot be had, which is noted."""
        if texture.name not in self._decoded:
            try:
                self._decoded[texture.name] = decode_picture(self._folder.read_named(self._mesh, texture.name))
            except UnreadablePictureError as error:
                losses.add(f"the texture {texture.name[-80:]!a}, which {error}")
                self._decoded[texture.name] = None
            except UnreadableMeshError as error:
                losses.add(f"a texture: the mesh {error}")
                self._decoded[texture.name] = None
        pixels = self._decoded[texture.name]
        if pixels is None or texture.base_gain == (0.0, 1.0):
            return pixels
        base, gain = texture.base_gain
        changed = pixels.copy()
        changed[..., :3] = (np.clip(base + gain * (pixels[..., :3] / 255), 0, 1) * 255 + 0.5).astype(np.uint8)
        return changed


def _with_alpha(
    rgba: np.ndarray | None, texture: Map | None, alpha: Map | None, pictures: Pictures, losses: Losses
) -> tuple[np.ndarray | None, Map | None]:
    """The color picture with the opacity of another one (map_d) in its alpha, and where the result lies."""
    if rgba is None:
        texture = None
    if alpha is None or (texture is not None and alpha.name == texture.name and not alpha.channel):
        return rgba, texture  # the picture's own alpha
    mask = pictures.get(alpha, losses)
    if mask is None:
        return rgba, texture
    if texture is not None and (texture.scale, texture.offset) != (alpha.scale, alpha.offset):
        losses.add("opacity map (it lies otherwise than the colors)")
        return rgba, texture
    if rgba is None:
        rgba, texture = np.full_like(mask, 255), alpha
    # Pictures of opacity are gray; those with an alpha that says something mean it.
    channel = 3 if alpha.channel == "m" or mask[..., 3].min() < 255 else 0
    size = rgba.shape[1], rgba.shape[0]
    resized = np.asarray(Image.fromarray(np.ascontiguousarray(mask[..., channel])).resize(size))
    return np.dstack([rgba[..., :3], resized]), texture


def _solid(rgba: np.ndarray | None) -> np.ndarray | None:
    return None if rgba is None else np.dstack([rgba[..., :3], np.full_like(rgba[..., 0], 255)])


def _texture(rgba: np.ndarray | None, placed: Map | None, *, in_linear_light: bool = False) -> Texture | None:
    if rgba is None or placed is None:
        return None
    side = "clamp" if placed.clamps else "repeat"
    return Texture.from_rgba(rgba, in_linear_light=in_linear_light, wrap=(side, side))


def _opacity(material: Material) -> float:
    dissolve, transparency = material.values.get("d"), material.values.get("tr")
    opacity = _number(dissolve[-1:]) if dissolve else 1 - _number(transparency or ["0"])
    # Nobody models an invisible surface; exporters disagree about which end of d and Tr is solid.
    return 1.0 if not 0 < opacity < 1 else opacity


def _numbers(material: Material, key: str, default: list[float]) -> list[float]:
    words = material.values.get(key, [])
    try:
        values = [float(word) for word in words[:3]]
    except ValueError:  # spectral curves and CIE XYZ, which nobody writes
        return default
    values = [value if np.isfinite(value) else 0.0 for value in values]
    # One number stands for all three.
    return values if len(values) == 3 else values * 3 if len(values) == 1 else default


def _number(words: list[str]) -> float:
    try:
        return float(words[0])
    except (IndexError, ValueError):
        return 1.0


def _parse_map(statement: str) -> Map:
    words = statement.split()
    parsed = Map("")
    place = 0
    while place < len(words) and words[place].lower() in _OPTION_ARGUMENTS:
        option = words[place].lower()
        most = _OPTION_ARGUMENTS[option]
        values = words[place + 1 : place + 1 + most]
        if option in ("-o", "-s", "-t"):
            values = values[: next((n for n, value in enumerate(values) if not _is_number(value)), len(values))]
        parsed = _with_option(parsed, option, values)
        place += 1 + len(values)
    # The name may hold spaces, several in a row too.
    name = statement
    for word in words[:place]:
        name = name.lstrip()[len(word) :]
    return replace(parsed, name=name.strip().strip('"'))


def _with_option(parsed: Map, option: str, values: list[str]) -> Map:
    numbers = [float(value) for value in values if _is_number(value)]
    if option in ("-s", "-o") and numbers:
        default = 1.0 if option == "-s" else 0.0
        pair = (numbers[0], numbers[1] if len(numbers) > 1 else default)
        return replace(parsed, **{"scale" if option == "-s" else "offset": pair})
    if option == "-mm" and len(numbers) == 2:
        return replace(parsed, base_gain=(numbers[0], numbers[1]))
    if option == "-clamp":
        return replace(parsed, clamps=values[:1] == ["on"])
    if option == "-imfchan" and values:
        return replace(parsed, channel=values[0].lower())
    return parsed


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
