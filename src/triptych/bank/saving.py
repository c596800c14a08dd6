"""Scenes that were not fitted here, blended or made of planes, into a bank."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from triptych.bank.config import StoragePrecision
from triptych.bank.description import BANK_FILE
from triptych.bank.folder import held_folder
from triptych.bank.precision import as_stored
from triptych.bank.scene import Scene
from triptych.bank.scene_bank import SceneBank
from triptych.bank.scenes import Scenes
from triptych.bank.sqlite_file import NameTakenError
from triptych.bank.stored_scene import StoredScene
from triptych.errors import InputError
from triptych.model import CategoryModel


def save_scenes(path: str | Path, scenes: Mapping[str, Scene], precision: StoragePrecision | None = None) -> Scenes:
    """Add scenes to a bank, or make one of them.

    Args:
        path: folder of the bank.
        scenes: scenes of one model, by name.
        precision: how the micro planes are stored; None as the bank that is there does, compactly in a new one, which
            renders each scene some times. float16 is faster.

    Returns:
        all scenes of the bank.

    Raises:
        InputError: there are no scenes, they belong to several models or to another than the bank's, or the bank has a
            scene of one of these names: nothing is stored.
    """
    folder, model = Path(path), _model_of(scenes)
    precision = precision or precision_of(folder)
    SceneBank.check_place(folder)
    with held_folder(folder):
        bank = SceneBank.create(folder, model, precision=precision)
    for name in scenes:
        if name in bank:
            raise NameTakenError(f"{folder}: scene {name!r} is in the bank already; scenes are never changed")
    bank.add_all(_stored(scenes, precision))
    return Scenes(bank, model)


def precision_of(folder: Path) -> StoragePrecision:
    """How scenes are stored where nobody says it: as the bank that is there does, compactly in a new one."""
    return SceneBank(folder).precision if (folder / BANK_FILE).is_file() else "compact"


def _model_of(scenes: Mapping[str, Scene]) -> CategoryModel:
    if not scenes:
        raise InputError("scenes: expected at least one, found none")
    first, *others = {id(scene.model): scene.model for scene in scenes.values()}.values()
    if others and {model.identity() for model in others} != {first.identity()}:
        raise InputError("scenes: they belong to several models; a bank holds those of one")
    return first


def _stored(scenes: Mapping[str, Scene], precision: StoragePrecision) -> Iterator[tuple[str, StoredScene]]:
    for name, scene in scenes.items():
        stored = as_stored(scene, precision)
        micro, coefficients = stored.micro.detach().cpu(), stored.coefficients.detach().cpu().float()
        # No pictures vouch for it: its own numbers do.
        fingerprint = hashlib.sha256(micro.numpy().tobytes() + coefficients.numpy().tobytes()).hexdigest()
        yield name, StoredScene(micro, coefficients, fingerprint, scene.record, stored.coding)
