"""Sharing: models, banks and scenes to a hub and back."""

from pathlib import Path
from tempfile import TemporaryDirectory

from triptych.errors import InputError
from triptych.evaluation.integrity import check
from triptych.export.hub import download, gather, upload
from triptych.files import atomic_directory, is_vacant
from triptych.files.hub import HubAddress
from triptych.verbs.arguments import Anywhere, shown_if


def push(path: Anywhere, address: str, *, private: bool = False, progress: bool | None = None) -> str:
    """Share a model, a bank or scene files on the Hugging Face hub.

    Args:
        path: a category model, the folder of the run that trained it, a bank, a .triptych-scene file or a folder of
            these. Records of scenes go along; they name the folder of the pictures.
        address: ``hf://user/name``, ``hf://datasets/user/name``; a repository that is missing is made.
        private: whether a new one is for you alone.
        progress: as in `open_dataset`.

    Returns:
        where to look at it.

    Raises:
        InputError: it is nothing of these, or damaged: nothing is uploaded. Or the hub cannot be reached, or refuses.
    """
    place = HubAddress.parse(address)
    with shown_if(progress) as shown, TemporaryDirectory() as temporary:
        shown.start("gather", 0)
        what = gather(Path(path), Path(temporary))
        _require_sound(Path(temporary), str(path))
        shown.start("upload", 0)
        return upload(Path(temporary), place, what, private=private)


def pull(address: str, path: Anywhere, *, progress: bool | None = None) -> Path:
    """Fetch what ``push`` has shared. Only files that triptych knows are fetched, and all are compared with their
    checksums before the folder appears.

    Args:
        address: ``hf://user/name``, ``hf://datasets/user/name``, or either with ``@revision``.
        path: a new or empty folder.
        progress: as in `open_dataset`.

    Returns:
        the folder.

    Raises:
        InputError: the folder is not new, the hub cannot be reached or refuses, or what it has is nothing of triptych's
            or damaged: nothing is written.
    """
    place, folder = HubAddress.parse(address), Path(path)
    if not is_vacant(folder):
        raise InputError(f"{folder}: expected a new or empty folder; choose another path")
    with shown_if(progress) as shown, atomic_directory(folder) as temporary:
        shown.start("download", 0)
        download(place, temporary, shown.reach)
        _require_sound(temporary, str(place))
    return folder


def _require_sound(folder: Path, source: str) -> None:
    for part in check(folder):
        if part.fault is not None or not part.summed:
            fault = part.fault or f"{part.part}: it carries no checksums, as earlier versions wrote it"
            raise InputError(f"{source}: {fault.replace(f'{folder}/', '')}")
