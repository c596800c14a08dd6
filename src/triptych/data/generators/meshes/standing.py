"""Orientation and size of meshes: the upward axis, the quarter turn that puts long sides along x, the scale."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from triptych.data.generators.meshes.config import Orient
from triptych.data.generators.meshes.framing import Frame, largest_scale
from triptych.data.generators.meshes.mesh import Mesh

Turns = Literal["none", "all", "each"]
"""Which meshes are turned by a quarter: none, all, or each one whose longer side does not lie along x."""

LONG = 1.25
"""Ratio of the horizontal sides from which a mesh has a long side."""
MOSTLY_LONG = 0.75
"""Share of long meshes from which a set is one of long things."""
MIXED = 0.1
"""Share of the long meshes that lie across the others, from which a set is not oriented."""


@dataclass(frozen=True)
class Orientation:
    """What was decided for a set of meshes.

    Attributes:
        turns: which are turned by a quarter.
        reason: why, for people.
    """

    turns: Turns
    reason: str


def choose_turns(sides: Sequence[tuple[float, float]], orient: Orient) -> Orientation:
    """Decide for a set as a whole how its meshes are turned.

    A set whose long meshes agree on an axis is oriented: it is turned as a whole, if that puts this axis along x. The
    same holds for a set with few long meshes, such as chairs, where a few millimeters would decide. Only in a set of
    long things that lie both ways is each one turned by itself.

    Args:
        sides: length along x and along y of every mesh, z up.
        orient: ``auto`` for the above, ``keep`` for no turn, ``long-axis`` for each mesh by itself.
    """
    if orient == "keep":
        return Orientation("none", "kept as the files have it, as --orient keep requires")
    if orient == "long-axis":
        return Orientation(
            "each", "each mesh is turned so that its longer side lies along x, as --orient long-axis requires"
        )
    along_x = sum(x >= LONG * y for x, y in sides)
    along_y = sum(y >= LONG * x for x, y in sides)
    counted = f"of {len(sides)} meshes, {along_x} are clearly longer along x and {along_y} along y"
    if along_x + along_y >= MOSTLY_LONG * len(sides) and min(along_x, along_y) > MIXED * (along_x + along_y):
        return Orientation("each", f"{counted}: each is turned so that its longer side lies along x")
    if along_y > along_x:
        return Orientation("all", f"{counted}: all are turned by a quarter")
    return Orientation("none", f"{counted}: none is turned")


def set_upright(mesh: Mesh, up: Literal["y", "z"]) -> Mesh:
    """The mesh with z up: for ``"y"``, (x, y, z) becomes (x, -z, y)."""
    return _turned(mesh, np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])) if up == "y" else mesh


def turn(mesh: Mesh, turns: Turns) -> Mesh:
    """The mesh, z up, turned by a quarter about z if it is to be.

    The front of a glTF model, its +z, then looks along +x.
    """
    sides = np.ptp(mesh.vertices, axis=0)
    if turns == "all" or (turns == "each" and sides[1] > sides[0]):
        return _turned(mesh, np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]))
    return mesh


def resize(mesh: Mesh, extent: float, *, fit: Frame | None = None) -> Mesh:
    """Center the mesh's box in the origin and give its longest side a length.

    Args:
        mesh: z up.
        extent: length of the longest side, in world units.
        fit: what the whole has to fit: the mesh is made smaller where its shape asks for it. None lets it be cut.
    """
    lower, upper = mesh.bounds()
    vertices = (mesh.vertices - (lower + upper) / 2) * (extent / (upper - lower).max())
    if fit is not None:
        vertices = vertices * min(1.0, largest_scale(vertices, fit))
    return replace(mesh, vertices=vertices)


def horizontal_sides(mesh: Mesh) -> tuple[float, float]:
    """Length along x and along y of a mesh, z up."""
    x, y, _ = np.ptp(mesh.vertices, axis=0)
    return float(x), float(y)


def _turned(mesh: Mesh, matrix: Float[np.ndarray, "3 3"]) -> Mesh:
    return replace(mesh, vertices=mesh.vertices @ matrix.T, normals=(mesh.normals @ matrix.T).astype(np.float32))
