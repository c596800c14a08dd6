"""The log of a run in other programs: TensorBoard, Weights & Biases, MLflow; each is loaded when it is asked for."""

import os
import secrets
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from triptych.errors import InputError
from triptych.files import read_object, write_json

TENSORBOARD = "tensorboard"
TRACKING_FILE = "tracking.json"
"""Under which names other programs know a run, so that it goes on there, too."""


@runtime_checkable
class Logger(Protocol):
    """Takes the numbers of a run."""

    def log(self, phase: str, step: int, numbers: Mapping[str, float]) -> None:
        """The numbers of a step of a phase."""

    def close(self) -> None:
        """Nothing more comes."""


def require_logs(names: Sequence[str]) -> None:
    """Find out before the work whether the programs are there.

    Raises:
        InputError: one is unknown, or not installed.
    """
    for name in names:
        if name not in _KINDS:
            raise InputError(f"log: expected some of {', '.join(_KINDS)}, found {name!r}")
        try:
            is_there = find_spec(name) is not None
        except ValueError:  # a module without a specification has been put there by hand
            is_there = True
        if not is_there:
            raise InputError(f'the log {name} needs {name}: pip install "triptych[{name}]"')


def open_logger(name: str, folder: Path, config: Mapping[str, Any], step: int) -> Logger:
    """Begin to log, or go on.

    Args:
        name: where.
        folder: of the run, which has its name.
        config: what the run was asked for.
        step: the first step that is logged; later ones of an earlier session do not count.

    Raises:
        InputError: the program refuses: nobody is logged in, or its settings are wrong.
    """
    try:
        return _KINDS[name](folder, config, step)
    except Exception as error:  # each program has its own
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"the log {name} cannot begin: {reason}; mend that or leave it out, and go on") from error


class _TensorBoard:
    def __init__(self, folder: Path, config: Mapping[str, Any], step: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._writer = SummaryWriter(str(folder / TENSORBOARD), purge_step=step)

    def log(self, phase: str, step: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(f"{phase}/{name}", value, step)

    def close(self) -> None:
        self._writer.close()


class _Wandb:
    """Each phase has steps of its own, so that they are logged as a number like the others."""

    def __init__(self, folder: Path, config: Mapping[str, Any], step: int) -> None:
        identity = _known(folder).get("wandb") or secrets.token_hex(8)
        _remember(folder, "wandb", identity)
        self._run = import_module("wandb").init(
            project=os.environ.get("WANDB_PROJECT", "triptych"),
            name=folder.name,
            dir=str(folder),
            id=identity,
            resume="allow",
            config=dict(config),
        )
        self._phases: set[str] = set()

    def log(self, phase: str, step: int, numbers: Mapping[str, float]) -> None:
        if phase not in self._phases:
            self._phases.add(phase)
            self._run.define_metric(f"{phase}/*", step_metric=f"{phase}/step")
        self._run.log({f"{phase}/step": step, **{f"{phase}/{name}": value for name, value in numbers.items()}})

    def close(self) -> None:
        self._run.finish()


class _Mlflow:
    """A server that is gone ends the log, not the training."""

    def __init__(self, folder: Path, config: Mapping[str, Any], step: int) -> None:
        self._mlflow = import_module("mlflow")
        begun = _known(folder).get("mlflow")
        run = self._mlflow.start_run(run_id=begun, run_name=folder.name)
        if begun is None:
            _remember(folder, "mlflow", str(run.info.run_id))
            self._mlflow.log_dict(dict(config), "config.json")
        self._goes_on = True

    def log(self, phase: str, step: int, numbers: Mapping[str, float]) -> None:
        if self._goes_on:
            try:
                self._mlflow.log_metrics({f"{phase}/{name}": value for name, value in numbers.items()}, step=step)
            except Exception as error:  # whatever its server meets
                self._goes_on = False
                warnings.warn(f"mlflow: {error}; the run is logged there no further", stacklevel=2)

    def close(self) -> None:
        self._mlflow.end_run()


def _known(folder: Path) -> dict[str, str]:
    path = folder / TRACKING_FILE
    return read_object(path) if path.exists() else {}


def _remember(folder: Path, program: str, identity: str) -> None:
    write_json(folder / TRACKING_FILE, {**_known(folder), program: identity})


_KINDS: dict[str, Any] = {"tensorboard": _TensorBoard, "wandb": _Wandb, "mlflow": _Mlflow}
