"""Which fields the CPU kernel renders, and the arguments that its operators get of them."""

import torch

from triptych.errors import InputError
from triptych.geometry import SceneRays
from triptych.representation.field import Field, TriPlaneField
from triptych.representation.kernels.arguments import SceneArguments, parameters, scene_arguments


def supports(field: Field) -> bool:
    """Whether this kernel can handle this field: tri-planes in float32 on the CPU, square ones."""
    return (
        isinstance(field, TriPlaneField)
        and field.planes.shape[2] == field.planes.shape[3]
        and all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in parameters(field))
    )


def require_supported(field: Field) -> None:
    """Refuse what this kernel cannot handle.

    Raises:
        InputError: the field is not one it supports.
    """
    if not isinstance(field, TriPlaneField):
        raise InputError(f"backend cpu: renders tri-planes alone, got {type(field).__name__}; use auto or reference")
    if not supports(field):
        planes = field.planes
        raise InputError(
            f"backend cpu: expected float32 planes [scene, 3, K, K, feature] and MLP on the CPU, got {planes.dtype} "
            f"{list(planes.shape)} on {planes.device}; use backend auto or reference"
        )


def supported_arguments(field: TriPlaneField, rays: SceneRays) -> SceneArguments:
    """The arguments that all operators begin with.

    Raises:
        InputError: see ``require_supported`` and ``arguments.check_rays``.
    """
    require_supported(field)
    return scene_arguments(field, rays)
