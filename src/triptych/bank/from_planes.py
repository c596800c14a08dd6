"""The way back from planes to scenes: of planes that were edited, or that a generative model has made."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from triptych.bank.scene import Scene
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.representation.config import PlaneConfig
from triptych.representation.planes import compose

Numbers = Any
"""An array of numpy, a tensor of torch, or nested sequences of numbers."""


def scenes_from_planes(
    model: CategoryModel,
    planes: Numbers,
    coefficients: Numbers | None = None,
    names: Sequence[str] | None = None,
    *,
    channels_first: bool = False,
    full: bool = False,
) -> dict[str, Scene]:
    """Scenes of planes that come from elsewhere, ready to be rendered, or to be stored with ``save_scenes``.

    Args:
        model: the category model of the planes.
        planes: micro planes [scene, 3, K, K, F_mic] (XY, XZ, YZ; rows, columns, features), as `ScenePlanes` and
            `PlaneStream` give them: not scaled.
        coefficients: coefficients of the base planes [scene, M]. None takes those of the mean scene; for full planes,
            those whose macro planes are nearest (least squares).
        names: a name for each scene; generated_0000, generated_0001 ... if not given.
        channels_first: planes are [scene, 3, feature, K, K].
        full: planes hold micro and macro features, as ``triptych.export.write_planes`` has them with ``normalize`` off:
            of scenes whose planes are concatenated, F_mic + F_mac features; else their sum.

    Returns:
        the scenes by name, on the device of the model. What of full planes' macro features no coefficients can make is
        lost; the record says how much: ``macro_residual``, 0 for nothing, 1 for all.

    Raises:
        InputError: a shape is another one than the model's, a number is not finite, or names are not as many or twice
            the same.
    """
    sizes = model.config.planes
    found = _checked_planes(_tensor(planes, "planes", model), sizes, channels_first=channels_first, full=full)
    given = (
        None
        if coefficients is None
        else _checked_coefficients(_tensor(coefficients, "coefficients", model), found, sizes)
    )
    chosen = _names(names, len(found))
    records: list[dict[str, Any]] = [{"source": "planes"} for _ in chosen]
    micro, weights = found, given
    if full:
        micro, weights, residuals = _taken_apart(model, found, given)
        for record, residual in zip(records, residuals, strict=True):
            record["macro_residual"] = residual
    if weights is None:
        weights = model.start_coefficients.expand(len(found), -1)
    parts = zip(chosen, micro, weights, records, strict=True)
    return {name: Scene(model, own, base, name, record) for name, own, base, record in parts}


def _tensor(values: Numbers, what: str, model: CategoryModel) -> Tensor:
    try:
        tensor = values.detach() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
        tensor = tensor.to(model.aabb)
    except (TypeError, ValueError):
        raise InputError(f"{what}: expected an array of numbers, found {type(values).__name__}") from None
    broken = (~tensor.isfinite()).flatten(1).any(dim=1) if tensor.ndim > 1 else ~tensor.isfinite()
    for number in broken.nonzero().flatten().tolist():
        raise InputError(f"{what}: those of scene number {number} hold numbers that are not finite")
    return tensor


def _checked_planes(planes: Tensor, sizes: PlaneConfig, *, channels_first: bool, full: bool) -> Tensor:
    """Planes of the right shape, channels last."""
    side, features = sizes.resolution, sizes.features if full else sizes.micro_features
    expected = (3, features, side, side) if channels_first else (3, side, side, features)
    if tuple(planes.shape[1:]) != expected or not len(planes):
        raise InputError(
            f"planes: expected [scene, {', '.join(map(str, expected))}], as the model's, found shape "
            f"{list(planes.shape)}{_hint(planes, sizes, channels_first=channels_first, full=full)}"
        )
    return planes.permute(0, 1, 3, 4, 2).contiguous() if channels_first else planes


def _hint(planes: Tensor, sizes: PlaneConfig, *, channels_first: bool, full: bool) -> str:
    """What would make planes of this shape right."""
    side, shape = sizes.resolution, tuple(planes.shape[1:])
    for whole in (full, not full):
        features = sizes.features if whole else sizes.micro_features
        for first in (channels_first, not channels_first):
            if shape == ((3, features, side, side) if first else (3, side, side, features)):
                return f"; they would be right with channels_first={first}, full={whole}"
    return ""


def _checked_coefficients(coefficients: Tensor, planes: Tensor, sizes: PlaneConfig) -> Tensor:
    expected = [len(planes), sizes.coefficients]
    if list(coefficients.shape) != expected:
        raise InputError(f"coefficients: expected {expected}, found shape {list(coefficients.shape)}")
    return coefficients


def _names(names: Sequence[str] | None, count: int) -> list[str]:
    if names is None:
        return [f"generated_{number:04d}" for number in range(count)]
    chosen = [names] if isinstance(names, str) else list(names)
    if len(chosen) != count or not all(isinstance(name, str) and name for name in chosen):
        raise InputError(f"names: expected a name for each of {count} scene(s), found {len(chosen)} value(s)")
    if len(set(chosen)) < count:
        twice = next(name for name in chosen if chosen.count(name) > 1)
        raise InputError(f"names: {twice!r} stands there twice; each scene has a name of its own")
    return chosen


def _taken_apart(
    model: CategoryModel, planes: Float[Tensor, "scene 3 k k feature"], given: Tensor | None
) -> tuple[Float[Tensor, "scene 3 k k micro"], Float[Tensor, "scene base"], list[float]]:
    """Micro planes and coefficients of full planes, and what share of the macro planes is lost."""
    sizes = model.config.planes
    nothing = planes.new_zeros(len(planes), *sizes.micro_shape)
    if sizes.combine == "sum" and sizes.micro_features and sizes.macro_features:
        # Any coefficients will do: the micro planes make up for them.
        weights = model.start_coefficients.expand(len(planes), -1) if given is None else given
        return planes - compose(sizes, nothing, weights, model.base), weights, [0.0] * len(planes)
    micro, macro = planes.split([sizes.micro_features, planes.shape[-1] - sizes.micro_features], dim=-1)
    weights = _nearest(macro, model.base) if given is None else given
    made = compose(sizes, nothing, weights, model.base)[..., sizes.micro_features :]
    lost = (made - macro).flatten(1).norm(dim=1) / macro.flatten(1).norm(dim=1).clamp_min(1e-12)
    return micro.contiguous(), weights, lost.tolist()


def _nearest(
    macro: Float[Tensor, "scene 3 k k macro"], base: Float[Tensor, "base 3 k k macro"]
) -> Float[Tensor, "scene base"]:
    """The coefficients whose macro planes are nearest, in double precision."""
    if not base.numel():
        return macro.new_zeros(len(macro), len(base))
    flat = base.detach().flatten(1).double().cpu()
    found = torch.linalg.lstsq(flat.T, macro.flatten(1).double().cpu().T, driver="gelsd")
    return found.solution.T.to(macro)
