"""Writing a bank anew: into another number of files, without gaps, while others read it and add to it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from triptych.bank.description import ENDING, FILES
from triptych.bank.scene_bank import SceneBank
from triptych.bank.shards import place_of
from triptych.bank.sqlite_file import SqliteFile
from triptych.bank.stored_scene import Row
from triptych.bank.upkeep import looked_through
from triptych.errors import InputError
from triptych.files import temporary_folder

_AT_ONCE = 16 << 20
"""Bytes of scenes in one transaction."""


def compact(folder: str | Path, files: int = 1, on_scene: Callable[[], object] = lambda: None) -> None:
    """Write a bank's scenes anew into so many files. Whoever adds scenes waits for the last moment of it at most.

    Args:
        folder: the bank's.
        files: over how many files the scenes are spread: about as many processes add without waiting for each other.
        on_scene: called after each scene.

    Raises:
        InputError: a scene is damaged, or another process has just done the same; the bank is left as it is.
    """
    folder, bank = Path(folder), SceneBank(folder)
    before = bank.shards.files()
    with temporary_folder(folder) as temporary, ExitStack() as held:
        new = [SqliteFile.create(temporary / name) for name in _unused_names(folder, files)]
        reached = [_copy(bank, file, 0, new, on_scene) for file in before]
        for file in before:  # from here on nobody adds, until the new files have taken their place
            held.enter_context(file.held())
        if bank.shards.files() != before:
            raise InputError(f"{folder}: another process has compacted this bank in the meantime")
        for file, last in zip(before, reached, strict=True):
            _copy(bank, file, last, new, on_scene)
        _remove(folder, keep=before)  # what was killed in the next three lines
        for file in new:
            file.path.rename(folder / file.path.name)
        replace(bank.description, files=tuple(file.path.name for file in new)).write(folder)
    _remove(folder, keep=bank.shards.files())


def _copy(
    bank: SceneBank, file: SqliteFile, after: int, new: Sequence[SqliteFile], on_scene: Callable[[], object]
) -> int:
    """Copy the scenes of a file that come after an id; tells the last one's."""
    waiting: list[list[Row]] = [[] for _ in new]
    size, last = 0, file.last_id()
    for row in _sound_rows(bank, file, after, last):
        waiting[place_of(row.name, len(new))].append(row)
        size += sum(map(len, row))
        if size > _AT_ONCE:
            _flush(waiting, new)
            size = 0
        on_scene()
    _flush(waiting, new)
    return last


def _sound_rows(bank: SceneBank, file: SqliteFile, after: int, last: int) -> Iterator[Row]:
    for scene in looked_through(bank, file, after + 1, last):
        if scene.fault is not None or scene.row is None:
            remedy = f"`triptych bank merge NEW {bank.folder}` copies the others"
            raise InputError(f"{scene.what} is damaged: {scene.fault}; {remedy}")
        yield scene.row


def _flush(waiting: list[list[Row]], new: Sequence[SqliteFile]) -> None:
    for rows, file in zip(waiting, new, strict=True):
        if rows:
            file.add(rows)
            rows.clear()


def _unused_names(folder: Path, count: int) -> list[str]:
    numbers = [file.stem.removeprefix("scenes-") for file in folder.glob(FILES)]
    start = max((int(number) for number in numbers if number.isdecimal()), default=-1) + 1
    return [f"scenes-{start + number}{ENDING}" for number in range(count)]


def _remove(folder: Path, keep: Sequence[SqliteFile]) -> None:
    """Remove files of scenes that the bank does not name."""
    kept = {file.path.name for file in keep}
    for path in folder.glob(FILES):
        if path.name not in kept:
            path.unlink()
