"""Where a run stands, on the disk: the two newest checkpoints, so that one is whole whatever happens to the other."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from triptych.errors import InputError
from triptych.files import SUM, Rows, field_of, read_tensors, sweep, write_sealed_tensors

CHECKPOINT = "checkpoint"
SUFFIX = ".safetensors"
KEPT = 2
"""How many of a run."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stood.

    Attributes:
        tensors: everything that training changes.
        state: JSON values: phase, step and whatever else is needed to go on.
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]


def checkpoint_files(run: Path) -> list[Path]:
    """The checkpoints in a run's folder, the newest first.

    Raises:
        InputError: an earlier version of triptych has left one that this one does not read.
    """
    folder = run / CHECKPOINT
    if (folder / "state.json").exists():
        raise InputError(f"{folder}: this checkpoint is of an earlier version of triptych; delete it to start again")
    files = [file for file in folder.glob(f"*{SUFFIX}") if file.stem.isdecimal()]
    return sorted(files, key=lambda file: int(file.stem), reverse=True)


def write_checkpoint(run: Path, tensors: Mapping[str, Tensor | Rows], state: Mapping[str, Any]) -> None:
    """Write one, whole or not at all; the newest before it is kept, older ones are removed."""
    before = checkpoint_files(run)
    number = int(before[0].stem) + 1 if before else 1
    path = run / CHECKPOINT / f"{number:06d}{SUFFIX}"
    write_sealed_tensors(path, tensors, {"state": json.dumps(dict(state))})
    for old in before[KEPT - 1 :]:
        old.unlink()


def read_checkpoint(path: Path) -> Checkpoint:
    """Read one.

    Raises:
        InputError: it is damaged.
    """
    tensors, about = read_tensors(path)
    if SUM not in about or "state" not in about:
        raise InputError(f"{path}: damaged: its checksum or state is missing")
    state = json.loads(about["state"])
    for name, kind in (("step", int), ("log_bytes", int), ("seconds", float)):
        field_of(state, name, kind, path)
    return Checkpoint(tensors, state)


def newest_checkpoint(run: Path, note: Callable[[str], object]) -> Checkpoint | None:
    """The newest checkpoint of a run that is whole, if it has any; what killed processes have left is removed.

    Args:
        run: its folder.
        note: takes a line about each damaged one that is passed over.

    Raises:
        InputError: all are damaged.
    """
    sweep(run / CHECKPOINT)
    files = checkpoint_files(run)
    for file in files:
        try:
            return read_checkpoint(file)
        except InputError as error:
            note(f"{error}; passed over")
    if files:
        raise InputError(f"{run / CHECKPOINT}: every checkpoint is damaged; delete this folder to start again")
    return None
