"""Meshes unwrapped onto a picture."""

from dataclasses import dataclass

import numpy as np
import trimesh
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Bool, Float, Int

_GAP = 4
"""Texels between charts, so that neither filtering nor small copies of the texture mix them."""


@dataclass(frozen=True)
class Texels:
    """What lies under the texels of a texture.

    Attributes:
        covered: which texels show the mesh, rows from above.
        faces: the face under each of them, in the order of the rows.
        shares: how much of each corner of the face there is.
    """

    covered: Bool[np.ndarray, "row column"]
    faces: Int[np.ndarray, " texel"]
    shares: Float[np.ndarray, "texel 3"]


@dataclass(frozen=True)
class Atlas:
    """A mesh cut into charts that lie side by side on a picture.

    Attributes:
        origin: for each vertex of the cut mesh, the vertex of the mesh that it comes from.
        faces: its faces, in the order of the mesh's.
        places: column and row of each vertex in the picture, in texels from the upper left corner.
        width: of the picture, in texels.
        height: of the picture.
    """

    origin: Int[np.ndarray, " vertex"]
    faces: Int[np.ndarray, "face 3"]
    places: Float[np.ndarray, "vertex 2"]
    width: int
    height: int

    @classmethod
    def of(cls, mesh: trimesh.Trimesh, texels: int) -> "Atlas":
        """Unwrap a mesh onto a picture about as wide as ``texels``."""
        import xatlas

        atlas, packing = xatlas.Atlas(), xatlas.PackOptions()
        packing.resolution, packing.padding, packing.bilinear = texels, _GAP, True
        atlas.add_mesh(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
        atlas.generate(pack_options=packing)
        origin, faces, uv = atlas.get_mesh(0)
        width, height = atlas.width, atlas.height
        return cls(
            origin.astype(np.int64), faces.astype(np.int64), uv.astype(np.float64) * [width, height], width, height
        )

    @property
    def uv(self) -> Float[np.ndarray, "vertex 2"]:
        """Texture coordinates; v = 0 is the picture's lower edge."""
        u, v = (self.places / [self.width, self.height]).T
        return np.stack([u, 1 - v], axis=1)

    def texels(self) -> Texels:
        """What the middle of each texel lies on."""
        embree = EmbreeScene()
        flat = np.pad(self.places, ((0, 0), (0, 1))).astype(np.float32)
        TriangleMesh(embree, flat, self.faces.astype(np.int32))
        row, column = np.indices((self.height, self.width), dtype=np.float32).reshape(2, -1)
        above = np.stack([column + 0.5, row + 0.5, np.ones_like(row)], axis=1)
        hits = embree.run(above, np.tile(np.array([0, 0, -1], np.float32), (len(above), 1)), output=1)
        met = hits["primID"] >= 0
        u, v = hits["u"][met].astype(np.float64), hits["v"][met].astype(np.float64)
        shares = np.stack([1 - u - v, u, v], axis=1)
        return Texels(met.reshape(self.height, self.width), hits["primID"][met].astype(np.int64), shares)


def spread_outward(
    picture: Float[np.ndarray, "row column channel"], covered: Bool[np.ndarray, "row column"]
) -> Float[np.ndarray, "row column channel"]:
    """The picture with the nearest covered texel's color wherever nothing is covered."""
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(~covered, return_distances=False, return_indices=True)
    assert nearest is not None, "indices were asked for"
    row, column = nearest
    return picture[row, column]
