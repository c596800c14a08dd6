"""What a stored scene says about its data: which of its views it was fitted to, and how its dataset was opened.

A measurement can then leave out the views that were fitted, however the dataset is opened later.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from triptych.data import Dataset, DatasetConfig
from triptych.data.backgrounds import WHITE, color_text
from triptych.data.config import TestRule
from triptych.errors import InputError
from triptych.files import field_of
from triptych.text import shown

_OPTIONS = {
    "test_views": (int, type(None)),
    "test_rule": (str,),
    "above_ground": (bool,),
    "half_extent": (float, int, type(None)),
    "resolution": (int, type(None)),
    "follow_links": (bool,),
    "field_of_view": (float, int, type(None)),
    "background": (str,),
}
"""Options of a dataset that decide what its scenes look like, and the types that JSON may hold for them."""


@dataclass(frozen=True)
class Provenance:
    """Where a fitted scene comes from.

    Attributes:
        fitted: sorted lasting numbers of the views it was fitted to, see ``Dataset.view_numbers``.
        source: the dataset and how it was opened; None for pictures that were in memory.
    """

    fitted: tuple[int, ...]
    source: DatasetConfig | None

    @classmethod
    def of(cls, dataset: Dataset, scene: int) -> "Provenance":
        """That of a scene which is fitted to its training views."""
        numbers = dataset.view_numbers(scene)
        return cls(tuple(numbers[view] for view in dataset.views(scene).train), dataset.source)

    def record(self) -> dict[str, Any]:
        """As JSON values, to be part of a scene's record."""
        record: dict[str, Any] = {"fitted_views": as_ranges(self.fitted)}
        if self.source is not None:
            options = {name: getattr(self.source, name) for name in _OPTIONS}
            record["data"] = {"path": str(self.source.path), **options}
        return record

    @classmethod
    def read(cls, record: Mapping[str, Any], where: str) -> "Provenance | None":
        """From a scene's record; None where it has none, as those that were written before it was kept.

        Args:
            record: of a stored scene.
            where: the bank and the scene, for the message.

        Raises:
            InputError: a value in it is not what ``record`` writes.
        """
        if "fitted_views" not in record:
            return None
        return cls(_from_ranges(record["fitted_views"], where), _read_source(record.get("data"), where))


def fitted_views(dataset: Dataset) -> dict[str, str]:
    """The lasting numbers of every scene's training views, by name: what a run is about, besides the scenes."""
    return {name: as_ranges(Provenance.of(dataset, scene).fitted) for scene, name in enumerate(dataset.names)}


def background_unless_white(dataset: Dataset) -> dict[str, str]:
    """What a run is about besides scenes and views: the color behind its objects. Runs of earlier versions, all over
    white, do not say it."""
    return {} if dataset.background == WHITE else {"background": color_text(dataset.background)}


def as_ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as text: 0, 1, 2, 5 becomes "0-2,5"."""
    starts = [number for before, number in pairwise([-2, *numbers]) if number != before + 1]
    ends = [number for number, after in pairwise([*numbers, -2]) if after != number + 1]
    return ",".join(f"{start}-{end}" if start < end else f"{start}" for start, end in zip(starts, ends, strict=True))


def _from_ranges(text: object, where: str) -> tuple[int, ...]:
    if isinstance(text, str) and re.fullmatch(r"(\d{1,6}(-\d{1,6})?(,|$))*", text, re.ASCII):
        ends = [[int(end) for end in part.split("-")] for part in text.split(",") if part]
        if all(before < after for before, after in pairwise(end for part in ends for end in part)):
            return tuple(number for part in ends for number in range(part[0], part[-1] + 1))
    raise InputError(f'{where}: fitted_views is {shown(text)}, expected ascending numbers such as "0-3,5"')


def _read_source(data: object, where: str) -> DatasetConfig | None:
    if data is None:
        return None
    options = {name: value for name, value in data.items() if name in _OPTIONS} if isinstance(data, dict) else {}
    for name, value in options.items():
        if type(value) not in _OPTIONS[name] or (name == "test_rule" and value not in get_args(TestRule)):
            raise InputError(f"{where}: data.{name} is {shown(value)}, which it cannot be")
    return DatasetConfig(Path(field_of(data, "path", str, where)), **options)
