"""Meshes as files: one, or one per scene."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float
from trimesh.exchange.gltf import export_glb

from triptych.bank import Scene
from triptych.errors import InputError
from triptych.export.left_out import LeftOut
from triptych.export.mesh import MeshConfig, extract_mesh, require_scikit_image
from triptych.files import folder_name, write_atomically

SUFFIXES = (".glb", ".ply", ".obj")
_Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def write_meshes(
    out: Path,
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
    left_out = LeftOut(scenes)
    one_file = out.suffix in SUFFIXES
    if one_file and len(scenes) > 1:
        raise InputError(f"{out}: one file for {len(scenes)} scenes; choose one with --scenes, or give a folder")
    require_scikit_image()
    files = {name: out if one_file else out / f"{folder_name(name)}{suffix}" for name in scenes}
    for file in files.values():
        check_mesh_file(file)
    for name, file in files.items():
        with left_out.going_on():
            write_mesh(file, extract_mesh(scenes[name], config))
        on_scene(name)
    left_out.report()
    return list(files.values())


def write_mesh(path: Path, mesh: trimesh.Trimesh) -> None:
    """Write a mesh with vertex colors, whole or not at all.

    A glb is y up, as glTF wants it: (x, y, z) becomes (x, z, -y). Its colors are linear light and its material
    unlit, since the colors hold the light already. ply and obj keep z up and display colors (sRGB).

    Args:
        path: the file, ending in .glb, .ply or .obj.
        mesh: from ``extract_mesh``.

    Raises:
        InputError: the suffix is another one.
    """
    check_mesh_file(path)
    if path.suffix == ".glb":
        content = _as_glb(mesh)
    else:
        exported: Any = mesh.export(file_type=path.suffix[1:])
        content = exported.encode() if isinstance(exported, str) else exported
    write_atomically(path, lambda file: file.write(content))


def check_mesh_file(path: Path) -> None:
    """Find out before a long computation.

    Raises:
        InputError: the suffix is none of a mesh file.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a file name that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")


def _as_glb(mesh: trimesh.Trimesh) -> bytes:
    upright = mesh.copy()
    upright.apply_transform(_Y_UP)
    visual: Any = mesh.visual
    linear = np.rint(65535 * _linear_light(visual.vertex_colors / 255)).astype("<u2")

    def finish(buffers: Any, tree: Any) -> None:
        primitive = tree["meshes"][0]["primitives"][0]
        # Eight bits of linear light would leave dark colors a handful of steps.
        accessor = list(tree["accessors"].values())[primitive["attributes"]["COLOR_0"]]
        accessor |= {"componentType": 5123, "min": linear.min(axis=0).tolist(), "max": linear.max(axis=0).tolist()}
        buffers[list(buffers)[accessor["bufferView"]]] = linear.tobytes()
        rough = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
        tree["materials"] = [{"pbrMetallicRoughness": rough, "extensions": {"KHR_materials_unlit": {}}}]
        tree["extensionsUsed"] = ["KHR_materials_unlit"]
        primitive["material"] = 0

    return export_glb(upright.scene(), buffer_postprocessor=finish)


def _linear_light(display: Float[np.ndarray, "vertex 4"]) -> Float[np.ndarray, "vertex 4"]:
    """The inverse of the sRGB transfer function (IEC 61966-2-1) on the colors; alpha stays."""
    rgb = display[:, :3]
    straight = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.concatenate([straight, display[:, 3:]], axis=1)
