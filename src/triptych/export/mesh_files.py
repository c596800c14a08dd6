"""Meshes as files: one, or one a scene."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float
from trimesh.exchange.gltf import export_glb

from triptych.errors import InputError
from triptych.export.mesh import MeshConfig, extract_mesh, require_scikit_image
from triptych.files import folder_name, write_atomically
from triptych.scene import Scenes

SUFFIXES = (".glb", ".ply", ".obj")
_Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def write_meshes(
    out: Path,
    scenes: Scenes,
    names: Sequence[str],
    config: MeshConfig | None = None,
    *,
    suffix: str = ".glb",
    on_scene: Callable[[str], object] = lambda name: None,
    on_left_out: Callable[[str], object] = lambda reason: None,
) -> list[Path]:
    """Write one mesh file a scene; a scene that has no surface, or is damaged, is left out.

    Args:
        out: a folder, in which each file has its scene's name, quoted and of at most 204 characters; or, ending in
            .glb, .ply or .obj, the file of the one scene.
        scenes: the bank's scenes.
        names: which of them.
        config: how finely, and from which views the colours come.
        suffix: kind of the files in a folder.
        on_scene: told each name once it is done with.
        on_left_out: told why, for each scene that is left out; the reason names it.

    Returns:
        The files that were written.

    Raises:
        InputError: there is no scene, or several for one file; the suffix is another one; no scene has a surface.
    """
    if not names:
        raise InputError(f"{scenes.bank.folder}: the bank is empty; fit scenes first")
    one_file = out.suffix in SUFFIXES
    if one_file and len(names) > 1:
        raise InputError(f"{out}: one file for {len(names)} scenes; choose one with --scenes, or give a folder")
    require_scikit_image()
    written, reasons = [], []
    for name in names:
        file = out if one_file else out / f"{folder_name(name)}{suffix}"
        check_mesh_file(file)
        try:
            mesh = extract_mesh(scenes[name], config)
        except InputError as error:
            reasons.append(str(error))
        else:
            write_mesh(file, mesh)
            written.append(file)
        on_scene(name)
    if not written:
        raise InputError(*reasons)
    for reason in reasons:
        on_left_out(reason)
    return written


def write_mesh(path: Path, mesh: trimesh.Trimesh) -> None:
    """Write a mesh with vertex colours, whole or not at all.

    A glb is y up, as glTF wants it: (x, y, z) becomes (x, z, -y). Its colours are linear light and its material
    unlit, since the colours hold the light already. ply and obj keep z up and display colours (sRGB).

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
        # Eight bits of linear light would leave dark colours a handful of steps.
        accessor = list(tree["accessors"].values())[primitive["attributes"]["COLOR_0"]]
        accessor |= {"componentType": 5123, "min": linear.min(axis=0).tolist(), "max": linear.max(axis=0).tolist()}
        buffers[list(buffers)[accessor["bufferView"]]] = linear.tobytes()
        rough = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
        tree["materials"] = [{"pbrMetallicRoughness": rough, "extensions": {"KHR_materials_unlit": {}}}]
        tree["extensionsUsed"] = ["KHR_materials_unlit"]
        primitive["material"] = 0

    return export_glb(upright.scene(), buffer_postprocessor=finish)


def _linear_light(display: Float[np.ndarray, "vertex 4"]) -> Float[np.ndarray, "vertex 4"]:
    """The inverse of the sRGB transfer function (IEC 61966-2-1) on the colours; alpha stays."""
    rgb = display[:, :3]
    straight = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.concatenate([straight, display[:, 3:]], axis=1)
