"""A run's folder: its configuration, log, checkpoint and lock. Rerunning the same command goes on with it."""

import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from torch import Tensor

from triptych.errors import InputError, Terminated
from triptych.files import (
    LOG_FILE,
    Format,
    Rows,
    check_seal,
    flush_to_disk,
    is_vacant,
    lock,
    read_object,
    sweep,
    write_sealed_json,
)
from triptych.runtime import versions
from triptych.training.checkpoint import CHECKPOINT, Checkpoint, newest_checkpoint, write_checkpoint
from triptych.training.loggers import TENSORBOARD, TRACKING_FILE, Logger, open_logger, require_logs
from triptych.training.rerun import CONFIG_FILE
from triptych.training.watching import Watch

RUN_FILE = "run.json"
FORMAT = Format("triptych-run", version=1, sealed_since=1, described="a run of triptych")
WITHOUT_WORTH = (RUN_FILE, CONFIG_FILE, LOG_FILE, TRACKING_FILE, TENSORBOARD, "wandb", "progress.png")
"""What a run's folder holds besides its results and checkpoints."""
_TIMES_WRITING = 20
"""So many times as long as writing a checkpoint takes it is at least to the next one..."""
_MOST_TIMES = 30
"""... but not longer than so many times what is asked for."""


@dataclass
class Run:
    """An open run folder, held by this process alone.

    Attributes:
        folder: where.
        checkpoint_seconds: how often a checkpoint is due.
        seconds: wall time spent in earlier sessions of this run.
        interrupted: the signal by which the user asks to stop (Ctrl-C or SIGTERM), if any: the loop saves at the end of
            its step, then stops.
        watch: who follows it.
        stopped: whether the callback has ended the training: no further step is taken.
    """

    folder: Path
    checkpoint_seconds: float
    seconds: float = 0.0
    interrupted: int | None = None
    watch: Watch = field(default_factory=Watch)
    stopped: bool = False
    _config: Mapping[str, Any] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)
    _last_checkpoint: float = field(default_factory=time.monotonic)
    _writing_took: float = 0.0
    _loggers: list[Logger] | None = None

    def elapsed(self) -> float:
        """Wall time spent on this run so far, all sessions together, in seconds."""
        return self.seconds + time.monotonic() - self._started

    def log(self, step: int, **values: Any) -> None:
        """Append a line to the JSON-lines log, and its numbers to the other logs."""
        line = {"step": step, "seconds": round(self.elapsed(), 2), **values}
        with (self.folder / LOG_FILE).open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self._loggers is None:
            self._loggers = [open_logger(name, self.folder, self._config, step) for name in self.watch.logs]
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        for logger in self._loggers:
            logger.log(str(values.get("phase", "run")), step, numbers)

    def close(self) -> None:
        """End the logs of other programs."""
        for logger in self._loggers or ():
            logger.close()

    def stop_if_interrupted(self) -> None:
        """End the run at a safe place after Ctrl-C or SIGTERM.

        Raises:
            KeyboardInterrupt: the user asked for it; the checkpoint is written.
        """
        if self.interrupted is not None:
            raise Terminated if self.interrupted == signal.SIGTERM else KeyboardInterrupt

    def checkpoint_due(self) -> bool:
        """Whether enough time has passed since the last checkpoint; more, where writing one takes long."""
        apart = max(self.checkpoint_seconds, _TIMES_WRITING * self._writing_took)
        since = time.monotonic() - self._last_checkpoint
        return since > min(apart, _MOST_TIMES * self.checkpoint_seconds)

    def save_checkpoint(self, tensors: Mapping[str, Tensor | Rows], state: Mapping[str, Any]) -> None:
        """Write a checkpoint, whole or not at all."""
        begun = time.monotonic()
        bytes_of_log = _flushed_size(self.folder / LOG_FILE)
        write_checkpoint(self.folder, tensors, {**state, "seconds": self.elapsed(), "log_bytes": bytes_of_log})
        self._last_checkpoint = time.monotonic()
        self._writing_took = self._last_checkpoint - begun

    def load_checkpoint(self, note: Callable[[str], object]) -> Checkpoint | None:
        """The last whole checkpoint, if any; the log is cut back to it.

        Args:
            note: takes a line about a damaged one that is passed over.

        Raises:
            InputError: every checkpoint is damaged.
        """
        checkpoint = newest_checkpoint(self.folder, note)
        log = self.folder / LOG_FILE
        if checkpoint is None:
            log.unlink(missing_ok=True)
            return None
        self.seconds = checkpoint.state["seconds"]
        self._started = time.monotonic()
        if log.exists():
            os.truncate(log, min(log.stat().st_size, checkpoint.state["log_bytes"]))
        return checkpoint


