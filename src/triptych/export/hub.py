"""Models, banks and scenes to a hub and back: only files that triptych knows, at places where they belong."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from triptych.bank import BANK_FILE, FAILED_FILE, OWN_MODEL, SceneBank, merge
from triptych.bank.description import FILES
from triptych.bank.scene_file import SUFFIX
from triptych.bank.start_file import START_FILE
from triptych.errors import InputError
from triptych.files import leaves_folder
from triptych.files.hub import HubAddress, hub_client, hub_errors
from triptych.model import MODEL_FILE, find_model
from triptych.model.places import MODEL_FILES

CARD = "README.md"
_KNOWN = (
    *MODEL_FILES,
    *(f"{OWN_MODEL}/{name}" for name in MODEL_FILES),
    BANK_FILE,
    FILES,
    START_FILE,
    FAILED_FILE,
    f"*{SUFFIX}",
)
"""Names of the files that models, banks and scenes consist of."""


def gather(path: Path, folder: Path) -> str:
    """Copy into a folder what is to be shared of a model, a bank, a scene file or a folder of these.

    A bank is copied scene by scene, whoever adds to it meanwhile; the files of its runs stay behind.

    Returns:
        what it is, for people.

    Raises:
        InputError: it is nothing of these, or damaged.
    """
    model = find_model(path)
    if (model / MODEL_FILE).is_file():
        for name in MODEL_FILES:
            with suppress(FileNotFoundError):
                shutil.copyfile(model / name, folder / name)
        return "a category model"
    if (path / BANK_FILE).is_file():
        merge(folder, [path]).require_all(str(path))
        return f"a bank of {len(SceneBank(folder))} scene(s)"
    files = [path] if path.is_file() and path.suffix == SUFFIX else sorted(path.glob(f"*{SUFFIX}"))
    if not files:
        raise InputError(f"{path}: expected a category model, a run of stage 1, a scene bank or a {SUFFIX} file")
    for file in files:
        shutil.copyfile(file, folder / file.name)
    return f"{len(files)} scene(s)"


def upload(folder: Path, address: HubAddress, what: str, *, private: bool = False) -> str:
    """Put a folder that ``gather`` has filled into a repository, which is made where it is missing, as one commit.

    Files of an earlier upload that are no longer there are removed. A repository without a card gets one.

    Returns:
        where to look at it.

    Raises:
        InputError: the hub cannot be reached or refuses.
    """
    api, kind = hub_client(), address.kind
    with hub_errors(address):
        api.create_repo(address.repo, repo_type=kind, private=private, exist_ok=True)
        if not api.file_exists(address.repo, CARD, repo_type=kind):
            (folder / CARD).write_text(_card(address, what))
        commit = api.upload_folder(
            repo_id=address.repo,
            folder_path=folder,
            repo_type=kind,
            revision=address.revision,
            commit_message=f"triptych push: {what}",
            allow_patterns=[*_KNOWN, CARD],
            delete_patterns=list(_KNOWN),
        )
    return str(commit.commit_url)


def download(address: HubAddress, folder: Path, on_file: Callable[[int, int], object]) -> None:
    """Fetch the files of a repository that triptych knows, all of one commit, into an empty folder; not checked yet.

    Args:
        address: the repository.
        folder: where to.
        on_file: told how many of how many are there, after each.

    Raises:
        InputError: the hub cannot be reached or refuses, there is nothing of triptych's, or a file has a name that
            leaves the folder.
    """
    api = hub_client()
    with hub_errors(address):
        found = api.repo_info(address.repo, repo_type=address.kind, revision=address.revision)
        names = [str(file.rfilename) for file in found.siblings or []]
        for name in filter(leaves_folder, names):
            raise InputError(f"{address}: its file {name!r} would leave the folder; nothing was written")
        known = [name for name in names if is_known(name)]
        if not known:
            raise InputError(f"{address}: expected a category model, a scene bank or scene files; there are none")
        for number, name in enumerate(known):
            api.hf_hub_download(address.repo, name, repo_type=address.kind, revision=found.sha, local_dir=folder)
            on_file(number + 1, len(known))
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # what the client remembers of it


def is_known(name: str) -> bool:
    """Whether a file of this name, relative to the shared folder, can be part of what triptych stores."""
    return any(fnmatchcase(name, known) and name.count("/") == known.count("/") for known in _KNOWN)


def _card(address: HubAddress, what: str) -> str:
    return f"""---
library_name: triptych
tags:
- triptych
- tri-planes
---

This is {what} of [triptych](https://arxiv.org/abs/2403.11678). It is fetched and checked by

    pip install "triptych[hub]"
    triptych pull {address} FOLDER
"""
