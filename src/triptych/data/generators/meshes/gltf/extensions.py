"""What becomes of each glTF extension: applied, drawn without it, of no concern, or not known."""

from triptych.data.generators.meshes.gltf.header import Record
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError, quoted

APPLIED = {
    "EXT_mesh_gpu_instancing",
    "EXT_meshopt_compression",
    "EXT_texture_avif",
    "EXT_texture_webp",
    "KHR_draco_mesh_compression",
    "KHR_materials_emissive_strength",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_unlit",
    "KHR_mesh_quantization",
    "KHR_meshopt_compression",
    "KHR_node_visibility",
    "KHR_texture_transform",
    "MSFT_texture_dds",
}
"""Read and applied."""

WITHOUT = {
    "KHR_materials_anisotropy": "anisotropic reflections",
    "KHR_materials_clearcoat": "clear coat",
    "KHR_materials_diffuse_transmission": "light that shines through (diffuse transmission)",
    "KHR_materials_dispersion": "dispersion",
    "KHR_materials_iridescence": "iridescence",
    "KHR_materials_ior": "index of refraction",
    "KHR_materials_sheen": "sheen",
    "KHR_materials_specular": "specular reflections",
    "KHR_materials_subsurface": "subsurface scattering",
    "KHR_materials_transmission": "transmission (its glass is drawn solid)",
    "KHR_materials_variants": "the variants of its materials (the default ones are drawn)",
    "KHR_materials_volume": "the inside of transparent volumes",
    "KHR_materials_volume_scatter": "scattering inside transparent volumes",
    "KHR_texture_basisu": "textures in KTX2",
}
"""Understood, but drawn without: what is lost, in words."""

NO_CONCERN = {
    "CESIUM_RTC",
    "EXT_lights_ies",
    "EXT_lights_image_based",
    "EXT_mesh_features",
    "EXT_structural_metadata",
    "GODOT_single_root",
    "KHR_animation_pointer",
    "KHR_audio_emitter",
    "KHR_lights_punctual",
    "KHR_node_hoverability",
    "KHR_node_selectability",
    "KHR_physics_rigid_bodies",
    "KHR_xmp",
    "KHR_xmp_json_ld",
    "MSFT_lod",
    "VRM",
    "VRMC_node_constraint",
    "VRMC_springBone",
    "VRMC_vrm",
}
"""They change neither the shape at rest nor colors: metadata, sounds, lights (ours is always the same)."""


def check_extensions(header: Record, losses: Losses) -> None:
    """Refuse a file that requires what is not applied, and note what it merely uses and nobody knows.

    Raises:
        UnreadableMeshError: it requires an extension that is not applied.
    """
    for name in sorted(set(header.texts("extensionsRequired")) - APPLIED - NO_CONCERN):
        raise UnreadableMeshError(f"needs the glTF extension {_plain(name)}, which is not supported; export without it")
    for name in sorted(set(header.texts("extensionsUsed")) - APPLIED - NO_CONCERN - set(WITHOUT)):
        losses.add(f"the extension {_plain(name)}, which is not known")


def note_unapplied(record: Record, losses: Losses) -> None:
    """Note the extensions of a drawn object that it is drawn without."""
    for name in record.record("extensions"):
        if name in WITHOUT:
            losses.add(WITHOUT[name])


def _plain(name: str) -> str:
    return name if name.isidentifier() and len(name) < 80 else quoted(name)
