"""Looking after banks: what one holds, whether it is sound, and putting several together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triptych.bank.description import BANK_FILE
from triptych.bank.failures import note_failures, read_failures
from triptych.bank.folder import held_folder
from triptych.bank.precision import is_compact
from triptych.bank.scene_bank import OWN_MODEL, SceneBank
from triptych.bank.sqlite_file import SqliteFile
from triptych.bank.start_file import START_FILE, start_of
from triptych.bank.stored_scene import Row, name_of_bytes, require_whole
from triptych.errors import InputError
from triptych.files import atomic_directory, copy_folder
from triptych.text import listed

_AT_ONCE = 32
"""Scenes that are read in one go."""


@dataclass(frozen=True)
class BankInfo:
    """What a bank holds.

    Attributes:
        scenes: how many.
        files: the files that hold them, without those of a model.
        bytes: of these files.
        failed: scenes that could not be fitted.
    """

    scenes: int
    files: int
    bytes: int
    failed: int

    def __str__(self) -> str:
        return f"{self.scenes} scene(s) in {self.files} file(s), {self.bytes / 1e6:.1f} MB"


@dataclass(frozen=True)
class LookedAt:
    """A scene of a bank, by its place.

    Attributes:
        what: what it is called.
        fault: what is wrong with it, if anything.
        row: its bytes; None where they cannot be read.
    """

    what: str
    fault: str | None
    row: Row | None


@dataclass
class CopiedScenes:
    """What has become of the scenes of banks.

    Attributes:
        copied: how many were copied.
        there: how many were there already, the same to the last bit.
        damaged: a line for each that cannot be read.
    """

    copied: int = 0
    there: int = 0
    damaged: list[str] = field(default_factory=list)

    def require_all(self, source: str) -> None:
        """Report damaged scenes.

        Raises:
            InputError: there are some.
        """
        if self.damaged:
            count = len(self.damaged)
            raise InputError(*self.damaged, f"{source}: {count} damaged scene(s) left out, all others are copied")


def info_of(bank: SceneBank) -> BankInfo:
    """How many scenes there are, and what they take."""
    files = [file.path for file in bank.shards.files()]
    failed = len(read_failures(bank.folder))
    return BankInfo(len(bank), len(files), sum(file.stat().st_size for file in files), failed)


def findings(bank: SceneBank) -> Iterator[tuple[str, str | None]]:
    """Every file and every scene of a bank, and what is wrong with it, if anything."""
    if is_compact(bank.precision):
        yield f"file {bank.folder / START_FILE}", _fault_of(lambda: start_of(bank.folder, bank.description))
    for file in bank.shards.files():
        yield f"file {file.path}", _fault_of(file.require_sound)
        try:
            last = file.last_id()
        except InputError:
            continue  # as has just been said
        looked = looked_through(bank, file, 1, last, lambda row, file=file: _require_readable(bank, file, row))
        yield from ((scene.what, scene.fault) for scene in looked)


def merge(
    out: str | Path, sources: Sequence[str | Path], on_scene: Callable[[], object] = lambda: None
) -> CopiedScenes:
    """Copy the scenes of banks of one model into a bank; those that are there already, the same, are left alone.

    Args:
        out: a bank, or a new folder.
        sources: the banks; they are not changed.
        on_scene: called after each scene.

    Returns:
        what has become of the scenes; damaged ones are left out.

    Raises:
        InputError: the banks belong to different models or differ in precision, or have different scenes of one name:
            nothing is copied.
    """
    out, banks = Path(out), [SceneBank(source) for source in sources]
    known = [SceneBank(out), *banks] if (out / BANK_FILE).exists() else banks
    for number, bank in enumerate(known):
        _require_same_kind(known[0], bank)
        for other in known[:number]:
            _require_same_scenes(bank, other)
    target, told = _like(banks[0], out), CopiedScenes()
    for bank in banks:
        target.add_rows(_new_rows(bank, target, told, on_scene))
        failed = {name: problem for name, problem in read_failures(bank.folder).items() if name not in target}
        note_failures(out, failed)
    return told


def looked_through(
    bank: SceneBank, file: SqliteFile, first: int, last: int, require: Callable[[Row], object] = require_whole
) -> Iterator[LookedAt]:
    """The scenes of a file of a bank whose ids lie between two, both included; each is read once.

    Args:
        bank: the bank.
        file: one of its files.
        first: the first id.
        last: the last id.
        require: what refuses a damaged one; bytes that are those that were written are enough to copy it.
    """
    for start in range(first, last + 1, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, last + 1))
        try:
            rows = file.rows(numbers[0], numbers[-1])
        except InputError:
            rows = []
        if len(rows) == len(numbers):
            yield from (_compared(bank, file, row, require) for row in rows)
        else:  # one of them is damaged or gone
            yield from (_looked_at(bank, file, number, require) for number in numbers)


def _looked_at(bank: SceneBank, file: SqliteFile, number: int, require: Callable[[Row], object]) -> LookedAt:
    what = f"scene number {number} of {file.path}"
    try:
        rows = file.rows(number, number)
    except InputError as error:
        return LookedAt(what, _said_of(file, error), None)
    return _compared(bank, file, rows[0], require) if rows else LookedAt(what, f"{what} is gone", None)


def _compared(bank: SceneBank, file: SqliteFile, row: Row, require: Callable[[Row], object]) -> LookedAt:
    what, fault = f"scene {name_of_bytes(row.name)!r} of {bank.folder}", None
    try:
        require(row)
    except InputError as error:
        fault = _said_of(file, error)
    return LookedAt(what, fault, row)


def _require_readable(bank: SceneBank, file: SqliteFile, row: Row) -> None:
    """Refuse a scene whose bytes mean nothing, or that is not found by its name."""
    bank.unpacked(row)
    if bank.shards.ask(row.name, lambda at: at.row(row.name)) != row:
        raise InputError(f"{file.path}: this scene cannot be found by its name")


def _said_of(file: SqliteFile, error: InputError) -> str:
    return str(error) if str(file.path) in str(error) else f"{file.path}: {error}"


def _fault_of(look: Callable[[], object]) -> str | None:
    try:
        look()
    except InputError as error:
        return str(error)
    return None


def _require_same_kind(bank: SceneBank, other: SceneBank) -> None:
    for what in ("model_id", "planes", "precision"):
        one, another = getattr(bank, what), getattr(other, what)
        if one != another:
            raise InputError(
                f"{other.folder}: its {what.replace('_', ' ')} is {another}, that of {bank.folder} is {one}; only "
                "banks of the same kind can be put together"
            )


def _require_same_scenes(bank: SceneBank, other: SceneBank) -> None:
    """Refuse different scenes of one name."""
    different = []
    for name, number, _ in bank.shards.entries():
        file = bank.shards.files()[number]
        known = other.shards.ask(name, lambda at, name=name: at.header(name))
        if known is not None and known != file.header(name):
            different.append(name_of_bytes(name))
    if different:
        raise InputError(
            f"{bank.folder}: {len(different)} scene(s) differ from those of the same name in {other.folder}: "
            f"{listed(different)}; scenes are never changed, so leave one of these banks out"
        )


def _like(bank: SceneBank, out: Path) -> SceneBank:
    """The bank in a folder, or a new one of the same kind as another."""
    with held_folder(out):
        if (out / BANK_FILE).exists():
            return SceneBank(out)
        SceneBank.check_place(out)
        if (bank.folder / OWN_MODEL).is_dir():
            with atomic_directory(out / OWN_MODEL) as temporary:
                copy_folder(bank.folder / OWN_MODEL, temporary)
        return SceneBank.made(out, bank.description, files=1, start=start_of(bank.folder, bank.description))


def _new_rows(bank: SceneBank, target: SceneBank, told: CopiedScenes, on_scene: Callable[[], object]) -> Iterator[Row]:
    """The sound scenes of a bank that another one lacks."""
    for file in bank.shards.files():
        for scene in looked_through(bank, file, 1, file.last_id()):
            on_scene()
            row = scene.row
            if scene.fault is not None or row is None:
                told.damaged.append(f"{scene.what} is damaged: {scene.fault}")
            elif target.shards.ask(row.name, lambda at, name=row.name: at.has(name)):
                told.there += 1
            else:
                told.copied += 1
                yield row
