"""Scenes as triangle meshes: marching cubes over the density, vertex colors from decoded views."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
import trimesh
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from trimesh.visual.color import ColorVisuals

from triptych.bank import Scene
from triptych.errors import InputError
from triptych.export.config import MeshConfig
from triptych.geometry import Cameras, Intervals, Orbit, Rays, SceneRays
from triptych.representation import kernels
from triptych.representation.config import SamplingConfig
from triptych.representation.field import Field
from triptych.representation.render import render
from triptych.representation.sdf import SDFField
from triptych.training.single.scene import SingleScene

RenderedScene = Scene | SingleScene
"""A scene of a bank, or one that was fitted by itself, whatever its field is."""
HALF_STOPPED_WITHIN = 1 / 50
"""The default threshold is the density that stops half of the light within this share of the box's longest side."""
DEPTH_TOLERANCE = 0.02
"""How far a vertex may lie behind the rendered depth and still be seen, as a share of the box's longest side."""
SEEN_OPACITY = 0.5
"""Where a view stops less light than this, its color is mostly that of the background."""
_DEPTH_SAMPLING = SamplingConfig(coarse=96, importance=0)


def require_scikit_image() -> None:
    """Refuse to begin without what finds surfaces.

    Raises:
        InputError: scikit-image is not installed.
    """
    try:
        import skimage.measure  # noqa: F401
    except ImportError:
        raise InputError('meshes need scikit-image; install it with pip install "triptych[mesh]"') from None


@torch.no_grad()
def extract_mesh(scene: RenderedScene, config: MeshConfig | None = None) -> trimesh.Trimesh:
    """The surface of a scene: closed, in world units, z up, with RGBA vertex colors (sRGB).

    The surface lies where the density reaches the threshold, that of signed distances where they are zero, and ends at
    the scene box. Hollows that cannot be seen from outside are filled.

    Args:
        scene: the scene.
        config: how finely, and from which views the colors come.

    Raises:
        InputError: scikit-image is not installed; the density reaches the threshold nowhere; no view sees the mesh.
    """
    config = config or MeshConfig()
    solidity, origin, voxel = _solidity(scene, config)
    mesh = _without_small_parts(_surface(solidity, origin, voxel), config.smallest_part)
    mesh.visual = ColorVisuals(mesh, vertex_colors=_colors(scene, mesh, config))
    return mesh


def density_grid(field: Field, resolution: int) -> tuple[Float[Tensor, "x y z"], Float[np.ndarray, "3"], float]:
    """Densities per world unit in the middles of cubic voxels that fill the scene box.

    Args:
        field: one scene.
        resolution: voxels along the box's longest side; along the others as many as fit best.

    Returns:
        The densities, the middle of the first voxel and the side of a voxel, both in world units.
    """

    def densities(rows: Rays, offsets: Float[Tensor, " x"], voxel: float) -> Float[Tensor, "y x"]:
        starts = (offsets - voxel / 2).expand(len(rows.origins), -1)
        return kernels.densities(field, SceneRays.of_one(rows), Intervals(starts, starts + voxel))

    return _grid(field.aabb, resolution, densities)


def distance_grid(field: SDFField, resolution: int) -> tuple[Float[Tensor, "x y z"], Float[np.ndarray, "3"], float]:
    """Signed distances in world units in the middles of the voxels of ``density_grid``."""

    def distances(rows: Rays, offsets: Float[Tensor, " x"], voxel: float) -> Float[Tensor, "y x"]:
        points = rows.origins[:, None] + offsets[:, None] * rows.directions[:, None]
        return field.distance(points.flatten(0, 1), [points.shape[0] * points.shape[1]]).reshape(points.shape[:2])

    return _grid(field.aabb, resolution, distances)


def _grid(
    aabb: Float[Tensor, "2 3"],
    resolution: int,
    read: Callable[[Rays, Float[Tensor, " x"], float], Float[Tensor, "y x"]],
) -> tuple[Float[Tensor, "x y z"], Float[np.ndarray, "3"], float]:
    """What ``read`` finds a layer at a time, along rays that each follow a row of voxels from its first middle."""
    lower, upper = aabb
    voxel = float((upper - lower).max()) / resolution
    counts = ((upper - lower) / voxel).round().clamp_min(1).int().tolist()
    first = (lower + upper) / 2 - voxel * (torch.tensor(counts, device=lower.device) - 1) / 2
    along_x = torch.tensor([1.0, 0.0, 0.0], device=lower.device)
    offsets = voxel * torch.arange(counts[0], device=lower.device)
    y = first[1] + voxel * torch.arange(counts[1], device=lower.device)
    layers = []
    for layer in range(counts[2]):
        z = first[2] + voxel * layer
        origins = torch.stack([first[0].expand_as(y), y, z.expand_as(y)], dim=-1)
        layers.append(read(Rays(origins, along_x.expand_as(origins)), offsets, voxel))
    return torch.stack(layers).permute(2, 1, 0), first.cpu().double().numpy(), voxel


def _solidity(
    scene: RenderedScene, config: MeshConfig
) -> tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "3"], float]:
    """What is 1/2 at the surface and more inside, in the voxels of ``density_grid``."""
    field = scene.field
    if isinstance(field, SDFField):
        distance, origin, voxel = distance_grid(field, config.resolution)
        if not distance.min() < 0:
            raise InputError(f"scene {scene.name!r}: its distances are nowhere negative, so that it has no surface")
        return (0.5 - distance / (4 * voxel)).clamp(0, 1).cpu().numpy(), origin, voxel
    threshold = config.threshold or np.log(2) / (HALF_STOPPED_WITHIN * _longest(field))
    density, origin, voxel = density_grid(field, config.resolution)
    # Opacity instead of density: it levels off, so that the surface between two voxels is not drawn to the thinner one.
    solidity = (1 - torch.exp(density * (-np.log(2) / threshold))).cpu().numpy()
    if not solidity.max() > 0.5:
        raise InputError(
            f"scene {scene.name!r}: its density reaches {float(density.max()):.3g}, below the threshold of "
            f"{threshold:.3g}; give a lower one"
        )
    return solidity, origin, voxel


