"""The colors of a surface, from decoded views around it."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
import trimesh
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.export.config import MeshConfig
from triptych.export.surface import RenderedScene, longest_side
from triptych.geometry import Cameras, Orbit

DEPTH_TOLERANCE = 0.01
"""How far a point may lie behind the mesh and still be seen, as a share of the box's longest side, ..."""
_PIXELS_BESIDE = 2.0
"""... beside what the surface recedes within as many pixels."""
_AT_OUTLINE = 0.01
"""Weight of a pixel beside the mesh's outline, where the background shines in; others have 1."""
_FACING = 2
"""The power of the cosine between normal and view that weighs a view."""
_COUPLING = 0.02
"""How strongly neighboring vertices share a color, in weights of a view that faces them."""


@dataclass(frozen=True)
class ColorViews:
    """Decoded views of a scene, with what each sees of its mesh.

    Attributes:
        cameras: of the views.
        images: what they show, RGB in [0, 1].
        nearest: smallest distance from the camera to the mesh around each pixel, infinite where none is hit.
        inner: whether all pixels around each pixel show the mesh.
        tolerance: how far a point may lie behind the mesh, in world units.
    """

    cameras: Cameras
    images: Float[Tensor, "view 3 height width"]
    nearest: Float[Tensor, "view height width"]
    inner: Bool[Tensor, "view height width"]
    tolerance: float

    @classmethod
    def around(cls, scene: RenderedScene, mesh: trimesh.Trimesh, config: MeshConfig) -> "ColorViews":
        """On the circles that the configuration names."""
        circles = [scene.along(Orbit(config.azimuths, config.radius, elevation)) for elevation in config.elevations]
        images = torch.cat([scene.render(cameras).images.clamp(0, 1).cpu() for cameras in circles])
        first = circles[0]
        c2w, intrinsics = (torch.cat([getattr(cameras, name) for cameras in circles]) for name in ("c2w", "intrinsics"))
        cameras = Cameras(c2w.cpu(), intrinsics.cpu(), first.height, first.width)
        distance = _distances(mesh, cameras)
        nearest = -F.max_pool2d(-distance, 3, stride=1, padding=1)
        inner = F.max_pool2d(distance, 3, stride=1, padding=1).isfinite()
        return cls(cameras, images, nearest, inner, DEPTH_TOLERANCE * longest_side(scene.field))

    def at(
        self, points: Float[Tensor, "point 3"], normals: Float[Tensor, "point 3"]
    ) -> tuple[Float[np.ndarray, "point 3"], Float[np.ndarray, " point"]]:
        """Colors of points of the surface, the mean of the views that see them, and what the weights sum to."""
        total, weight = torch.zeros_like(points), points.new_zeros(len(points))
        for view in range(len(self.cameras)):
            of_view = self._weights(view, points, normals)
            total += of_view[:, None] * self._colors(view, points)
            weight += of_view
        return (total / weight.clamp_min(1e-9)[:, None]).double().numpy(), weight.double().numpy()

    def _weights(
        self, view: int, points: Float[Tensor, "point 3"], normals: Float[Tensor, "point 3"]
    ) -> Float[Tensor, " point"]:
        camera = self.cameras[[view]]
        seen = camera.project(points)
        inside, pixel = seen.inside[0], seen.pixels()[0]
        towards = camera.c2w[0, :, 3] - points
        distance = towards.norm(dim=-1)
        cosine = ((towards * normals).sum(dim=-1) / distance).clamp(1e-3, 1)
        recedes = _PIXELS_BESIDE * distance / camera.intrinsics[0, 0] * (1 / cosine**2 - 1).sqrt()
        nearest, inner = self.nearest[view].flatten()[pixel], self.inner[view].flatten()[pixel]
        visible = inside & (distance < nearest + self.tolerance + recedes) & (cosine > 1e-3)
        return visible * cosine**_FACING * torch.where(inner, 1.0, _AT_OUTLINE)

    def _colors(self, view: int, points: Float[Tensor, "point 3"]) -> Float[Tensor, "point 3"]:
        """Bilinear values of a picture where its camera sees the points."""
        pixels = self.cameras[[view]].project(points).points
        places = pixels / pixels.new_tensor([self.cameras.width, self.cameras.height]) * 2 - 1
        image = self.images[[view]]
        values = F.grid_sample(image, places[None], mode="bilinear", padding_mode="border", align_corners=False)
        return values[0, :, 0].T


def _distances(mesh: trimesh.Trimesh, cameras: Cameras) -> Float[Tensor, "view height width"]:
    """From each camera to the mesh along the ray through each pixel; infinite where it is not hit."""
    embree = EmbreeScene()
    TriangleMesh(embree, mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))
    rays = cameras.rays().flatten()
    hits = embree.run(rays.origins.contiguous().numpy(), rays.directions.contiguous().numpy(), output=1)
    distance = np.where(hits["primID"] >= 0, hits["tfar"], np.inf).astype(np.float32)
    return torch.from_numpy(distance).reshape(len(cameras), cameras.height, cameras.width)


def spread_colors(
    mesh: trimesh.Trimesh, colors: Float[np.ndarray, "vertex 3"], weights: Float[np.ndarray, " vertex"]
) -> Float[np.ndarray, "vertex 3"]:
    """A color for every vertex: about its own where it is seen well, and between those of its neighbors elsewhere.

    They minimize the sum of weights * |c - color|² over vertices and of _COUPLING * |c - c'|² over edges.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import splu

    count, (one, other) = len(mesh.vertices), mesh.edges_unique.T
    links = coo_matrix((np.full(len(one), _COUPLING), (one, other)), shape=(count, count))
    links = links + links.T
    laplacian = diags(np.asarray(links.sum(axis=1)).ravel()) - links
    # The mean color, at next to no weight, is for parts of which nothing is seen.
    faint, mean = 1e-7, np.average(colors, axis=0, weights=weights)
    system = (laplacian + diags(weights + faint)).tocsc()
    return splu(system).solve(weights[:, None] * colors + faint * mean)
