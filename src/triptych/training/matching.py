"""Whether new pictures suit a category model: what lies in its box, how its cameras stood."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.data.backgrounds import ALIKE, are_alike, color_text
from triptych.data.evenly import evenly
from triptych.errors import InputError
from triptych.geometry import CameraRange, Cameras, intersect_aabb
from triptych.geometry.camera_range import Range
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel, find_model
from triptych.pictures import from_pixels
from triptych.progress import Progress
from triptych.training.outcome import compared_views
from triptych.training.picture_sizes import require_picture_size, size_note

_VIEWS_LOOKED_AT = 3
_REFUSED, _NOTED = 0.1, 0.02
"""Shares of what a scene's pictures show that lie where the model's box is not."""
_ALIKE = 1.5
"""Lengths up to so many times larger or smaller are taken for alike."""
_EDGES_COVERED = 0.5
_NAMED = 3
_SCENES_ENCODED = 16
_OF_ANOTHER_KIND, _MUCH_WORSE = 4.0, 6.0
"""dB by which the autoencoder does worse on pictures of another kind than on its own, and by which new scenes come out
worse than the model's own where something is wrong."""


def compare_with_model(
    model: CategoryModel, dataset: Dataset, scenes: Sequence[int], *, force: bool = False
) -> list[str]:
    """Compare new scenes with what a category model was trained on, before any work.

    Nothing can be rendered outside the model's box, so what the pictures show there is lost for certain: some pictures
    of each scene are searched for it. Another box, distance or focal length may do harm, and is only noted.

    Args:
        model: the category model.
        dataset: the dataset.
        scenes: numbers of the scenes to look at.
        force: note what would be refused, too.

    Returns:
        What differs, one line each.

    Raises:
        InputError: much of a scene lies outside the model's box, and ``force`` is not given.
    """
    if not scenes:
        return []
    looks = [_look(model, dataset, scene) for scene in scenes]
    cameras = camera_range(dataset, scenes, model.aabb.cpu())
    unlike, background = _unlike(model, dataset, cameras), color_text(dataset.background)
    lost = [look for look in looks if look.outside > _REFUSED]
    if lost and not force:
        raise InputError(
            f"{_lost(lost, len(looks), background)}; "
            f"{'; '.join(unlike) or 'box and cameras are like those of its training'}; move and scale the scenes as "
            "those of stage 1 were, leave some out with --scenes, or go on with --force"
        )
    noted = [look for look in looks if look.outside > _NOTED]
    notes = [_lost(noted, len(looks), background)] if noted else []
    notes += [*filter(None, [size_note(model, dataset, cameras)]), *_of_another_kind(model, dataset, scenes)]
    return notes + [f"unlike what the model was trained on: {line}" for line in unlike]


def notes_on_disk(data: DatasetConfig, model: Path, progress: Progress) -> list[str]:
    """What ``compare_with_model`` notes of a dataset and a category model, all of its scenes if none are chosen.

    Raises:
        InputError: one of them cannot be opened, or the model cannot be fitted to pictures of their size.
    """
    opened = CategoryModel.load(find_model(model))
    dataset = open_dataset(data, progress.reach)
    require_picture_size(dataset, opened)
    return compare_with_model(opened, dataset, range(len(dataset)), force=True)


def camera_range(dataset: Dataset, scenes: Sequence[int], aabb: Float[Tensor, "2 3"]) -> CameraRange:
    """Between which numbers the cameras of some scenes lie, around the middle of a box."""
    cameras = [dataset.cameras(scene) for scene in scenes]
    c2w, intrinsics = torch.cat([part.c2w for part in cameras]), torch.cat([part.intrinsics for part in cameras])
    return CameraRange.of(Cameras(c2w, intrinsics, dataset.height, dataset.width), aabb.mean(dim=0))


@torch.no_grad()
def autoencoder_psnr(model: CategoryModel, dataset: Dataset, scenes: Sequence[int]) -> float | None:
    """What the autoencoder of a model alone makes of some pictures of some scenes, in dB; None where all are blank."""
    telling = [scene for scene in scenes if not dataset.is_blank(scene)]
    values = []
    for scene in evenly(telling, _SCENES_ENCODED):
        pixels = dataset.images(scene, compared_views(dataset, scene))
        images = from_pixels(pixels, model.aabb.device)
        values += psnr(model.decode(model.encode(images)), images)
    return mean(values) if values else None


def _of_another_kind(model: CategoryModel, dataset: Dataset, scenes: Sequence[int]) -> list[str]:
    """A line where the autoencoder cannot show what is in the pictures."""
    own = model.origin.autoencoder_psnr
    found = None if own is None else autoencoder_psnr(model, dataset, scenes)
    if own is None or found is None or found > own - _OF_ANOTHER_KIND:
        return []
    return [
        f"pictures of another kind than those that the model was trained on: its autoencoder alone makes {found:.1f} "
        f"dB of these, {own:.1f} dB of its own; scenes hardly get better than that, so train a model on such pictures"
    ]