def _longest(field: Field) -> float:
    return float((field.aabb[1] - field.aabb[0]).max())


def _surface(solidity: Float[np.ndarray, "x y z"], first: Float[np.ndarray, "3"], voxel: float) -> trimesh.Trimesh:
    require_scikit_image()
    from scipy.ndimage import binary_fill_holes
    from skimage.measure import marching_cubes

    solid = solidity >= 0.5
    hollow = np.asarray(binary_fill_holes(solid)) & ~solid
    closed = np.pad(np.where(hollow, 1.0, solidity), 1)
    # "ascent" turns the faces outwards: scikit-image winds them for volumes in the order z, y, x.
    vertices, faces, _, _ = marching_cubes(closed, 0.5, gradient_direction="ascent")
    return trimesh.Trimesh(first + voxel * (vertices.astype(np.float64) - 1), faces, process=False)


def _without_small_parts(mesh: trimesh.Trimesh, smallest_share: float) -> trimesh.Trimesh:
    labels = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(mesh.faces))
    faces_of_part = np.bincount(labels)
    fewest = np.minimum(smallest_share * len(mesh.faces), faces_of_part.max())
    mesh.update_faces(faces_of_part[labels] >= fewest)
    mesh.remove_unreferenced_vertices()
    return mesh


def _colors(scene: RenderedScene, mesh: trimesh.Trimesh, config: MeshConfig) -> UInt8[np.ndarray, "vertex 4"]:
    """Mean over the views that see a vertex, weighted by the cosine between its normal and the view's direction."""
    device, tolerance = scene.field.aabb.device, DEPTH_TOLERANCE * _longest(scene.field)
    vertices = torch.from_numpy(mesh.vertices).float().to(device)
    normals = torch.from_numpy(mesh.vertex_normals.copy()).float().to(device)
    total, weight = torch.zeros_like(vertices), vertices.new_zeros(len(vertices))
    for elevation in config.elevations:
        cameras = scene.model.along(Orbit(config.azimuths, config.radius, elevation))
        images = scene.render(cameras).images.clamp(0, 1)
        towards = cameras.c2w[:, None, :, 3] - vertices
        distance = towards.norm(dim=-1)
        cosine = (towards * normals).sum(dim=-1) / distance
        weights = cosine.clamp_min(0) * _visible(scene, cameras, vertices, distance, tolerance)
        total += (weights[..., None] * _at_vertices(images, cameras, vertices)).sum(dim=0)
        weight += weights.sum(dim=0)
    seen = weight > 0
    if not seen.any():
        raise InputError(f"scene {scene.name!r}: no view sees its mesh; give another radius")
    rgb = (total[seen] / weight[seen, None]).cpu().numpy()
    nearest = _nearest(mesh.vertices, seen.cpu().numpy())
    colors = np.full((len(vertices), 4), 255, dtype=np.uint8)
    colors[:, :3] = np.rint(255 * rgb)[nearest]
    return colors


def _visible(
    scene: RenderedScene,
    cameras: Cameras,
    vertices: Float[Tensor, "vertex 3"],
    distance: Float[Tensor, "view vertex"],
    tolerance: float,
) -> Bool[Tensor, "view vertex"]:
    """Which cameras see which vertices: those that are inside the picture and not behind the rendered depth."""
    maps = torch.cat([_depth_and_opacity(scene, cameras[[view]]) for view in range(len(cameras))])
    depth, opacity = _at_vertices(maps, cameras, vertices).unbind(dim=-1)
    pixels, in_front = cameras.project(vertices)
    inside = ((pixels > 0) & (pixels < pixels.new_tensor([cameras.width, cameras.height]))).all(dim=-1)
    return inside & (in_front > 0) & (opacity > SEEN_OPACITY) & (distance < depth + tolerance)


def _depth_and_opacity(scene: RenderedScene, camera: Cameras) -> Float[Tensor, "1 2 height width"]:
    """Both at the size of the pictures: the depth of a whole latent pixel would blur every edge."""
    rays = SceneRays.of_one(camera.rays())
    black = rays.flat.origins.new_zeros(1, scene.model.autoencoder.channels)
    rendering = render(scene.field, rays, black, _DEPTH_SAMPLING)
    return torch.stack([rendering.depth, rendering.opacity]).reshape(1, 2, camera.height, camera.width)


def _at_vertices(
    maps: Float[Tensor, "view channel height width"], cameras: Cameras, vertices: Float[Tensor, "vertex 3"]
) -> Float[Tensor, "view vertex channel"]:
    """Bilinear values of pictures where each camera sees each vertex."""
    pixels, _ = cameras.project(vertices)
    places = pixels / pixels.new_tensor([cameras.width, cameras.height]) * 2 - 1
    values = F.grid_sample(maps, places[:, None], mode="bilinear", padding_mode="border", align_corners=False)
    return values[:, :, 0].transpose(1, 2)


def _nearest(points: np.ndarray, known: Bool[np.ndarray, " vertex"]) -> np.ndarray:
    """For every point the number, among the known ones, of the nearest known one."""
    from scipy.spatial import KDTree

    return np.asarray(KDTree(points[known]).query(points)[1])
