"""Similarities: rotations with a scale and a shift, which carry one world frame into another."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.cameras import Cameras


@dataclass(frozen=True)
class Similarity:
    """The map x -> scale · rotation x + shift.

    Attributes:
        scale: positive.
        rotation: a proper rotation.
        shift: in units of the frame that it leads to.
    """

    scale: float
    rotation: Float[Tensor, "3 3"]
    shift: Float[Tensor, "3"]

    def points(self, points: Float[Tensor, "*point 3"]) -> Float[Tensor, "*point 3"]:
        """Points carried along."""
        return self.scale * points @ self.rotation.T + self.shift

    def cameras(self, cameras: Cameras) -> Cameras:
        """Cameras carried along: they take the same pictures of a world that is carried along, too."""
        turned = self.rotation @ cameras.c2w[:, :, :3]
        eyes = self.points(cameras.c2w[:, :, 3])
        c2w = torch.cat([turned, eyes[:, :, None]], dim=2)
        return Cameras(c2w, cameras.intrinsics, cameras.height, cameras.width)

    def after(self, first: "Similarity") -> "Similarity":
        """Both, ``first`` before this one."""
        rotation = self.rotation @ first.rotation
        return Similarity(self.scale * first.scale, rotation, self.points(first.shift))

    @classmethod
    def onto_ball(
        cls, center: Float[Tensor, "3"], radius: float, rotation: Float[Tensor, "3 3"] | None = None
    ) -> "Similarity":
        """The one that carries a ball onto the ball of radius 1/2 around the origin, and then turns it."""
        turned = torch.eye(3, dtype=center.dtype) if rotation is None else rotation
        return cls(0.5 / radius, turned, -0.5 / radius * turned @ center)


def about_axis(axis: int, degrees: float) -> Float[Tensor, "3 3"]:
    """The rotation about the x (0), y (1) or z axis (2), counterclockwise as seen from its tip."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    rotation = torch.eye(3, dtype=torch.float64)
    rotation[first, first] = rotation[second, second] = c
    rotation[second, first], rotation[first, second] = s, -s
    return rotation


def rotation_between(start: Float[Tensor, "3"], end: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """The shortest rotation that carries one unit vector to another (Rodrigues' formula)."""
    axis, cosine = torch.linalg.cross(start, end), float(start @ end)
    if cosine < -1 + 1e-12:  # any axis across will do
        across = torch.linalg.cross(start, torch.eye(3, dtype=start.dtype)[int(start.abs().argmin())])
        across = across / across.norm()
        return 2 * across[:, None] * across - torch.eye(3, dtype=start.dtype)
    x, y, z = axis.tolist()
    cross = start.new_tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return torch.eye(3, dtype=start.dtype) + cross + cross @ cross / (1 + cosine)
