"""Scenes as triangle meshes, with a texture or vertex colors from decoded views."""

from importlib import import_module

import numpy as np
import torch
import trimesh
from jaxtyping import Float, UInt8
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.color import ColorVisuals
from trimesh.visual.material import PBRMaterial

from triptych.errors import InputError
from triptych.export.atlas import Atlas, spread_outward
from triptych.export.config import MeshConfig
from triptych.export.seen_colors import ColorViews, spread_colors
from triptych.export.surface import RenderedScene, find_surface, with_even_normals, with_fewer_faces

_NEEDED = {"skimage.measure": "scikit-image", "fast_simplification": "fast-simplification", "xatlas": "xatlas"}
_WELL_SEEN = 0.05
"""Weight of the views of a texel from which its color is mostly what they show, not that of its neighbors."""


def require_mesh_extra() -> None:
    """Refuse to begin without what finds, simplifies and unwraps surfaces.

    Raises:
        InputError: one of the packages is not installed.
    """
    for module, package in _NEEDED.items():
        try:
            import_module(module)
        except ImportError:
            raise InputError(f'meshes need {package}; install it with pip install "triptych[mesh]"') from None


@torch.no_grad()
def extract_mesh(scene: RenderedScene, config: MeshConfig | None = None) -> trimesh.Trimesh:
    """The surface of a scene, in world units, z up, its colors display values (sRGB).

    Without a threshold, the surface lies where the scene is as solid as where views see it, after smoothing; with one,
    where the density reaches it; that of signed distances where they are zero. It ends at the scene box. Hollows that
    cannot be seen from outside are filled. Vertices that lie on a seam of the texture are there twice, with one normal.

    Args:
        scene: the scene.
        config: how finely, and from which views the colors come.

    Raises:
        InputError: a package of the extra ``mesh`` is missing; the scene has no surface; no view sees the mesh.
    """
    require_mesh_extra()
    config = config or MeshConfig()
    mesh = with_even_normals(with_fewer_faces(find_surface(scene, config), config.most_faces))
    views = ColorViews.around(scene, mesh, config)
    colors, weights = views.at(*_on_cpu(mesh.vertices, mesh.vertex_normals))
    if not weights.any():
        raise InputError(f"scene {scene.name!r}: no view sees its mesh; give another radius")
    colors = spread_colors(mesh, colors, weights)
    if config.colors == "vertices":
        mesh.visual = ColorVisuals(mesh, vertex_colors=_as_bytes(np.pad(colors, ((0, 0), (0, 1)), constant_values=1)))
        return mesh
    return _textured(mesh, colors, views, Atlas.of(mesh, config.texels))


def _textured(
    mesh: trimesh.Trimesh, colors: Float[np.ndarray, "vertex 3"], views: ColorViews, atlas: Atlas
) -> trimesh.Trimesh:
    """The mesh cut along the seams of an atlas, with a texture of what the views show of its texels."""
    texels = atlas.texels()

    def between(values: Float[np.ndarray, "vertex 3"]) -> Float[np.ndarray, "texel 3"]:
        return np.einsum("tc,tcx->tx", texels.shares, values[mesh.faces[texels.faces]])

    normals = between(mesh.vertex_normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    seen, weights = views.at(*_on_cpu(between(mesh.vertices), normals))
    share = (weights / (weights + _WELL_SEEN))[:, None]
    picture = np.zeros((atlas.height, atlas.width, 3))
    picture[texels.covered] = share * seen + (1 - share) * between(colors)
    texture = Image.fromarray(_as_bytes(spread_outward(picture, texels.covered)))
    material = PBRMaterial(baseColorTexture=texture, metallicFactor=0.0, roughnessFactor=1.0)
    return trimesh.Trimesh(
        mesh.vertices[atlas.origin],
        atlas.faces,
        vertex_normals=mesh.vertex_normals[atlas.origin],
        visual=TextureVisuals(uv=atlas.uv, material=material),
        process=False,
    )


def _on_cpu(*arrays: np.ndarray) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(np.array(array, np.float32)) for array in arrays)


def _as_bytes(values: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    return np.rint(255 * values.clip(0, 1)).astype(np.uint8)
