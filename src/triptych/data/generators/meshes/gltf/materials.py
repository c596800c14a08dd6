"""Materials of a glTF file: color factors, textures, opacity, sides, and the light that they give off."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from triptych.data.generators.meshes.gltf.extensions import note_unapplied
from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.gltf.textures import Textures, TextureUse
from triptych.data.generators.meshes.light import linear
from triptych.data.generators.meshes.mesh import PLAIN, Surface
from triptych.data.generators.meshes.problems import Losses

_SPECULAR_GLOSSINESS = "KHR_materials_pbrSpecularGlossiness"
_LIGHT_ONLY = {"normalTexture": "normal map", "occlusionTexture": "occlusion map"}
"""They change how light falls on the surface, not its color or shape."""


@dataclass(frozen=True)
class Material:
    """A material, ready for the parts that use it.

    Attributes:
        color: straight RGBA in linear light; multiplies the vertices' colors.
        surface: how these become what is seen.
        base: how the surface's texture is used, or None.
        emissive: how its emissive texture is used, or None.
        blends: whether opacity is kept; else it is settled by ``surface.cutoff`` or is one.
    """

    color: Float[np.ndarray, "4"]
    surface: Surface
    base: TextureUse | None = None
    emissive: TextureUse | None = None
    blends: bool = False


def plain_material(*, painted: bool) -> Material:
    """What a primitive without a material gets: its vertices' colors, or a gray."""
    gray = 1.0 if painted else float(linear(np.array(PLAIN)))
    return Material(np.array([gray, gray, gray, 1.0]), Surface(in_linear_light=True, single_sided=True))


def read_material(record: Record, textures: Textures, losses: Losses, *, vertex_alpha: bool) -> Material:
    """Read one material.

    Alpha modes: ``OPAQUE`` ignores alpha, ``MASK`` cuts at its threshold, ``BLEND`` is opacity.

    Args:
        record: its entry in the header.
        textures: of the file.
        losses: where to note what is not applied.
        vertex_alpha: whether the vertices that use it have opacities of their own.

    Raises:
        UnreadableMeshError: the entry makes no sense.
    """
    color, base_info = _base(record)
    mode = record.text("alphaMode", "OPAQUE")
    threshold = record.number("alphaCutoff", 0.5) if mode == "MASK" else 0.0
    # Cut texel by texel, a distant leaf keeps its average cover. Opacities of vertices are known only at the hit.
    at_hit = mode == "MASK" and vertex_alpha
    base = None
    if base_info is not None:
        base = textures.use(base_info, cutoff=None if mode == "BLEND" or at_hit else (color[3], threshold))
    emissive = (
        textures.use(record.record("emissiveTexture"), cutoff=(1.0, 0.0)) if "emissiveTexture" in record else None
    )
    unlit = record.extension("KHR_materials_unlit") is not None
    surface = Surface(
        texture=base.texture if base else None,
        in_linear_light=True,
        unlit=unlit,
        cutoff=threshold if at_hit else None,
        single_sided=not record.flag("doubleSided", False),
        emission=(0.0, 0.0, 0.0) if unlit else _emission(record, lost="emissiveTexture" in record and not emissive),
        emissive_texture=emissive.texture if emissive else None,
    )
    if mode == "MASK" and not at_hit and base is None:
        color[3] = float(color[3] >= threshold)
    elif mode != "BLEND" and not at_hit:
        color[3] = 1.0
    if not unlit:
        _note_unapplied(record, losses)
    return Material(color, surface, base, emissive, blends=mode == "BLEND" or at_hit)


def _base(record: Record) -> tuple[np.ndarray, Record | None]:
    """Color factor and texture record, of whichever of the two models the material uses."""
    specular = record.extension(_SPECULAR_GLOSSINESS)
    source, factor, texture = record.record("pbrMetallicRoughness"), "baseColorFactor", "baseColorTexture"
    if specular is not None:
        source, factor, texture = specular, "diffuseFactor", "diffuseTexture"
    color = np.array(source.numbers(factor, [1.0, 1.0, 1.0, 1.0]))
    return np.clip(color, 0, 1), source.record(texture) if texture in source else None


def _emission(record: Record, *, lost: bool) -> tuple[float, float, float]:
    """Factor times strength; none where the picture that says what shines is lost."""
    strength = record.extension("KHR_materials_emissive_strength")
    times = 0.0 if lost else strength.number("emissiveStrength", 1.0) if strength is not None else 1.0
    red, green, blue = (max(0.0, value * times) for value in record.numbers("emissiveFactor", [0.0, 0.0, 0.0]))
    return red, green, blue


def _note_unapplied(record: Record, losses: Losses) -> None:
    """Surfaces are drawn matt: what a file says about reflections is named, what it leaves at default is not."""
    note_unapplied(record, losses)
    for key, words in _LIGHT_ONLY.items():
        if key in record:
            losses.add(words)
    metallic = record.record("pbrMetallicRoughness")
    if "metallicRoughnessTexture" in metallic or (metallic.number("metallicFactor", 0.0) > 0):
        losses.add("metallic reflections")
    specular = record.extension(_SPECULAR_GLOSSINESS)
    if specular is not None and "specularGlossinessTexture" in specular:
        losses.add("specular reflections")
