"""The surface of a scene as triangles: marching cubes over how solid it is, and fewer faces."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import trimesh
from jaxtyping import Float
from torch import Tensor
from trimesh.geometry import weighted_vertex_normals

from triptych.bank import Scene
from triptych.errors import InputError
from triptych.export.config import MeshConfig
from triptych.geometry import Cameras, Intervals, Orbit, Rays, SceneRays
from triptych.representation import kernels
from triptych.representation.config import SamplingConfig
from triptych.representation.field import Field
from triptych.representation.render import random_places
from triptych.representation.sdf import SDFField
from triptych.training.single.scene import SingleScene

RenderedScene = Scene | SingleScene
"""A scene of a bank, or one that was fitted by itself, whatever its field is."""
SOLID_WITHIN = 1 / 12
"""Half solid is what stops half of the light within this share of the box's longest side, unless a density is given:
thin enough that all of an object is about equally solid, however dense its parts are."""
STOPPED_AT_SURFACE = 0.25
"""Share of the light that has been stopped where views see the surface."""
_HIGHEST_LEVEL = 0.9
"""Solidity of the surface at most: nothing is more solid than 1."""
_RAY_SAMPLING = SamplingConfig(coarse=96, importance=0)
_PIXELS = 64
"""Side of the views that find where the surface is seen."""
_VIEWS = 8
"""How many of them there are on each circle."""

Grid = tuple[Float[np.ndarray, "x y z"], Float[np.ndarray, "3"], float]
"""Values in the middles of cubic voxels, the middle of the first, and the side of a voxel, both in world units."""


def find_surface(scene: RenderedScene, config: MeshConfig) -> trimesh.Trimesh:
    """The surface of a scene: closed, in world units, faces outward, of as many faces as the voxels give.

    Raises:
        InputError: the scene has no surface.
    """
    solidity, origin, voxel = _solidity(scene, config)
    return _without_small_parts(_surface(solidity, origin, voxel), config.smallest_part)


def with_fewer_faces(mesh: trimesh.Trimesh, most: int) -> trimesh.Trimesh:
    """A mesh of at most ``most`` faces, where that is fewer than there are (quadric error metrics, Garland and
    Heckbert 1997)."""
    from fast_simplification import simplify

    if len(mesh.faces) <= most:
        return mesh
    # In single precision, which its annotations do not know.
    points: Any = np.asarray(mesh.vertices, np.float32)
    simplified = simplify(points, np.asarray(mesh.faces, np.int32), target_count=most)
    return trimesh.Trimesh(simplified[0].astype(np.float64), simplified[1], process=False)


def with_even_normals(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The mesh with normals at its vertices in which faces count by their area and their angle there.

    By angle alone, the slivers that decimation leaves would count as much as the faces around them.
    """
    shares = mesh.face_angles * mesh.area_faces[:, None]
    mesh.vertex_normals = weighted_vertex_normals(len(mesh.vertices), mesh.faces, mesh.face_normals, shares)
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


def _solidity(scene: RenderedScene, config: MeshConfig) -> Grid:
    """What is 1/2 at the surface and more inside, in the voxels of ``density_grid``."""
    field = scene.field
    if isinstance(field, SDFField):
        distance, origin, voxel = distance_grid(field, config.resolution)
        if not distance.min() < 0:
            raise InputError(f"scene {scene.name!r}: its distances are nowhere negative, so that it has no surface")
        return (0.5 - distance / (4 * voxel)).clamp(0, 1).cpu().numpy(), origin, voxel
    density, origin, voxel = density_grid(field, config.resolution)
    half_solid = config.threshold or np.log(2) / (SOLID_WITHIN * longest_side(field))
    # Opacity instead of density: it levels off, so that the surface between two voxels is not drawn to the thinner one.
    sharp = (1 - torch.exp(density * (-np.log(2) / half_solid))).cpu().numpy()
    solidity = _smoothed(sharp, config.smoothing * longest_side(field) / voxel)
    level = 0.5 if config.threshold else _level_where_seen(scene, (solidity, origin, voxel), config)
    if not solidity.max() > level:
        raise InputError(
            f"scene {scene.name!r}: its density reaches {float(density.max()):.3g}, too little for the threshold of "
            f"{half_solid:.3g}; give a lower one"
        )
    return np.minimum(solidity * np.float32(0.5 / level), np.float32(1)), origin, voxel


def _smoothed(values: Float[np.ndarray, "x y z"], deviation: float) -> Float[np.ndarray, "x y z"]:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(values, deviation, mode="nearest") if deviation > 0 else values


def _level_where_seen(scene: RenderedScene, grid: Grid, config: MeshConfig) -> float:
    """How solid the scene is where views see its surface, in the middle of all pixels that do."""
    from scipy.ndimage import map_coordinates

    solidity, origin, voxel = grid
    circles = [Orbit(_VIEWS, config.radius, elevation) for elevation in config.elevations]
    seen = np.concatenate([_seen_surface(scene.field, scene.along(circle)) for circle in circles])
    if len(seen) == 0:
        raise InputError(
            f"scene {scene.name!r}: no view sees a surface in it; it is empty, or another radius is needed"
        )
    places = (seen - origin).T / voxel
    level = np.median(map_coordinates(solidity, places, order=1, mode="nearest"))
    return min(float(level), _HIGHEST_LEVEL)


def _seen_surface(field: Field, cameras: Cameras) -> Float[np.ndarray, "pixel 3"]:
    """Where rays have lost ``STOPPED_AT_SURFACE`` of their light, for those that lose as much."""
    rays = cameras.resized(_PIXELS, _PIXELS).rays().flatten()
    scene_rays = SceneRays.of_one(rays)
    intervals = kernels.place_samples(field, scene_rays, _RAY_SAMPLING, random_places(scene_rays, None))
    stopping = kernels.densities(field, scene_rays, intervals) * intervals.lengths
    passed, enough = stopping.cumsum(dim=1), -np.log(1 - STOPPED_AT_SURFACE)
    met = passed[:, -1] > enough
    sample = (passed[met] > enough).int().argmax(dim=1, keepdim=True)
    back = (passed[met].gather(1, sample) - enough) / stopping[met].gather(1, sample)
    at = intervals.ends[met].gather(1, sample) - back * intervals.lengths[met].gather(1, sample)
    return (rays.origins[met] + at * rays.directions[met]).cpu().double().numpy()


def longest_side(field: Field) -> float:
    """Of the scene box, in world units."""
    return float((field.aabb[1] - field.aabb[0]).max())


def _surface(solidity: Float[np.ndarray, "x y z"], first: Float[np.ndarray, "3"], voxel: float) -> trimesh.Trimesh:
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
