"""From what the user gives to a viewer that runs."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from triptych.bank import BANK_FILE, SceneBank
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.viewer.config import NewScenes, ViewerConfig
from triptych.viewer.known_pictures import KnownPictures
from triptych.viewer.live_fit import LiveFit
from triptych.viewer.sources import WatchedScenes, locate
from triptych.viewer.thumbnails import Thumbnails
from triptych.viewer.turns import Turns


@runtime_checkable
class Viewer(Protocol):
    """A viewer that runs."""

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        ...

    def wait(self) -> None:
        """Until Ctrl-C or ``stop``."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


def open_viewer(
    path: Path,
    config: ViewerConfig,
    *,
    device: torch.device,
    model: Path | None = None,
    compare: Path | None = None,
    dataset: Dataset | None = None,
    new: NewScenes | None = None,
) -> Viewer:
    """Start a viewer; it runs until its ``stop``.

    Args:
        path: a bank, a run or a category model, as ``sources.locate`` takes it.
        config: where to listen, and whether it is dark.
        device: where to render.
        model: category model of the bank, where it does not find it by itself.
        compare: a second bank, run or model to show beside the first.
        dataset: the pictures of the scenes, and of new ones that can be fitted.
        new: what becomes of scenes that are fitted in the viewer; None takes the defaults.

    Raises:
        InputError: viser is not installed, there is nothing that can be shown, ``new.out`` can keep no scenes, or
            the address cannot be used.
    """
    try:
        from triptych.viewer.server import Server
        from triptych.viewer.session import SharedState
    except ModuleNotFoundError as error:
        if error.name != "viser":
            raise
        raise InputError('view: needs viser; pip install "triptych[viewer]"') from None
    scenes = WatchedScenes(path, model, device)
    other = None if compare is None else WatchedScenes(compare, None, device)
    new = new or NewScenes()
    pictures, turns = KnownPictures(dataset), Turns()
    live = LiveFit(scenes, pictures, _kept_in(path, scenes, new.out), turns, new.seed)
    return Server(SharedState(scenes, other, pictures, Thumbnails(), turns, live, new.resolution), config)


def _kept_in(path: Path, scenes: WatchedScenes, out: Path | None) -> Path | None:
    """The bank for scenes that are fitted here; those of stage 1 and of unfinished runs take none.

    Raises:
        InputError: ``out`` is something else, or a bank of another model.
    """
    files = locate(path)
    if out is None:
        return files.bank if files.model is None else None
    if files.checkpoint is not None:
        raise InputError(f"--out: {path} is a run that has not ended, whose model still changes; leave it out")
    SceneBank.check_place(out)
    if (out / BANK_FILE).is_file():
        SceneBank(out).require_model(scenes.loaded.model)
    return out
