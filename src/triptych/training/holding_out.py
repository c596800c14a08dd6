"""Scenes at the end of the data that a training measures instead of learning from them."""

from triptych.data import Dataset
from triptych.errors import InputError


def require_others(dataset: Dataset, held_out: int) -> None:
    """Refuse data of which nothing is left to learn from.

    Raises:
        InputError: there are no more scenes than are held out.
    """
    if len(dataset) <= held_out:
        raise InputError(
            f"{len(dataset)} scene(s), of which {held_out} are held out to be measured: expected more scenes, or a "
            "smaller --held-out"
        )
