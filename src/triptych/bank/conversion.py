"""Banks of earlier versions, which kept each scene in a folder, made into banks of this one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from triptych.bank.description import BANK_FILE, BankDescription, is_of_folders
from triptych.bank.scene_bank import SceneBank
from triptych.bank.stored_scene import StoredScene
from triptych.bank.upkeep import CopiedScenes
from triptych.bank.zarr_folders import SCENES, names_in_folders, read_from_folder, require_zarr
from triptych.errors import InputError
from triptych.files import atomic_directory, is_clutter, is_vacant


def convert(old: Path, new: Path, on_scene: Callable[[], object] = lambda: None) -> CopiedScenes:
    """Make a bank of a bank of an earlier version, with all else that lies in its folder. The old one is not changed.

    Args:
        old: the bank's folder.
        new: a new folder, which appears once it is whole.
        on_scene: called after each scene.

    Returns:
        what has become of the scenes; damaged ones are left out.

    Raises:
        InputError: there is no such bank, the new folder is not new, or zarr is not installed.
    """
    if not (old / BANK_FILE).is_file():
        BankDescription.read(old)
    if not is_of_folders(old):
        raise InputError(f"{old}: this bank is of the present version already")
    if not is_vacant(new):
        raise InputError(f"{new}: expected a new or empty folder; choose another path")
    require_zarr()
    description, told = BankDescription.read_of_folders(old), CopiedScenes()
    with atomic_directory(new) as temporary:
        bank = SceneBank.made(temporary, description, files=1)
        bank.add_all(_scenes(old, description, told, on_scene))
        _copy_the_rest(old, temporary)
    return told


def _scenes(
    old: Path, description: BankDescription, told: CopiedScenes, on_scene: Callable[[], object]
) -> Iterator[tuple[str, StoredScene]]:
    for name in names_in_folders(old):
        on_scene()
        try:
            scene = read_from_folder(old, name, description.planes)
        except InputError as error:
            told.damaged.append(f"scene {name!r} of {old} is damaged: {error}")
            continue
        told.copied += 1
        yield name, scene


def _copy_the_rest(old: Path, new: Path) -> None:
    """The model, what could not be fitted, settings, logs."""
    for entry in old.iterdir():
        if entry.name in (BANK_FILE, SCENES) or is_clutter(entry.name):
            continue
        if entry.is_dir():
            shutil.copytree(entry, new / entry.name)
        else:
            shutil.copyfile(entry, new / entry.name)
