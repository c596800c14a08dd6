"""Textures of a glTF file: pictures, samplers, texture coordinates."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Real

from triptych.data.generators.meshes.gltf.accessors import Accessors
from triptych.data.generators.meshes.gltf.container import Container
from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.pictures import UnreadablePictureError, decode_picture
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError
from triptych.data.generators.meshes.textures import Texture, Wrap

_WRAPS: dict[int, Wrap] = {33071: "clamp", 33648: "mirror", 10497: "repeat"}
_NEAREST = 9728
_OTHER_SOURCES = ("EXT_texture_avif", "EXT_texture_webp", "MSFT_texture_dds")


@dataclass(frozen=True)
class TextureUse:
    """How a material uses a texture.

    Attributes:
        texture: what to look up.
        coordinates: number of the set of texture coordinates.
        matrix: from these to where to look, [u, v, 1] to [u, v], v counted downwards as glTF does.
    """

    texture: Texture
    coordinates: int
    matrix: Float[np.ndarray, "2 3"]

    def uv(self, stored: Real[np.ndarray, "vertex 2"]) -> Float[np.ndarray, "vertex 2"]:
        """Where to look, v counted upwards."""
        moved = stored @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.stack([moved[:, 0], 1 - moved[:, 1]], axis=-1)


class Textures:
    """Gives textures by the records of the materials that use them; each picture is decoded once."""

    def __init__(self, container: Container, accessors: Accessors, losses: Losses) -> None:
        self._container = container
        self._accessors = accessors
        self._losses = losses
        self._pictures: dict[int, np.ndarray | None] = {}
        self._textures: dict[tuple, Texture] = {}

    def use(self, info: Record, *, cutoff: tuple[float, float] | None = None) -> TextureUse | None:
        """What a texture record of a material means, or None where its picture cannot be had, which is noted.

        Args:
            info: with the texture's index, its set of coordinates and their transform.
            cutoff: opacity of the material, and the one from which a texel is solid; 0 makes all of them solid.
                None keeps the picture's alpha.

        Raises:
            UnreadableMeshError: the header contradicts itself.
        """
        texture = self._texture(self._container.header.item("textures", info.integer("index")), cutoff)
        if texture is None:
            return None
        transform = info.extension("KHR_texture_transform") or Record({}, info.place)
        coordinates = transform.integer("texCoord", info.integer("texCoord", 0))
        return TextureUse(texture, coordinates, _matrix(transform))

    def _texture(self, record: Record, cutoff: tuple[float, float] | None) -> Texture | None:
        image, rgba = self._picture_of(record)
        if rgba is None:
            return None
        sampler = Record({}, "")
        if "sampler" in record:
            sampler = self._container.header.item("samplers", record.integer("sampler"))
        wrap = self._wrap(sampler, "wrapS"), self._wrap(sampler, "wrapT")
        nearest = sampler.optional_integer("magFilter") == _NEAREST
        key = (image, wrap, nearest, cutoff)
        if key not in self._textures:
            solid = rgba
            if cutoff is not None:
                opacity, threshold = cutoff
                solid = rgba.copy()
                solid[..., 3] = np.where(rgba[..., 3] / 255 * opacity >= threshold, 255, 0)
            self._textures[key] = Texture.from_rgba(solid, in_linear_light=True, wrap=wrap, nearest=nearest)
        return self._textures[key]

    def _wrap(self, sampler: Record, axis: str) -> Wrap:
        code = sampler.integer(axis, 10497)
        if code not in _WRAPS:
            raise UnreadableMeshError(f"its {sampler.place}.{axis} is {code}, which glTF does not know")
        return _WRAPS[code]

    def _picture_of(self, record: Record) -> tuple[int, np.ndarray | None]:
        """The first of a texture's pictures that can be decoded: those of extensions are preferred."""
        extensions = [record.extension(name) for name in _OTHER_SOURCES]
        sources = [
            source.integer("source") for source in [*extensions, record] if source is not None and "source" in source
        ]
        for source in sources:
            if self._picture(source) is not None:
                return source, self._picture(source)
        if not sources:
            self._losses.add(f"the texture {record.place}, which is of a kind that is not read")
        return -1, None

    def _picture(self, index: int) -> np.ndarray | None:
        if index not in self._pictures:
            image = self._container.header.item("images", index)
            try:
                self._pictures[index] = decode_picture(self._data(image))
            except UnreadablePictureError as error:
                self._losses.add(f"the texture {_name(image)}, which {error}")
                self._pictures[index] = None
            except UnreadableMeshError as error:
                self._losses.add(f"the texture {_name(image)}: the file {error}")
                self._pictures[index] = None
        return self._pictures[index]

    def _data(self, image: Record) -> bytes:
        if "uri" in image:
            return self._container.bytes_at(image.text("uri"))
        return self._accessors.view(image.integer("bufferView"))


def _name(image: Record) -> str:
    uri = image.text("uri", "") if "uri" in image else ""
    return ascii(uri[-80:]) if uri and not uri.startswith("data:") else image.place


def _matrix(transform: Record) -> np.ndarray:
    """Offset, rotation and scale of KHR_texture_transform; the rotation is counter-clockwise seen on the picture."""
    (right, down), (wide, high) = transform.numbers("offset", [0.0, 0.0]), transform.numbers("scale", [1.0, 1.0])
    cosine, sine = np.cos(transform.number("rotation", 0.0)), np.sin(transform.number("rotation", 0.0))
    return np.array([[cosine * wide, sine * high, right], [-sine * wide, cosine * high, down]])
