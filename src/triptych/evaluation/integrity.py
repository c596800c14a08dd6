"""Comparing all that triptych has stored at some place with its checksums."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import filter as filter_names
from functools import partial
from pathlib import Path

from triptych.autoencoder.own import ModuleNeededError
from triptych.autoencoder.saving import DESCRIPTION_NAME, load_autoencoder
from triptych.bank import BANK_FILE, OWN_MODEL, SCENES, SceneBank, findings
from triptych.bank.description import FILES
from triptych.bank.scene_file import SUFFIX as SCENE_SUFFIX
from triptych.bank.scene_file import read_scene_file
from triptych.data.cache.entry import load_index, map_pictures
from triptych.data.cache.room import PICTURES_FILE
from triptych.errors import InputError
from triptych.files import SUM, is_clutter, read_object
from triptych.model import MODEL_FILE, SHARED_FILE, CategoryModel, find_model
from triptych.training.checkpoint import checkpoint_files, read_checkpoint
from triptych.training.run import RUN_FILE, read_run_file

Comparison = Callable[[], bool]
"""Whether a part carries checksums, which then hold; raises ``InputError`` where it is damaged."""


@dataclass(frozen=True)
class CheckedPart:
    """What a comparison has found of one part: a scene, a model, a checkpoint, a picture of a cache.

    Attributes:
        part: what and where.
        summed: whether it carries checksums; what earlier versions stored does not.
        fault: what is wrong with it, or None.
    """

    part: str
    summed: bool = True
    fault: str | None = None


def check(path: Path) -> Iterator[CheckedPart]:
    """Compare everything of triptych's at a place, and in folders below, with its checksums.

    Args:
        path: a bank, a category model (or the name of one that comes with triptych), a run, a cache, a scene file, or
            any folder of these.

    Raises:
        InputError: there is nothing to compare.
    """
    place = path if path.exists() else find_model(path)
    if place.is_file():
        yield _checked(f"scene file {place}", partial(_scene_file, place))
        return
    nothing = True
    for part, compare in _parts_below(place):
        nothing = False
        yield _checked(part, compare)
    if nothing:
        raise InputError(f"{path}: expected a bank, a category model, a run, a cache or a scene file; found none")


def _checked(part: str, compare: Comparison) -> CheckedPart:
    try:
        return CheckedPart(part, summed=compare())
    except InputError as error:
        return CheckedPart(part, fault=str(error))


def _parts_below(root: Path) -> Iterator[tuple[str, Comparison]]:
    for name, below, files in os.walk(root):
        folder, entries = Path(name), {*below, *files}
        below[:] = sorted(entry for entry in below if not is_clutter(entry))
        # Told by their other files too, so that a document that is gone is missed.
        if BANK_FILE in entries or filter_names(entries, FILES):
            below[:] = [entry for entry in below if entry not in (SCENES, OWN_MODEL)]
            yield from _bank_parts(folder)
        if entries & {MODEL_FILE, SHARED_FILE}:
            yield f"model {folder}", partial(_model, folder)
        elif DESCRIPTION_NAME in entries:
            yield f"autoencoder {folder}", partial(_autoencoder, folder)
        if RUN_FILE in entries:
            yield from _run_parts(folder)
        if PICTURES_FILE in entries:
            yield f"cache {folder}", partial(_cache, folder)
        for file in sorted(entry for entry in entries if entry.endswith(SCENE_SUFFIX)):
            yield f"scene file {folder / file}", partial(_scene_file, folder / file)


def _bank_parts(folder: Path) -> Iterator[tuple[str, Comparison]]:
    path = folder / BANK_FILE
    yield f"bank {path}", partial(_document, path)
    if (folder / OWN_MODEL).exists():
        yield f"model {folder / OWN_MODEL}", partial(_model, folder / OWN_MODEL)
    try:
        bank = SceneBank(folder)
    except InputError:
        return  # as the line before has said
    for part, fault in findings(bank):
        yield part, partial(_found, fault)


def _run_parts(folder: Path) -> Iterator[tuple[str, Comparison]]:
    path = folder / RUN_FILE
    yield f"run {path}", partial(_run, path)
    for checkpoint in checkpoint_files(folder):
        yield f"checkpoint {checkpoint}", partial(_checkpoint, checkpoint)


def _document(path: Path) -> bool:
    SceneBank(path.parent)
    return SUM in read_object(path)


def _found(fault: str | None) -> bool:
    if fault is not None:
        raise InputError(fault)
    return True


def _model(folder: Path) -> bool:
    with suppress(ModuleNeededError):  # raised once all bytes have been compared
        CategoryModel.load(folder)
    return SUM in read_object(folder / MODEL_FILE)


def _autoencoder(folder: Path) -> bool:
    with suppress(ModuleNeededError):
        load_autoencoder(folder)
    return SUM in read_object(folder / DESCRIPTION_NAME)


def _run(path: Path) -> bool:
    return SUM in read_run_file(path)


def _checkpoint(path: Path) -> bool:
    read_checkpoint(path)
    return True


def _scene_file(path: Path) -> bool:
    return SUM in read_scene_file(path)[1]


def _cache(entry: Path) -> bool:
    index = load_index(entry)
    assert index is not None
    damaged = len(list(map_pictures(entry, index).damaged()))
    if damaged:
        file = entry / PICTURES_FILE
        raise InputError(f"{file}: {damaged} of {len(index.c2w)} pictures are damaged; delete {entry} and run again")
    return True
