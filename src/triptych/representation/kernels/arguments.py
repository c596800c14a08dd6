"""What the operators of all fused kernels begin with: the scenes, their rays and the tiny MLP, as plain tensors."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.geometry import SceneRays
from triptych.geometry.bit_grid import SIDE
from triptych.representation.field import TriPlaneField

SCENES = (
    "Tensor planes, Tensor hidden_weight, Tensor hidden_bias, Tensor output_weight, Tensor output_bias, "
    "Tensor aabb, Tensor origins, Tensor directions, SymInt[] rays_per_scene, "
    "bool relu, bool sigmoid, float density_scale, float density_shift"
)
"""The first arguments of each operator, in the words of a torch schema."""


class SceneArguments(NamedTuple):
    """The first arguments of each operator, by name."""

    planes: Float[Tensor, "scene 3 side side feature"]
    hidden_weight: Float[Tensor, "hidden feature"]
    hidden_bias: Float[Tensor, " hidden"]
    output_weight: Float[Tensor, "output hidden"]
    output_bias: Float[Tensor, " output"]
    aabb: Float[Tensor, "2 3"]
    origins: Float[Tensor, "ray 3"]
    directions: Float[Tensor, "ray 3"]
    rays_per_scene: Sequence[int]
    relu: bool
    sigmoid: bool
    density_scale: float
    density_shift: float

    def of_density_alone(self) -> "SceneArguments":
        """The same with an MLP whose one output is the density."""
        return self._replace(output_weight=self.output_weight[:1], output_bias=self.output_bias[:1])


COUNT = len(SceneArguments._fields)
PARAMETER_COUNT = 5
"""How many of them, from the first on, can have gradients."""
TENSOR_COUNT = 8
"""How many of them, from the first on, are tensors."""
OPAQUE_DEPTH = 13.8
"""Optical depth at which a ray ends: less than 1e-6 of the light is left."""


def parameters(field: TriPlaneField) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Planes, hidden weight and bias, output weight and bias."""
    mlp = field.mlp
    return field.planes, mlp.hidden.weight, mlp.hidden.bias, mlp.output.weight, mlp.output.bias


def needs_gradients(field: TriPlaneField) -> bool:
    """Whether anybody asks for gradients of what is rendered of a field."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in parameters(field))


def scene_arguments(field: TriPlaneField, rays: SceneRays) -> SceneArguments:
    """The first arguments of an operator."""
    config = field.mlp.config
    relu, sigmoid = config.hidden_activation == "relu", config.channel_activation == "sigmoid"
    constants = relu, sigmoid, float(config.density_scale), float(config.density_shift)
    tensors = *parameters(field), field.aabb, rays.flat.origins, rays.flat.directions
    return SceneArguments(*tensors, list(rays.per_scene), *constants)


def gradients_like(arguments: tuple[Any, ...], *, mlp_gradient: bool) -> tuple[Tensor, ...]:
    """Tensors of the shapes that an operator's gradients have, not filled; empty ones for an MLP that needs none."""
    planes, *mlp = arguments[:PARAMETER_COUNT]
    return planes.new_empty(planes.shape), *(
        parameter.new_empty(parameter.shape if mlp_gradient else 0) for parameter in mlp
    )


def check_rays(rays_per_scene: Sequence[int], scenes: int, rays: int) -> None:
    """Refuse counts that do not divide the rays among the scenes.

    Raises:
        InputError: they do not.
    """
    if len(rays_per_scene) != scenes or sum(rays_per_scene) != rays:
        raise InputError(
            f"rays_per_scene: expected {scenes} counts that sum to {rays} rays, "
            f"got {len(rays_per_scene)} that sum to {sum(rays_per_scene)}"
        )


def check_occupancy(occupancy: Tensor | None, scenes: int) -> None:
    """Refuse an occupancy that is not one bit grid per scene.

    Raises:
        InputError: it is not.
    """
    shape = scenes, SIDE, SIDE
    if occupancy is not None and (occupancy.dtype != torch.int32 or occupancy.shape != shape):
        raise InputError(
            f"occupancy: expected int32 of shape {list(shape)}, got {occupancy.dtype} {list(occupancy.shape)}"
        )
