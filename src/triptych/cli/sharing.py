"""Sharing models, banks and scenes over a hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from triptych.cli.options import say


@dataclass(frozen=True)
class Push:
    """Share a model, a bank or scenes on the Hugging Face hub. Log in by `hf auth login` first."""

    path: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PATH")]
    """A category model, the folder of the run that trained it, a bank, a .triptych-scene file or a folder of these."""
    address: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ADDRESS")]
    """hf://user/name or hf://datasets/user/name; a repository that is missing is made."""
    private: bool = False
    """A new repository is for you alone."""

    def run(self) -> None:
        from triptych.verbs.sharing import push

        say(f"shared: {push(self.path, self.address, private=self.private, progress=True)}")


@dataclass(frozen=True)
class Pull:
    """Fetch a model, a bank or scenes from the Hugging Face hub, and compare them with their checksums."""

    address: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ADDRESS")]
    """hf://user/name, hf://datasets/user/name, or either with @revision."""
    path: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PATH")]
    """A new folder."""

    def run(self) -> None:
        from triptych.verbs.sharing import pull

        say(f"{pull(self.address, self.path, progress=True)}: fetched, every checksum holds")
