"""What a dataset's dataset.json declares."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from triptych.data.formats.discovery import DatasetFolder
from triptych.data.formats.writer import DATASET_FILE, FORMAT, VERSION
from triptych.data.generators.resumable import MAKING_FILE
from triptych.data.validation import LARGEST, Problems, finite_number
from triptych.errors import InputError
from triptych.files import read_json
from triptych.text import shown

_HEAD = 1 << 16
"""Bytes of a dataset.json in which its format must stand; one of another program may have hundreds of megabytes."""


@dataclass(frozen=True)
class Declaration:
    """What dataset.json says: a box around every scene, and scene names by use. Both may be missing."""

    aabb: Float[np.ndarray, "2 3"] | None = None
    splits: Mapping[str, tuple[str, ...]] | None = None


def read_declaration(dataset: DatasetFolder, problems: Problems) -> Declaration:
    """Read dataset.json as ``triptych`` writes it; a file of that name from another program declares nothing.

    Args:
        dataset: the scenes that are there.
        problems: where a file of another program is noted.

    Raises:
        InputError: the dataset is incomplete, or a field is not what ``write_dataset_file`` writes.
    """
    file = dataset.root / DATASET_FILE
    if not file.is_file():
        if (dataset.root / MAKING_FILE).is_file():
            raise InputError(f"{dataset.root}: this dataset is incomplete; run the command that makes it again")
        return Declaration()
    if any(scene.annotations is not None and scene.annotations.file == file for scene in dataset.scenes):
        return Declaration()
    if not _is_ours(file):
        problems.note(f"{file}: ignored, another program has written it")
        return Declaration()
    content = read_json(file)
    if not isinstance(content, dict) or content.get("version") != VERSION:
        version = content.get("version") if isinstance(content, dict) else None
        raise InputError(
            f"{file}, version: expected {VERSION}, found {shown(version)}; "
            "this dataset was written by another version of triptych"
        )
    return Declaration(_read_aabb(content.get("aabb"), file), _read_splits(content.get("splits"), file))


def check_complete(declaration: Declaration, dataset: DatasetFolder) -> None:
    """Refuse a dataset that lacks a scene of its splits.

    Raises:
        InputError: it does.
    """
    names = {scene.name for scene in dataset.scenes}
    for use, chosen in (declaration.splits or {}).items():
        missing = next((name for name in chosen if name not in names), None)
        if missing is not None:
            raise InputError(
                f"{dataset.root / DATASET_FILE}, splits, {use}: there is no scene {missing!r}; is the dataset complete?"
            )


def _is_ours(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
    except OSError as error:
        raise InputError(f"{file}: this file cannot be read ({error.strerror})") from None
    return re.search(rb'"format"\s*:\s*"' + FORMAT.encode() + rb'"', head) is not None


def _read_aabb(value: Any, file: Path) -> Float[np.ndarray, "2 3"]:
    corners = value if isinstance(value, list) else []
    if len(corners) != 2 or not all(isinstance(corner, list) and len(corner) == 3 for corner in corners):
        raise InputError(f"{file}, aabb: expected two corners of three numbers, found {shown(value)}")
    aabb = np.array([[finite_number(entry, f"{file}, aabb") for entry in corner] for corner in corners])
    if np.abs(aabb).max() > LARGEST:
        raise InputError(f"{file}, aabb: expected numbers up to {LARGEST:g}, found {shown(value)}")
    if not (aabb[0].astype(np.float32) < aabb[1].astype(np.float32)).all():
        raise InputError(f"{file}, aabb: expected the lower corner first, found {shown(value)}")
    return aabb


def _read_splits(value: Any, file: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise InputError(f"{file}, splits: expected scene names by use, found {shown(value)}")
    uses: dict[str, str] = {}
    for use, chosen in value.items():
        if not isinstance(chosen, list) or not all(isinstance(name, str) for name in chosen):
            raise InputError(f"{file}, splits, {use}: expected a list of scene names, found {shown(chosen)}")
        for name in chosen:
            if uses.setdefault(name, use) != use:
                raise InputError(f"{file}, splits: the scene {name!r} is in both {uses[name]!r} and {use!r}")
    return {use: tuple(sorted(chosen)) for use, chosen in value.items()}
