"""Who follows a training besides its bar: a function of the user's own, and the logs of other programs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, SupportsFloat

LogName = Literal["tensorboard", "wandb", "mlflow"]
"""Where the numbers of a run's log go as well."""


@dataclass(frozen=True)
class StepReport:
    """What a callback is told.

    Attributes:
        phase: of the training: "pretraining", "warmup" or "joint" in stage 1, "fit" in stage 2, and others.
        step: steps of the phase that are done; in the phase "fit" scenes.
        of: steps, or scenes, of the whole phase.
        metrics: the latest numbers of the bar: ``loss``, and where they have just been measured ``test_psnr`` (dB) and
            others.
    """

    phase: str
    step: int
    of: int
    metrics: Mapping[str, float]


Callback = Callable[[StepReport], bool | None]
"""Called after each step, in stage 2 after each group of scenes. Where it returns True, the training ends with what
there is: no further step of any phase is taken, and the result is stored. Whatever it raises comes out after the state
is saved, and the same call then goes on."""


@dataclass(frozen=True)
class Watch:
    """Who follows a training.

    Attributes:
        callback: called after each step.
        logs: where the numbers of the log go, beside log.jsonl: "tensorboard" into the run's folder; "wandb" and
            "mlflow" as their own settings say (``WANDB_PROJECT``, ``WANDB_MODE``, ``MLFLOW_TRACKING_URI`` ...).
    """

    callback: Callback | None = None
    logs: tuple[str, ...] = ("tensorboard",)

    def ends(self, phase: str, step: int, of: int, metrics: Mapping[str, SupportsFloat]) -> bool:
        """Tell the callback, and whether it ends the training."""
        if self.callback is None:
            return False
        numbers = {name: float(value) for name, value in metrics.items()}
        return self.callback(StepReport(phase, step, of, numbers)) is True
