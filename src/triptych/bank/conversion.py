"""Banks of earlier versions, which kept each scene in a folder, and of other precisions, made into new ones."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from triptych.bank.config import StoragePrecision
from triptych.bank.description import BANK_FILE, FILES, BankDescription, is_of_folders
from triptych.bank.model_of_bank import load_model_of
from triptych.bank.precision import as_stored, is_compact
from triptych.bank.scene import Scene
from triptych.bank.scene_bank import SceneBank
from triptych.bank.start_file import START_FILE
from triptych.bank.stored_scene import StoredScene
from triptych.bank.upkeep import CopiedScenes
from triptych.bank.zarr_folders import SCENES, names_in_folders, read_from_folder, require_zarr
from triptych.errors import InputError
from triptych.files import atomic_directory, copy_folder, is_clutter, is_vacant
from triptych.model import CategoryModel


def convert(
    old: str | Path,
    new: str | Path,
    on_scene: Callable[[], object] = lambda: None,
    *,
    precision: StoragePrecision | None = None,
    model: str | Path | None = None,
) -> CopiedScenes:
    """Make a bank of a bank, with all else that lies in its folder. The old one is not changed.

    Args:
        old: the bank's folder.
        new: a new folder, which appears once it is whole.
        on_scene: called after each scene.
        precision: how the new one stores its scenes; None takes the old one's, for banks of earlier versions.
        model: the category model, which compact precisions take, where the bank keeps no copy and none is shipped.

    Returns:
        what has become of the scenes; damaged ones are left out.

    Raises:
        InputError: there is no such bank, it is like the new one already, the new folder is not new, or zarr is not
            installed.
    """
    old, new = Path(old), Path(new)
    source = _Source.open(old, None if model is None else Path(model))
    precision = precision or source.description.precision
    if source.bank is not None and source.description.precision == precision:
        raise InputError(f"{old}: this bank is of the present version already, and keeps {precision}")
    if not is_vacant(new):
        raise InputError(f"{new}: expected a new or empty folder; choose another path")
    told = CopiedScenes()
    with atomic_directory(new) as temporary:
        description = replace(source.description, precision=precision)
        start = source.model.start_micro if is_compact(precision) else None
        bank = SceneBank.made(temporary, description, files=1, start=start)
        bank.add_all(_scenes(source, precision, told, on_scene))
        _copy_the_rest(old, temporary)
    return told


@dataclass(frozen=True)
class _Source:
    """A bank to convert.

    Attributes:
        folder: where it is.
        description: its document.
        bank: the bank; None for one of an earlier version.
        place: where its model is, if that was said.
    """

    folder: Path
    description: BankDescription
    bank: SceneBank | None
    place: Path | None

    @classmethod
    def open(cls, folder: Path, place: Path | None) -> "_Source":
        if not (folder / BANK_FILE).is_file():
            BankDescription.read(folder)
        if not is_of_folders(folder):
            bank = SceneBank(folder)
            return cls(folder, bank.description, bank, place)
        require_zarr()
        return cls(folder, BankDescription.read_of_folders(folder), None, place)

    @cached_property
    def model(self) -> CategoryModel:
        """The category model of its scenes."""
        return load_model_of(self.folder, self.description.model_id, self.place)

    def names(self) -> Iterable[str]:
        """Names of its scenes."""
        return names_in_folders(self.folder) if self.bank is None else self.bank

    def scene(self, name: str) -> StoredScene:
        """One of them."""
        if self.bank is not None:
            return self.bank.scene(name)
        try:
            return read_from_folder(self.folder, name, self.description.planes)
        except InputError as error:
            raise InputError(f"scene {name!r} of {self.folder} is damaged: {error}") from None


def _scenes(
    source: _Source, precision: StoragePrecision, told: CopiedScenes, on_scene: Callable[[], object]
) -> Iterator[tuple[str, StoredScene]]:
    for name in source.names():
        on_scene()
        try:
            scene = source.scene(name)
        except InputError as error:
            told.damaged.append(str(error))
            continue
        told.copied += 1
        yield name, _rounded(source, scene, precision) if is_compact(precision) else scene


def _rounded(source: _Source, scene: StoredScene, precision: StoragePrecision) -> StoredScene:
    found = as_stored(Scene(source.model, scene.micro, scene.coefficients), precision)
    return replace(scene, micro=found.micro, coding=found.coding)


def _copy_the_rest(old: Path, new: Path) -> None:
    """The model, what could not be fitted, settings, logs."""
    for entry in old.iterdir():
        if entry.name in (BANK_FILE, SCENES, START_FILE) or entry.match(f"{FILES}*") or is_clutter(entry.name):
            continue
        if entry.is_dir():
            copy_folder(entry, new / entry.name)
        else:
            shutil.copyfile(entry, new / entry.name)
