"""Faces of any number of corners cut into triangles."""

import numpy as np
from jaxtyping import Float, Int

from triptych.data.generators.meshes.problems import Losses

MOST_CORNERS = 500
"""Of a hollow face: cutting ears takes time that grows with their cube."""
_STRAIGHT = 1e-4
"""How much a corner may turn inwards, beside the sharpest of its face, and still count as straight."""


def triangulate(
    vertices: Float[np.ndarray, "vertex 3"],
    corners: Int[np.ndarray, " corner"],
    sizes: Int[np.ndarray, " face"],
    losses: Losses,
) -> tuple[Int[np.ndarray, "triangle 3"], Int[np.ndarray, " triangle"]]:
    """Triangles as positions in the list of corners, and the face that each comes from.

    Convex faces become fans around their first corner; hollow ones are cut ear by ear, so that no triangle
    lies outside them.

    Args:
        vertices: positions.
        corners: vertex of every corner of every face, face by face.
        sizes: number of corners of every face.
        losses: where to note hollow faces of too many corners, which become fans all the same.
    """
    firsts = np.cumsum(sizes) - sizes
    triangles, owners = [np.empty((0, 3), np.int64)], [np.empty(0, np.int64)]
    for size in np.unique(sizes[sizes >= 3]):
        faces = np.flatnonzero(sizes == size)
        places = firsts[faces, None] + np.arange(size)
        fans = np.stack([np.zeros(size - 2, np.int64), np.arange(1, size - 1), np.arange(2, size)], axis=-1)
        cut = np.broadcast_to(fans, (len(faces), *fans.shape)).copy()
        hollow = np.flatnonzero(_is_hollow(vertices[corners[places]])) if size > 3 else np.empty(0, np.int64)
        if size > MOST_CORNERS and len(hollow):
            losses.add(f"the exact shape of faces with more than {MOST_CORNERS} corners")
            hollow = hollow[:0]
        for face in hollow:
            cut[face] = _ears(vertices[corners[places[face]]])
        triangles.append((firsts[faces, None, None] + cut).reshape(-1, 3))
        owners.append(np.repeat(faces, size - 2))
    return np.concatenate(triangles), np.concatenate(owners)


def _normals(polygons: np.ndarray) -> np.ndarray:
    """Newell's normals, whose length is twice the area."""
    following = np.roll(polygons, -1, axis=-2)
    return np.cross(polygons, following).sum(axis=-2)


def _is_hollow(polygons: np.ndarray) -> np.ndarray:
    before, after = polygons - np.roll(polygons, 1, axis=1), np.roll(polygons, -1, axis=1) - polygons
    turns = np.einsum("pci,pi->pc", np.cross(before, after), _normals(polygons))
    return (turns < -_STRAIGHT * np.abs(turns).max(axis=1, keepdims=True)).any(axis=1)


def _ears(polygon: np.ndarray) -> np.ndarray:
    """Ear clipping (Meisters 1975): cut off corners whose triangle holds no other corner."""
    normal = _normals(polygon[None])[0]
    flat = np.delete(polygon, np.abs(normal).argmax(), axis=1)
    if _area(flat) < 0:
        flat = flat * np.array([1.0, -1.0])
    left, ears = list(range(len(polygon))), []
    while len(left) > 3:
        place = next((place for place in range(len(left)) if _is_ear(flat, left, place)), 0)
        ears.append([left[place - 1], left[place], left[(place + 1) % len(left)]])
        del left[place]
    return np.array([*ears, left])


def _area(flat: np.ndarray) -> float:
    following = np.roll(flat, -1, axis=0)
    return float((flat[:, 0] * following[:, 1] - flat[:, 1] * following[:, 0]).sum())


def _is_ear(flat: np.ndarray, left: list[int], place: int) -> bool:
    a, b, c = flat[left[place - 1]], flat[left[place]], flat[left[(place + 1) % len(left)]]
    if _side(a, b, c) <= 0:
        return False
    points = flat[left]
    points = points[~(points[:, None] == np.stack([a, b, c])).all(axis=-1).any(axis=-1)]
    inside = (_side(a, b, points) >= 0) & (_side(b, c, points) >= 0) & (_side(c, a, points) >= 0)
    return not inside.any()


def _side(a: np.ndarray, b: np.ndarray, points: np.ndarray) -> np.ndarray | np.floating:
    """Positive where points lie to the left of the line from a to b."""
    return (b[0] - a[0]) * (points[..., 1] - a[1]) - (b[1] - a[1]) * (points[..., 0] - a[0])