def _flushed_size(log: Path) -> int:
    """The size of the log, all of it on the disk: no checkpoint may stand for lines that a crash can still take."""
    if not log.exists():
        return 0
    flush_to_disk(log)
    return log.stat().st_size


@contextmanager
def open_run(
    folder: Path, config: Mapping[str, Any], checkpoint_seconds: float = 60.0, watch: Watch | None = None
) -> Iterator[Run]:
    """Hold a run folder: a new one, or one begun with the very same configuration.

    A run that was begun but has saved nothing yet may begin again with another configuration.

    Raises:
        InputError: the folder belongs to a run with another configuration, holds something else, or is in use; or a
            program for its log is not installed.
    """
    watch = watch or Watch()
    require_logs(watch.logs)
    check_place(folder, config)
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder):
        sweep(folder)
        path, asked = folder / RUN_FILE, _as_json(config)
        if not _is_begun(path, asked):
            write_sealed_json(path, {**FORMAT.header(), "config": asked, "versions": versions()})
        run = Run(folder, checkpoint_seconds, watch=watch, _config=asked)
        try:
            with _interrupts(run):
                yield run
        finally:
            run.close()


@contextmanager
def followed_run(folder: Path) -> Iterator[Run]:
    """The same run for a process that trains along with the one that holds the folder, and writes nothing."""
    run = Run(folder, math.inf)
    with _interrupts(run):
        yield run


def check_place(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a folder in which ``open_run`` would not begin or go on with a configuration; nothing is written.

    Raises:
        InputError: the folder belongs to a run with another configuration, or holds something else.
    """
    if not (folder / RUN_FILE).exists() and not is_vacant(folder):
        raise InputError(f"{folder}: expected a new or empty folder, or a run to continue; choose another --out")
    _is_begun(folder / RUN_FILE, _as_json(config))


def _as_json(config: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(dict(config), default=str))


def _is_begun(path: Path, asked: dict[str, Any]) -> bool:
    """Whether a run with this very configuration was begun.

    Raises:
        InputError: one with another was, and has saved something.
    """
    if not path.exists():
        return False
    document = read_run_file(path)
    if document.get("config") == asked:
        return True
    if not FORMAT.is_in(document) or not _nothing_saved(path.parent):
        _check_same(path, document, asked)
    return False


def read_run_file(path: Path) -> dict[str, Any]:
    """What a run's file says, compared with its checksum; the first runs had neither format nor checksum.

    Raises:
        InputError: it cannot be read, is damaged, or of a later version.
    """
    document = read_object(path)
    if FORMAT.is_in(document):
        FORMAT.check(path, document)
    check_seal(path, document, required=False)
    return document


def _nothing_saved(folder: Path) -> bool:
    """Whether a run's folder holds no result and no checkpoint, so that nothing is lost where another begins."""
    return is_vacant(folder, *WITHOUT_WORTH, CHECKPOINT) and is_vacant(folder / CHECKPOINT)


@contextmanager
def _interrupts(run: Run) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop after the step; a second one stops at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:
        run.interrupted = number
        restore()

    for number in before:
        signal.signal(number, request)
    try:
        yield
    finally:
        restore()


def _check_same(path: Path, document: dict[str, Any], asked: dict[str, Any]) -> None:
    found = document.get("config")
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected the configuration of a run; choose another --out")
    for name, before, now in differences(found, asked):
        raise InputError(
            f"{path}: this run was begun with {name} = {before!r}, not {now!r}; "
            "repeat its options to go on, or choose another --out"
        )


def differences(found: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Where two configurations differ: the path of the option, and what it is in each; None where one has none."""
    for key in [*asked, *(key for key in found if key not in asked)]:
        before, now = found.get(key), asked.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from ((f"{key}.{name}", *values) for name, *values in differences(before, now))
        elif before != now:
            yield key, before, now
