"""Meshes as files: one, or one per scene."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float
from trimesh.exchange.gltf import export_glb
from trimesh.visual.color import ColorVisuals

from triptych.bank import Scene
from triptych.errors import InputError
from triptych.export.config import MeshConfig
from triptych.export.left_out import LeftOut
from triptych.export.mesh import extract_mesh, require_mesh_extra
from triptych.export.surface import RenderedScene
from triptych.files import folder_name, write_atomically

SUFFIXES = (".glb", ".ply", ".obj")
_Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Turns rows (x, y, z) into (x, z, -y)."""


def write_meshes(
    out: str | Path,
    scenes: Mapping[str, Scene],
    config: MeshConfig | None = None,
    *,
    suffix: str = ".glb",
    on_scene: Callable[[str], object] = lambda name: None,
) -> list[Path]:
    """Write one mesh file per scene; a scene that has no surface, or is damaged, is left out.

    Args:
        out: a folder, in which each file has its scene's name, quoted and of at most 204 characters; or, ending in
            .glb, .ply or .obj, the file of the one scene.
        scenes: scenes by name.
        config: how finely, and from which views the colors come.
        suffix: kind of the files in a folder.
        on_scene: told each name once it is done with.

    Returns:
        The files that were written.

    Raises:
        InputError: there is no scene, or several for one file; the suffix is another one; or some scenes are left out:
            the others are written.
    """
    out, left_out = Path(out), LeftOut(scenes)
    one_file = out.suffix in SUFFIXES
    if one_file and len(scenes) > 1:
        raise InputError(f"{out}: one file for {len(scenes)} scenes; choose one with --scenes, or give a folder")
    require_mesh_extra()
    files = {name: out if one_file else out / f"{folder_name(name)}{suffix}" for name in scenes}
    for file in files.values():
        check_mesh_file(file)
    for name, file in files.items():
        with left_out.going_on():
            export_mesh(file, scenes[name], config)
        on_scene(name)
    left_out.report()
    return list(files.values())


def export_mesh(path: str | Path, scene: RenderedScene, config: MeshConfig | None = None) -> None:
    """Write the mesh of one scene, with its colors where the kind of file holds them.

    Raises:
        InputError: as ``extract_mesh`` and ``write_mesh``.
    """
    path, config = Path(path), config or MeshConfig()
    if path.suffix != ".glb":
        config = replace(config, colors="vertices")
    write_mesh(path, extract_mesh(scene, config), lit=config.lit)


def write_mesh(path: str | Path, mesh: trimesh.Trimesh, *, lit: bool = False) -> None:
    """Write a mesh, whole or not at all.

    A glb is y up, as glTF wants it: (x, y, z) becomes (x, z, -y). It holds the texture, or vertex colors in linear
    light. ply and obj keep z up and have vertex colors (sRGB); those of a mesh with a texture are read from it.

    Args:
        path: the file, ending in .glb, .ply or .obj.
        mesh: from ``extract_mesh``.
        lit: leave a glb to the light of the viewer, with normals, as a matt surface; else its material is unlit, since
            the colors hold the light already.

    Raises:
        InputError: the suffix is another one.
    """
    path = Path(path)
    check_mesh_file(path)
    if path.suffix == ".glb":
        content = _as_glb(mesh, lit)
    else:
        plain: Any = mesh.copy()
        if not isinstance(plain.visual, ColorVisuals):
            plain.visual = plain.visual.to_color()
        exported: Any = plain.export(file_type=path.suffix[1:])
        content = exported.encode() if isinstance(exported, str) else exported
    write_atomically(path, lambda file: file.write(content))


def check_mesh_file(path: str | Path) -> None:
    """Find out before a long computation.

    Raises:
        InputError: the suffix is none of a mesh file.
    """
    if Path(path).suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a file name that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")


def _as_glb(mesh: trimesh.Trimesh, lit: bool) -> bytes:
    upright = trimesh.Trimesh(
        mesh.vertices @ _Y_UP, mesh.faces, vertex_normals=mesh.vertex_normals @ _Y_UP, process=False
    )
    assert mesh.visual is not None, "meshes have colors"
    upright.visual = mesh.visual.copy()
    finish = _with_linear_light(mesh) if isinstance(mesh.visual, ColorVisuals) else lambda buffers, tree: None
    return export_glb(
        upright.scene(),
        include_normals=lit,
        tree_postprocessor=None if lit else _unlit,
        buffer_postprocessor=finish,
    )


def _unlit(tree: Any) -> None:
    for material in tree["materials"]:
        material["extensions"] = {"KHR_materials_unlit": {}}
    tree["extensionsUsed"] = ["KHR_materials_unlit"]


def _with_linear_light(mesh: trimesh.Trimesh) -> Callable[[Any, Any], None]:
    """What makes the vertex colors of a glTF tree those of the mesh in linear light, and gives them a material."""
    visual: Any = mesh.visual
    linear = np.rint(65535 * _linear_light(visual.vertex_colors / 255)).astype("<u2")

    def finish(buffers: Any, tree: Any) -> None:
        primitive = tree["meshes"][0]["primitives"][0]
        # Eight bits of linear light would leave dark colors a handful of steps.
        accessor = list(tree["accessors"].values())[primitive["attributes"]["COLOR_0"]]
        accessor |= {"componentType": 5123, "min": linear.min(axis=0).tolist(), "max": linear.max(axis=0).tolist()}
        buffers[list(buffers)[accessor["bufferView"]]] = linear.tobytes()
        tree["materials"] = [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}]
        primitive["material"] = 0

    return finish


def _linear_light(display: Float[np.ndarray, "vertex 4"]) -> Float[np.ndarray, "vertex 4"]:
    """The inverse of the sRGB transfer function (IEC 61966-2-1) on the colors; alpha stays."""
    rgb = display[:, :3]
    straight = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.concatenate([straight, display[:, 3:]], axis=1)
