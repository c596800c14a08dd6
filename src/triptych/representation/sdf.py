"""Signed distances on tri-planes, rendered as volumes (VolSDF, Yariv et al. 2021).

    density(x) = Psi(-s(x)) / beta        Psi the cumulative distribution of Laplace's of scale beta

where s is the signed distance, negative inside. The tiny MLP's first output is added to the distance from a sphere, so
that a fresh scene is a ball.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.representation.field import lookup
from triptych.representation.mlp import TinyMLP

FIRST_RADIUS = 0.5
"""Radius of the first ball, in halves of the box's shortest side."""


@dataclass(frozen=True)
class SDFField:
    """Scenes given by signed distances, as a ``Field``.

    Attributes:
        planes: tri-planes, channels last.
        mlp: from features to a distance in units of the box's longest side, and channels.
        log_beta: logarithm of beta, which is in world units.
        aabb: the scene box.
    """

    planes: Float[Tensor, "scene 3 row column feature"]
    mlp: TinyMLP
    log_beta: Float[Tensor, ""]
    aabb: Float[Tensor, "2 3"]
    occupancy: None = None

    @property
    def proposal(self) -> "SDFField":
        """This field."""
        return self

    def query(
        self, points: Float[Tensor, "point 3"], directions: Float[Tensor, "point 3"], points_per_scene: Sequence[int]
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "point channel"]]:
        """See ``Field``."""
        distance, raw = self._distance_and_raw(points, points_per_scene)
        return laplace_density(distance, self.log_beta.exp()), self.mlp.activated(raw[:, 1:])

    def distance(self, points: Float[Tensor, "point 3"], points_per_scene: Sequence[int]) -> Float[Tensor, " point"]:
        """Signed distance in world units, negative inside."""
        return self._distance_and_raw(points, points_per_scene)[0]

    def gradients(self, points: Float[Tensor, "point 3"], points_per_scene: Sequence[int]) -> Float[Tensor, "point 3"]:
        """Gradient of the distance by central differences one texel wide (Neuralangelo, Li et al. 2023): unlike the
        analytic one it reaches beyond the texels around a point, and needs no second derivative of the lookup."""
        steps = torch.diag((self.aabb[1] - self.aabb[0]) / self.planes.shape[2] / 2)
        parts = [
            (self.distance(points + step, points_per_scene) - self.distance(points - step, points_per_scene))
            / (2 * step.sum())
            for step in steps
        ]
        return torch.stack(parts, dim=-1)

    def _distance_and_raw(
        self, points: Float[Tensor, "point 3"], points_per_scene: Sequence[int]
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "point output"]]:
        raw = self.mlp.raw(lookup(self.planes, points, points_per_scene, self.aabb))
        size = self.aabb[1] - self.aabb[0]
        ball = (points - self.aabb.mean(dim=0)).norm(dim=-1) - FIRST_RADIUS * size.min() / 2
        return ball + size.max() * raw[:, 0], raw


def laplace_density(distance: Float[Tensor, " point"], beta: Float[Tensor, ""]) -> Float[Tensor, " point"]:
    """Density of points at a signed distance from a surface (VolSDF, equations 2 and 3 with alpha = 1 / beta)."""
    tail = 0.5 * torch.exp(-distance.abs() / beta)
    return torch.where(distance > 0, tail, 1 - tail) / beta


def eikonal_loss(gradients: Float[Tensor, "point 3"]) -> Float[Tensor, ""]:
    """Mean squared deviation of the gradients' length from 1, which every distance function has (Gropp et al. 2020)."""
    return (gradients.norm(dim=-1) - 1).square().mean()
