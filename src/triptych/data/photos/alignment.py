"""All objects in one frame: turned alike, centered, and of one size. ``alignment.json`` keeps the turns.

    {"format": "triptych-alignment", "version": 1, "objects": {"shoe_3": {"found": 211.4, "by_hand": 90.0}, ...}}

Degrees about z, counterclockwise as seen from above; ``by_hand`` may be changed, also to three numbers: degrees about
x, y and z, in this order. A turn that was found stays when objects are added; null is found again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.photos.fronts import Front, Polar, cylindrical, find_fronts
from triptych.data.photos.record import Record
from triptych.data.validation import finite_number
from triptych.errors import InputError
from triptych.files import Format, write_json
from triptych.geometry.similarity import Similarity, about_axis
from triptych.text import listed, shown

ALIGNMENT_FILE = "alignment.json"
ALL = "all"
_FORMAT = Format("triptych-alignment", 1, "an alignment.json, which `triptych data photos` writes")

ByHand = tuple[float, float, float]
"""Degrees about x, y and z."""


@dataclass(frozen=True)
class Turns:
    """How objects are turned, by name.

    Attributes:
        found: degrees about z that make objects face alike.
        by_hand: what is turned after that.
    """

    found: Mapping[str, float] = field(default_factory=dict)
    by_hand: Mapping[str, ByHand] = field(default_factory=dict)


def read_turns(root: Path) -> Turns:
    """The turns that an earlier run, or a hand, has left in a dataset; none where there is no file.

    Raises:
        InputError: the file holds something else.
    """
    file = root / ALIGNMENT_FILE
    if not file.is_file():
        return Turns()
    objects = _FORMAT.read(file).get("objects")
    if not isinstance(objects, dict) or not all(isinstance(entry, dict) for entry in objects.values()):
        raise InputError(f"{file}, objects: expected an object with found and by_hand by name, found {shown(objects)}")
    found, by_hand = {}, {}
    for name, entry in objects.items():
        if entry.get("found") is not None:
            found[name] = finite_number(entry["found"], f"{file}, {name}, found")
        by_hand[name] = _by_hand(entry.get("by_hand", 0.0), f"{file}, {name}, by_hand")
    return Turns(found, by_hand)


def _by_hand(value: Any, where: str) -> ByHand:
    angles = value if isinstance(value, list) else [0.0, 0.0, value]
    if len(angles) != 3:
        raise InputError(f"{where}: expected degrees about z, or about x, y and z, found {shown(value)}")
    x, y, z = (finite_number(angle, where) for angle in angles)
    return x, y, z


def asked_turns(turns: Turns, asked: Sequence[str], names: Sequence[str]) -> Turns:
    """The turns with those of the option ``turn``, which take the place of earlier ones by hand.

    Raises:
        InputError: there is no object of a name.
    """
    by_hand = dict(turns.by_hand)
    for given in asked:
        name, _, degrees = given.rpartition("=")
        if name != ALL and name not in names:
            raise InputError(f"--turn {given}: there is no object {name!r}; there are {listed(names)}")
        for each in names if name == ALL else [name]:
            x, y, _ = by_hand.get(each, (0.0, 0.0, 0.0))
            by_hand[each] = (x, y, float(degrees))
    return Turns(turns.found, by_hand)


def forget_turn(root: Path, name: str) -> None:
    """Leave the turn of an object to be found again, as when its cameras have changed; what is done by hand stays."""
    turns = read_turns(root)
    if name in turns.found:
        write_turns(root, Turns({other: turn for other, turn in turns.found.items() if other != name}, turns.by_hand))


def write_turns(root: Path, turns: Turns) -> None:
    """Write ``alignment.json``."""
    objects = {}
    for name in sorted({*turns.found, *turns.by_hand}):
        x, y, z = turns.by_hand.get(name, (0.0, 0.0, 0.0))
        objects[name] = {"found": turns.found.get(name), "by_hand": [x, y, z] if x or y else z}
    write_json(root / ALIGNMENT_FILE, _FORMAT.header() | {"objects": objects})


def choose_fronts(records: Mapping[str, Record], turns: Turns, like: Sequence[Polar]) -> dict[str, Front]:
    """How each object is turned so that all face alike.

    Args:
        records: the objects by name.
        turns: those found earlier stay.
        like: hulls of objects that are aligned already, if any.
    """
    names = list(records)
    polars = [cylindrical(record.hull) for record in records.values()]
    known = {number: turns.found[name] for number, name in enumerate(names) if name in turns.found}
    known |= {len(names) + number: 0.0 for number in range(len(like))}
    fronts = find_fronts([*polars, *like], known)
    return dict(zip(names, fronts, strict=False))


def final_frame(
    record: Record, degrees: float, by_hand: ByHand, extent: float
) -> tuple[Similarity, Float[Tensor, "2 3"]]:
    """The way from an object's own frame into that of all, and its box there: centered, its longest side ``extent``."""
    rotation = about_axis(2, degrees)
    for axis, angle in enumerate(by_hand):
        rotation = about_axis(axis, angle) @ rotation
    points = record.surface_points @ rotation.T
    low, high = points.amin(dim=0) - record.cell / 2, points.amax(dim=0) + record.cell / 2
    scale = extent / float((high - low).max())
    half = scale * (high - low) / 2
    return Similarity(scale, rotation, -scale * (low + high) / 2), torch.stack([-half, half])
