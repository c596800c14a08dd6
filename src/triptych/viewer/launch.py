"""From what the user gives to a viewer that runs."""

import threading
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from triptych.data import Dataset
from triptych.errors import InputError
from triptych.viewer.config import ViewerConfig
from triptych.viewer.sources import WatchedScenes
from triptych.viewer.thumbnails import Thumbnails


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
) -> Viewer:
    """Start a viewer; it runs until its ``stop``.

    Args:
        path: a bank, a run or a category model, as ``sources.locate`` takes it.
        config: where to listen, and whether it is dark.
        device: where to render.
        model: category model of the bank, where it does not find it by itself.
        compare: a second bank, run or model to show beside the first.
        dataset: the pictures of the scenes.

    Raises:
        InputError: viser is not installed, there is nothing that can be shown, or the address cannot be used.
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
    return Server(SharedState(scenes, other, dataset, Thumbnails(), threading.Lock()), config)
