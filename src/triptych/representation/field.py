"""What is rendered: fields, tri-plane scenes above all, and how finely rays sample them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int32
from torch import Tensor

from triptych.representation.mlp import TinyMLP
from triptych.representation.planes import triplane_features


@runtime_checkable
class Field(Protocol):
    """One or several scenes in a box, known by the density and the channels at their points."""

    @property
    def aabb(self) -> Float[Tensor, "2 3"]:
        """Lower and upper corner of the scene box."""
        ...

    @property
    def occupancy(self) -> Int32[Tensor, "scene z y"] | None:
        """Which cells of the box may hold matter, in the bits of `triptych.geometry.bit_grid`; samples in other cells
        are left out. None samples everywhere."""
        ...

    @property
    def proposal(self) -> "Field":
        """The field whose density tells where importance samples go, often this one."""
        ...

    def query(
        self, points: Float[Tensor, "point 3"], directions: Float[Tensor, "point 3"], points_per_scene: Sequence[int]
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "point channel"]]:
        """Density per world unit and channels at world points seen along unit directions, grouped by scene."""
        ...


@dataclass(frozen=True)
class TriPlaneField:
    """Several scenes that can be rendered: their tri-planes, the tiny MLP and the box they live in.

    Attributes:
        planes: full tri-planes, channels last.
        mlp: the tiny MLP all of them share.
        aabb: lower and upper corner of the scene box.
        occupancy: which cells may hold matter; see ``Field``.
    """

    planes: Float[Tensor, "scene 3 row column feature"]
    mlp: TinyMLP
    aabb: Float[Tensor, "2 3"]
    occupancy: Int32[Tensor, "scene z y"] | None = None

    @property
    def proposal(self) -> "TriPlaneField":
        """This field."""
        return self

    def query(
        self, points: Float[Tensor, "point 3"], directions: Float[Tensor, "point 3"], points_per_scene: Sequence[int]
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "point channel"]]:
        """See ``Field``; the same from all directions."""
        return self.mlp(lookup(self.planes, points, points_per_scene, self.aabb))


def lookup(
    planes: Float[Tensor, "scene 3 row column feature"],
    points: Float[Tensor, "point 3"],
    points_per_scene: Sequence[int],
    aabb: Float[Tensor, "2 3"],
) -> Float[Tensor, "point feature"]:
    """Features of points of several scenes, grouped by scene."""
    parts = zip(planes, points.split(list(points_per_scene)), strict=True)
    return torch.cat([triplane_features(scene_planes, scene_points, aabb) for scene_planes, scene_points in parts])
