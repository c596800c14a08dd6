"""Whether fitting a scene has worked: its test views, against the mean start and what the autoencoder alone reaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.bank import StoragePrecision
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.files import check_seal, field_of, read_object, write_sealed_json
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.representation.occupancy import with_occupancy
from triptych.training.loop import Stateful
from triptych.training.scenes import SceneParameters

FAILED_FILE = "failed.json"
_LEAST_SHARE = 0.15
"""Of the way in dB from the mean start to what the autoencoder alone reaches, a fit has to go so much at least."""
_FAR_ENOUGH = 40.0
"""PSNR in dB beyond which nothing has to be reached: no autoencoder at all, in image space, loses nothing."""


@dataclass(frozen=True)
class Outcome:
    """How well a scene was fitted.

    Attributes:
        test_psnr: mean over its test views in dB; None where it has none.
        problem: why it does not count as fitted; None where it does.
        finite: whether all its numbers are, in the format that they are stored in.
    """

    test_psnr: float | None
    problem: str | None
    finite: bool


@dataclass(frozen=True)
class Reference:
    """What a fitted scene is compared with.

    Attributes:
        start: PSNR of the mean start in dB, over the views of ``compared_views``.
        ceiling: the same of the autoencoder alone.
    """

    start: float
    ceiling: float


@torch.no_grad()
def references(model: CategoryModel, dataset: Dataset) -> list[Reference]:
    """Those of every scene, for a model that is not fine-tuned yet."""
    start = with_occupancy(model.field(model.start_micro[None], model.start_coefficients[None]))
    background, device, found = model.background(), model.aabb.device, []
    for scene in range(len(dataset)):
        views = compared_views(dataset, scene)
        images = _images(dataset, scene, views, device)
        rendered = model.render_views(start, dataset.cameras(scene)[views].to(device), background)
        ceiling = model.decode(model.encode(images))
        found.append(Reference(mean(psnr(rendered.images, images)), mean(psnr(ceiling, images))))
    return found


@torch.no_grad()
def judge(
    model: CategoryModel,
    scenes: SceneParameters,
    dataset: Dataset,
    scene: int,
    reference: Reference,
    precision: StoragePrecision,
) -> Outcome:
    """Measure one fitted scene on its test views, and tell whether fitting it has worked.

    Args:
        model: what it is rendered with.
        scenes: the fitted parameters of the dataset's scenes.
        dataset: the pictures.
        scene: its number.
        reference: from ``references``.
        precision: the number format that it is to be stored in.
    """
    micro, coefficients = scenes.micro.values[scene], scenes.coefficients.values[scene]
    stored = micro.to(getattr(torch, precision))
    views = list(dataset.views(scene).test) or compared_views(dataset, scene)
    cameras = dataset.cameras(scene)[views].to(model.aabb.device)
    rendered = model.render_scene(micro, coefficients, cameras).images
    if not all(bool(numbers.isfinite().all()) for numbers in (stored, coefficients, rendered)):
        return Outcome(None, "its numbers are no longer finite: lower the rates", finite=False)
    quality = psnr(rendered, _images(dataset, scene, views, model.aabb.device))
    compared = mean([quality[views.index(view)] for view in compared_views(dataset, scene)])
    test_psnr = mean(quality) if dataset.views(scene).test else None
    return Outcome(test_psnr, _problem(compared, reference), finite=True)


def compared_views(dataset: Dataset, scene: int) -> list[int]:
    """Two of a scene's test views, or of its training views where it has no others."""
    views = dataset.views(scene).test or dataset.views(scene).train
    return sorted({views[0], views[len(views) // 2]})


def _problem(found: float, reference: Reference) -> str | None:
    if found - reference.start >= _LEAST_SHARE * (min(reference.ceiling, _FAR_ENOUGH) - reference.start):
        return None
    return (
        f"{found:.1f} dB, where the mean start that it was fitted from has {reference.start:.1f} and the autoencoder "
        f"alone {reference.ceiling:.1f}"
    )


def _images(
    dataset: Dataset, scene: int, views: list[int], device: torch.device
) -> Float[Tensor, "view 3 height width"]:
    return torch.from_numpy(dataset.images(scene, views)).to(device).permute(0, 3, 1, 2).float() / 255


def require_finite(model: Stateful, run: Path) -> None:
    """Refuse to store what a training has brought forth whose numbers are no longer finite.

    Args:
        model: what it has trained.
        run: the run's folder, for the message.

    Raises:
        InputError: a number of the model is infinite, or not a number.
    """
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise InputError(f"{run}: training has diverged, its numbers are no longer finite; begin anew with lower rates")


def note_failures(bank: Path, found: Mapping[str, str | None]) -> None:
    """Keep in a bank's folder which scenes could not be fitted, so that no later mean passes over them unsaid.

    Args:
        bank: the bank's folder.
        found: what was wrong with each scene; None for one that is in the bank now.
    """
    before = read_failures(bank)
    now = {name: problem for name, problem in {**before, **found}.items() if problem is not None}
    if now != before:
        write_sealed_json(bank / FAILED_FILE, {"scenes": now})


def read_failures(bank: Path) -> dict[str, str]:
    """What was wrong with each scene that could not be fitted into a bank, by name.

    Raises:
        InputError: the file is damaged.
    """
    path = bank / FAILED_FILE
    if not path.exists():
        return {}
    document = read_object(path)
    check_seal(path, document, required=True)
    scenes = field_of(document, "scenes", dict, path)
    return {name: field_of(scenes, name, str, path) for name in scenes}
