"""A run's folder: its configuration, log, checkpoint and lock. Rerunning the same command goes on with it."""

import fcntl
import json
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numba
import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor
from torch.utils.tensorboard.writer import SummaryWriter

import triptych
from triptych.errors import InputError
from triptych.files import atomic_directory, read_json, write_json

RUN_FILE = "run.json"
LOG_FILE = "log.jsonl"
CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stood.

    Attributes:
        tensors: everything that training changes.
        state: JSON values: phase, step and whatever else is needed to go on.
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]


@dataclass
class Run:
    """An open run folder, held by this process alone.

    Attributes:
        folder: where.
        checkpoint_seconds: how often a checkpoint is due.
        seconds: wall time spent in earlier sessions of this run.
        interrupted: whether the user has pressed Ctrl-C: the loop saves at the end of its step, then stops.
    """

    folder: Path
    checkpoint_seconds: float
    seconds: float = 0.0
    interrupted: bool = False
    _started: float = field(default_factory=time.monotonic)
    _last_checkpoint: float = field(default_factory=time.monotonic)
    _writer: SummaryWriter | None = None

    def elapsed(self) -> float:
        """Wall time spent on this run so far, all sessions together, in seconds."""
        return self.seconds + time.monotonic() - self._started

    def log(self, step: int, **values: Any) -> None:
        """Append a line to the JSON-lines log, and its numbers to TensorBoard."""
        line = {"step": step, "seconds": round(self.elapsed(), 2), **values}
        with (self.folder / LOG_FILE).open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self._writer is None:
            self._writer = SummaryWriter(str(self.folder / "tensorboard"), purge_step=step)
        for name, value in values.items():
            if isinstance(value, int | float):
                self._writer.add_scalar(f"{values.get('phase', 'run')}/{name}", value, step)

    def stop_if_interrupted(self) -> None:
        """End the run at a safe place after Ctrl-C.

        Raises:
            KeyboardInterrupt: the user asked for it; the checkpoint is written.
        """
        if self.interrupted:
            raise KeyboardInterrupt

    def checkpoint_due(self) -> bool:
        """Whether enough time has passed since the last checkpoint."""
        return time.monotonic() - self._last_checkpoint > self.checkpoint_seconds

    def save_checkpoint(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Replace the checkpoint atomically."""
        log = self.folder / LOG_FILE
        document = {
            **state,
            "seconds": self.elapsed(),
            "log_bytes": log.stat().st_size if log.exists() else 0,
        }
        with atomic_directory(self.folder / CHECKPOINT) as temporary:
            contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
            (temporary / "tensors.safetensors").write_bytes(save(contiguous))
            write_json(temporary / "state.json", document)
        self._last_checkpoint = time.monotonic()

    def load_checkpoint(self) -> Checkpoint | None:
        """The last checkpoint, if any; the log is cut back to it.

        Raises:
            InputError: the checkpoint is damaged.
        """
        folder = self.folder / CHECKPOINT
        if not folder.is_dir():
            (self.folder / LOG_FILE).unlink(missing_ok=True)
            return None
        state = read_json(folder / "state.json")
        try:
            tensors = load_file(folder / "tensors.safetensors")
        except Exception as error:
            raise InputError(f"{folder}: damaged checkpoint ({error}); delete it to start again") from None
        self.seconds = state["seconds"]
        self._started = time.monotonic()
        if (self.folder / LOG_FILE).exists():
            os.truncate(self.folder / LOG_FILE, state["log_bytes"])
        return Checkpoint(tensors, state)


@contextmanager
def open_run(folder: Path, config: Mapping[str, Any], checkpoint_seconds: float = 60.0) -> Iterator[Run]:
    """Hold a run folder: a new one, or one begun with the very same configuration.

    Raises:
        InputError: the folder belongs to a run with another configuration, holds something else, or is in use.
    """
    wanted = json.loads(json.dumps(dict(config), default=str))
    path = folder / RUN_FILE
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not path.exists())):
        raise InputError(f"{folder}: expected a new or empty folder, or a run to continue; choose another --out")
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder):
        if path.exists():
            _check_same(path, read_json(path), wanted)
        else:
            write_json(path, {"config": wanted, "versions": versions()})
        run = Run(folder, checkpoint_seconds)
        try:
            with _interrupts(run):
                yield run
        finally:
            if run._writer is not None:
                run._writer.close()


@contextmanager
def _interrupts(run: Run) -> Iterator[None]:
    """Turn the first Ctrl-C into a request to stop after the step; a second one stops at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def request(number: int, frame: FrameType | None) -> None:
        run.interrupted = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, request)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes; the lock ends with the process, however it ends.

    Raises:
        InputError: another process holds it.
    """
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{folder}: another process is writing there; wait for it, or choose another") from None
        yield


def read_log(folder: Path) -> list[dict[str, Any]]:
    """All lines of a run's log."""
    return [json.loads(line) for line in (folder / LOG_FILE).read_text().splitlines()]


def versions() -> dict[str, str]:
    """What a result depends on besides its configuration."""
    return {
        "triptych": triptych.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _check_same(path: Path, document: Any, wanted: dict[str, Any]) -> None:
    found = document.get("config") if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected the configuration of a run; choose another --out")
    for name, before, now in _differences("", found, wanted):
        raise InputError(
            f"{path}: this run was begun with {name} = {before!r}, not {now!r}; "
            "repeat its options to go on, or choose another --out"
        )


def _differences(prefix: str, found: Any, wanted: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in [*wanted, *(key for key in found if key not in wanted)]:
            yield from _differences(f"{prefix}.{key}" if prefix else key, found.get(key), wanted.get(key))
    elif found != wanted:
        yield prefix, found, wanted
