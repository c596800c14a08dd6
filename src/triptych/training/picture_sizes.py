"""Pictures of another size than a model was trained on: whether they can be fitted, and what the difference means."""

from triptych.data import Dataset
from triptych.errors import InputError
from triptych.geometry import CameraRange
from triptych.model import CategoryModel

_ALIKE = 1.25
"""Details up to so many times larger or smaller, in pixels, are taken for alike."""


def require_picture_size(dataset: Dataset, model: CategoryModel) -> None:
    """Refuse pictures that a model cannot be compared with.

    Raises:
        InputError: the sizes differ, and the model's autoencoder takes no other than its own, or does not divide them.
    """
    own, size = (model.config.height, model.config.width), dataset.picture_size
    if own == size:
        return
    if not model.autoencoder.takes_any_size:
        raise InputError(
            f"pictures of {_text(size)} pixels, but the model was trained on {_text(own)}, and its autoencoder (kind "
            f"{model.autoencoder.kind}) is not known to do alike at other sizes: make them smaller with --resolution, "
            "or train a model on their size"
        )
    side = model.autoencoder.downscale
    if size[0] % side or size[1] % side:
        raise InputError(
            f"pictures of {_text(size)} pixels: the model's autoencoder needs sides that are multiples of {side}; crop "
            f"them or add background, to {_text(_whole(size, side))} for instance, and move the principal points along"
        )


def require_own_size(dataset: Dataset, model: CategoryModel) -> None:
    """Refuse pictures of another size than the model was trained on.

    Raises:
        InputError: the sizes differ.
    """
    own, size = (model.config.height, model.config.width), dataset.picture_size
    if own != size:
        raise InputError(
            f"pictures of {_text(size)} pixels, but the model was trained on {_text(own)}: make them smaller with "
            "--resolution, or train a model on their size"
        )


def size_note(model: CategoryModel, dataset: Dataset, cameras: CameraRange) -> str | None:
    """A line about pictures of another size than the model's, None where the size is the same.

    Args:
        model: the category model.
        dataset: the pictures.
        cameras: where they were taken from.
    """
    own, size = (model.config.height, model.config.width), dataset.picture_size
    if own == size:
        return None
    larger = detail_scale(model, dataset, cameras)
    if model.is_image_space:
        meaning = "it renders colors, at any size"
    elif 1 / _ALIKE < larger < _ALIKE:
        meaning = "objects are about as large in them, in pixels, as the model knows them, which suits it"
    else:
        meaning = (
            f"objects and their textures are {larger:.2g} times as large in them, in pixels, as the model knows them: "
            f"its autoencoder has seen none such{_smaller(size, larger, model.autoencoder.downscale)}"
        )
    return f"pictures of {_text(size)} pixels, the model was trained on {_text(own)}; {meaning}"


def detail_scale(model: CategoryModel, dataset: Dataset, cameras: CameraRange) -> float:
    """How many times as large, in pixels, the same thing is in a dataset's pictures as in those that a model was
    trained on; where the model does not know its cameras, as if they were the same."""
    known = model.origin.cameras or cameras
    return _pixels(cameras, dataset.width) / _pixels(known, model.config.width)


def _pixels(cameras: CameraRange, width: int) -> float:
    """Pixels along a unit of the world, in the middle of what the cameras show."""
    return width * sum(cameras.focal) / sum(cameras.distance)


def _smaller(size: tuple[int, int], larger: float, side: int) -> str:
    """Which smaller pictures suit a model better, if any do."""
    widths = [size[1], *_smaller_widths(size, side)]
    nearest = min(widths, key=lambda width: max(larger * width / size[1], size[1] / (larger * width)))
    return f"; --resolution {nearest} is faster" if nearest < size[1] else ""


def _smaller_widths(size: tuple[int, int], side: int) -> list[int]:
    """The widths that ``--resolution`` can shrink pictures to with both sides multiples of ``side``, largest first."""
    height, width = size
    factors = [factor for factor in range(1, width // side + 1) if width % factor == 0 and height % factor == 0]
    return [width // factor for factor in factors if width // factor % side == 0 and height // factor % side == 0]


def _whole(size: tuple[int, int], side: int) -> tuple[int, int]:
    return max(side, round(size[0] / side) * side), max(side, round(size[1] / side) * side)


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
