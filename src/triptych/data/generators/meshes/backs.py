"""Backs of single-sided surfaces that hide what should be seen.

glTF leaves out the backs of triangles whose material is not double-sided. Outlines of cartoon-like models rely on it:
a black shell around the object, turned inside out. But most files are single-sided by default and not by intention:
their leaves and cloths would vanish when seen from behind, and views could not agree about what is visible from one
side only. So a back is left out where the cameras see hardly anything but
backs of its part, and find the fronts of other parts behind them.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from triptych.data.generators.meshes.mesh import Mesh

_SIDE = 48
_DIRECTIONS = 12
_MOSTLY_BACKS = 0.9
_OFTEN = 0.3
_STEP = 1e-5


def find_hidden_backs(
    mesh: Mesh, cast: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
) -> Bool[np.ndarray, " face"]:
    """Faces whose backs are left out, decided part by part with rays from the side of the cameras.

    Args:
        mesh: z up, around the origin.
        cast: gives Embree's hits for origins and directions.
    """
    single = np.array([surface.single_sided for surface in mesh.surfaces])
    hidden = np.zeros(len(mesh.surfaces), bool)
    if single.any() and len(mesh.surfaces) > 1:
        part, back, next_part, next_back = _seen_twice(mesh, cast)
        for index in np.unique(part[single[part]]):
            here = part == index
            behind = here & back
            uncovers = behind & (next_part >= 0) & (next_part != index) & ~next_back
            hidden[index] = back[here].mean() > _MOSTLY_BACKS and uncovers.sum() > _OFTEN * behind.sum()
    return hidden[mesh.part_of_face]


def seen_from_behind(
    mesh: Mesh, faces: Int[np.ndarray, " hit"], directions: Float[np.ndarray, "hit 3"]
) -> Bool[np.ndarray, " hit"]:
    """Whether rays meet faces on the side from which their corners run clockwise."""
    a, b, c = mesh.vertices[mesh.faces[faces]].transpose(1, 0, 2)
    return (np.cross(b - a, c - a) * directions).sum(-1) > 0


def _seen_twice(mesh: Mesh, cast: Callable) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For rays that hit: part and side of the first surface, and of the next one of another part (-1 for none)."""
    origins, directions = _rays(mesh)
    hits = cast(origins, directions)
    met = hits["primID"] >= 0
    first, directions = hits["primID"][met], directions[met]
    part = mesh.part_of_face[first]
    next_part, next_back = np.full(len(part), -1), np.zeros(len(part), bool)
    # Shells have thickness or folds: up to three more surfaces of the same part are passed.
    waiting, starts = np.arange(len(part)), origins[met] + (hits["tfar"][met] + _STEP)[:, None] * directions
    for _ in range(4):
        hits = cast(starts, directions[waiting])
        met = hits["primID"] >= 0
        waiting, starts, face = waiting[met], starts[met], hits["primID"][met]
        starts = starts + (hits["tfar"][met] + _STEP)[:, None] * directions[waiting]
        other = mesh.part_of_face[face] != part[waiting]
        next_part[waiting[other]] = mesh.part_of_face[face[other]]
        next_back[waiting[other]] = seen_from_behind(mesh, face[other], directions[waiting[other]])
        waiting, starts = waiting[~other], starts[~other]
        if len(waiting) == 0:
            break
    return part, seen_from_behind(mesh, first, directions), next_part, next_back


def _rays(mesh: Mesh) -> tuple[Float[np.ndarray, "ray 3"], Float[np.ndarray, "ray 3"]]:
    """Parallel rays from directions all around the upper half, through the whole object."""
    radius = float(np.linalg.norm(mesh.vertices, axis=1).max())
    height = (np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS * 0.95
    azimuth = np.arange(_DIRECTIONS) * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - height**2)
    toward = -np.stack([across * np.cos(azimuth), across * np.sin(azimuth), height], axis=-1)
    right = np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(_DIRECTIONS)], axis=-1)
    up = np.cross(right, toward)
    grid = ((np.arange(_SIDE) + 0.5) / _SIDE * 2 - 1) * radius
    x, y = (axis.reshape(1, -1, 1) for axis in np.meshgrid(grid, grid))
    origins = x * right[:, None] + y * up[:, None] - 2 * radius * toward[:, None]
    directions = np.broadcast_to(toward[:, None], origins.shape)
    return origins.reshape(-1, 3), directions.reshape(-1, 3).copy()