def worse_than_own(model: CategoryModel, decibels: float) -> str | None:
    """A line where new scenes come out much worse than the model's own."""
    own = model.origin.scenes_psnr
    if own is None or decibels > own - _MUCH_WORSE:
        return None
    return (
        f"{decibels:.1f} dB on the test views of these scenes, {own:.1f} dB on those of the model's own: are these "
        "objects of another kind, turned or scaled otherwise, or fitted too briefly? Look at them with `triptych eval`"
    )


@dataclass(frozen=True)
class _Look:
    """A scene as seen against the model's box.

    Attributes:
        name: of the scene.
        outside: of the pixels that show something, the share whose rays miss the box.
        edges: of the pixels at the edges of the pictures, the share that shows something.
    """

    name: str
    outside: float
    edges: float


def _look(model: CategoryModel, dataset: Dataset, scene: int) -> _Look:
    train = dataset.views(scene).train
    views, behind = evenly(train, _VIEWS_LOOKED_AT), torch.tensor(dataset.background)
    shown = ((torch.from_numpy(dataset.images(scene, views)).int() - behind).abs() > ALIKE).any(dim=-1)
    near, far = intersect_aabb(dataset.cameras(scene)[views].rays(), model.aabb.cpu())
    outside = shown & ~(far > near).reshape(shown.shape)
    edges = torch.cat([shown[:, 0], shown[:, -1], shown[:, :, 0], shown[:, :, -1]], dim=1)
    share = float(outside.sum() / shown.sum().clamp_min(1))
    return _Look(dataset.names[scene], share, float(edges.float().mean()))


def _lost(looks: Sequence[_Look], count: int, background: str) -> str:
    worst = sorted(looks, key=lambda look: -look.outside)[:_NAMED]
    backgrounds = {True: f", its background is not {background}", False: ""}
    named = [f"{look.name}: {look.outside:.0%}{backgrounds[look.edges > _EDGES_COVERED]}" for look in worst]
    return (
        f"{len(looks)} of {count} scene(s) reach beyond the model's box, where nothing can be rendered; of what their "
        f"pictures show, this share is lost: {'; '.join(named)}{'; ...' if len(looks) > _NAMED else ''}"
    )


def _unlike(model: CategoryModel, dataset: Dataset, found: CameraRange) -> list[str]:
    """What differs between the data and the model's training, with the numbers of both."""
    lines = []
    if not _same_sides(dataset.aabb.cpu(), model.aabb.cpu()):
        lines.append(f"the data's box is {_box(dataset.aabb)}, the model's {_box(model.aabb)}")
    if not are_alike(dataset.background, model.origin.background):
        behind = color_text(model.origin.background)
        advice = f", give --background '{behind}'" if len(dataset.opaque) < len(dataset) else ""
        lines.append(f"objects stand before {color_text(dataset.background)}, the model's before {behind}{advice}")
    expected = model.origin.cameras
    if expected is not None and not _alike(found.distance, expected.distance):
        lines.append(f"the cameras are {_text(found.distance)} away, the model's were {_text(expected.distance)}")
    if expected is not None:
        focal = _by_shorter_side(found.focal, dataset.height, dataset.width)
        own = _by_shorter_side(expected.focal, model.config.height, model.config.width)
        if not _alike(focal, own):
            lines.append(f"focal lengths are {_text(focal)} times a picture's shorter side, the model's {_text(own)}")
    return lines


def _by_shorter_side(focal: Range, height: int, width: int) -> Range:
    """Focal lengths in picture widths by what pictures of any shape have in common."""
    ratio = width / min(height, width)
    return ratio * focal[0], ratio * focal[1]


def _same_sides(box: Float[Tensor, "2 3"], other: Float[Tensor, "2 3"]) -> bool:
    ratio = (box[1] - box[0]) / (other[1] - other[0])
    return bool((ratio <= _ALIKE).all() and (ratio >= 1 / _ALIKE).all())


def _alike(found: Range, expected: Range) -> bool:
    return expected[0] / _ALIKE <= found[0] and found[1] <= expected[1] * _ALIKE


def _text(values: Range) -> str:
    return " to ".join(dict.fromkeys(f"{value:.3g}" for value in values))


def _box(aabb: Float[Tensor, "2 3"]) -> str:
    sides = zip(*aabb.tolist(), strict=True)
    return " x ".join(f"±{high:.3g}" if low == -high else f"({low:.3g} to {high:.3g})" for low, high in sides)
