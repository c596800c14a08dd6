"""A mesh file as plain arrays, in its own axes and units."""

from pathlib import Path

import numpy as np

from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.gltf import read_gltf
from triptych.data.generators.meshes.mesh import Mesh, join
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError
from triptych.data.generators.meshes.wavefront import read_obj


@np.errstate(all="ignore")  # numbers that are not finite are found in the result
def load_mesh(path: Path, folder: MeshFolder) -> Mesh:
    """Read a mesh file, all its parts placed and joined.

    Args:
        path: a glb, gltf or obj file in the folder.
        folder: no file outside it is read, whatever the mesh says.

    Raises:
        UnreadableMeshError: it cannot be read, has no faces, no extent, or positions that are no numbers.
    """
    losses = Losses()
    read = read_obj if path.suffix.lower() == ".obj" else read_gltf
    try:
        parts = read(path, folder, losses)
    except UnreadableMeshError:
        raise
    # Whatever is wrong with one file must not stop the other thousand.
    except Exception as error:
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnreadableMeshError(f"cannot be parsed: {detail}") from error
    if not parts:
        raise UnreadableMeshError("has no faces")
    mesh = join(parts, tuple(losses))
    if not (np.abs(mesh.vertices) < 1e18).all():
        raise UnreadableMeshError("has vertex positions that are not finite numbers, or beyond 1e18")
    if not np.ptp(mesh.vertices, axis=0).max() > 1e-18:
        raise UnreadableMeshError("has no extent: all its faces are one point")
    return mesh
