"""The one loop of all optimization that lasts: it resumes, shows progress, logs, saves, and ends at Ctrl-C or SIGTERM.

An optimization is a ``for`` over ``Loop.steps``, whose body takes one step and reports what came of it::

    for step in loop.steps("joint", steps, state):
        losses = take_step(...)
        step.report(loss=losses.total, **terms)

Between two steps the loop does everything else. A step's random numbers follow from its number alone
(``step_generator``), so that a resumed run ends as an undisturbed one does.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, SupportsFloat, runtime_checkable

import torch
from torch import Tensor

from triptych.files import take_parts
from triptych.progress import Progress
from triptych.training.ranks import ALONE, Ranks
from triptych.training.run import Checkpoint, Run
from triptych.training.state import flatten_optimizer, restore_optimizer

LOG_EVERY = 20
"""Steps between two lines of the log."""
_STRIDE = 1_000_003


def seed_stream(seed: int) -> int:
    """Where the step seeds of a user's seed begin: those of neighboring seeds do not meet for a million steps."""
    return seed * _STRIDE


def step_generator(stream: int, step: int) -> torch.Generator:
    """The random numbers of one step of a stream (``seed_stream``, or a scene's own)."""
    return torch.Generator().manual_seed(stream + step)


def scene_stream(fingerprint: str, seed: int) -> int:
    """Where the step seeds of a scene of its own begin, whichever scenes are beside it."""
    return int.from_bytes(hashlib.sha256(f"{seed} {fingerprint}".encode()).digest()[:6])


@runtime_checkable
class Stateful(Protocol):
    """What training changes, as named tensors: a module, or the parameters of scenes."""

    def state_dict(self) -> dict[str, Tensor]: ...

    def load_state_dict(self, state: dict[str, Tensor], /) -> object: ...


@dataclass(frozen=True)
class TrainingState:
    """All that a checkpoint holds.

    Attributes:
        parts: modules and scenes, by the name that their tensors begin with.
        optimizer: over the parameters of the modules.
        divided: the parts whose tensors have a row per scene, which are divided over ranks.
    """

    parts: Mapping[str, Stateful]
    optimizer: torch.optim.Optimizer
    divided: Sequence[str] = ()

    def is_divided(self, name: str) -> bool:
        """Whether the tensor of a name has a row per scene."""
        return name.partition(".")[0] in self.divided

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name, not copied."""
        named = {
            f"{part}.{name}": tensor for part, of in self.parts.items() for name, tensor in of.state_dict().items()
        }
        return named | flatten_optimizer(self.optimizer)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what ``tensors`` gave."""
        for part, of in self.parts.items():
            prefix = f"{part}."
            of.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
        restore_optimizer(self.optimizer, tensors)


@dataclass
class Step:
    """One step of a loop, and what its body reports.

    Attributes:
        number: from 0.
        of: number of steps.
        logged: what the log keeps; empty where no line of it is due.
        shown: what the bar shows, as numbers or as tensors, which a GPU may still be computing.
        measured: what has been measured just now.
    """

    number: int
    of: int
    logged: dict[str, float] = field(default_factory=dict)
    shown: dict[str, SupportsFloat] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)

    def report(self, shown: Mapping[str, Tensor | float], logged: Mapping[str, Tensor | float]) -> None:
        """Metrics for the bar, and for the log where a line of it is due; no other step waits for a GPU."""
        self.shown = _without_graph(shown)
        if self.number % LOG_EVERY == 0:
            self.logged = {name: float(value) for name, value in _without_graph(logged).items()}

    def measure(self, **metrics: float) -> None:
        """What has been measured just now, for bar and log."""
        self.measured = metrics

    def is_one_of(self, count: int) -> bool:
        """Whether this is one of ``count`` steps spread evenly, at which something is to be done."""
        return (self.number + 1) % max(1, self.of // count) == 0


def _without_graph(metrics: Mapping[str, Tensor | float]) -> dict[str, SupportsFloat]:
    return {name: value.detach() if isinstance(value, Tensor) else value for name, value in metrics.items()}


@runtime_checkable
class Steps(Protocol):
    """Where the steps of a phase are taken: a run's `Loop`, or whatever takes only some of them."""

    def steps(self, phase: str, count: int, state: TrainingState) -> Iterator[Step]: ...


@dataclass(frozen=True)
class Loop:
    """A run's loop through its phases.

    Attributes:
        run: log and checkpoints.
        progress: where to show how it goes.
        phases: names of all phases, in order.
        checkpoint: where an earlier session has stopped, or None.
        ranks: the processes that take its steps together; the first one logs and saves.
    """

    run: Run
    progress: Progress
    phases: Sequence[str]
    checkpoint: Checkpoint | None
    ranks: Ranks = ALONE

    @classmethod
    def resumed(cls, run: Run, progress: Progress, phases: Sequence[str], ranks: Ranks = ALONE) -> "Loop":
        """The loop of a run, from its checkpoint if it has one."""
        checkpoint = run.load_checkpoint(progress.note) if ranks.is_first else None
        state = ranks.told(checkpoint and checkpoint.state)
        if state is not None and checkpoint is None:
            checkpoint = Checkpoint({}, state)
        return cls(run, progress, phases, checkpoint, ranks)

    def is_past(self, phase: str) -> bool:
        """Whether an earlier session has finished this phase."""
        return self.phases.index(phase) < self.phases.index(self._phase_begun())

    def steps(self, phase: str, count: int, state: TrainingState) -> Iterator[Step]:
        """The steps of a phase that are still to be taken.

        Args:
            phase: its name, in the log and on the bar.
            count: number of steps of the whole phase.
            state: what the steps change; restored here if the checkpoint is of this phase.

        Raises:
            KeyboardInterrupt: Ctrl-C or SIGTERM, after saving.
            Exception: whatever a callback raises, after saving.
        """
        first = self._restore(phase, state)
        self.progress.start(phase, count, first)
        for number in range(first, count):
            if self.run.stopped:
                return
            step = Step(number, count)
            yield step
            if self.ranks.is_first:
                self._tell(phase, step)
            with self._saving_if_raised(phase, step, state):
                ended = self.run.watch.ends(phase, number + 1, count, step.shown | step.measured)
            self._heed(phase, step, state, ended)

    def _heed(self, phase: str, step: Step, state: TrainingState, ended: bool) -> None:
        """Save where that is due, and stop where a callback, a signal or another rank asks for it."""
        asked, stop, due = self.ranks.largest(self.run.interrupted or 0, ended, self.run.checkpoint_due())
        self.run.interrupted, self.run.stopped = asked or None, bool(stop)
        if asked or stop or due:
            self._save(phase, step, state)
        self.run.stop_if_interrupted()

    @contextmanager
    def _saving_if_raised(self, phase: str, step: Step, state: TrainingState) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if not self.ranks.are_together:  # the others have gone on, and would have to give their rows
                self._save(phase, step, state)
            raise

    def _save(self, phase: str, step: Step, state: TrainingState) -> None:
        tensors = self.ranks.gathered(state.tensors(), state.is_divided)
        if self.ranks.is_first:
            self.run.save_checkpoint(tensors, {"phase": phase, "step": step.number + 1})
        else:
            take_parts(tensors)

    def _phase_begun(self) -> str:
        return self.phases[0] if self.checkpoint is None else self.checkpoint.state.get("phase", self.phases[0])

    def _restore(self, phase: str, state: TrainingState) -> int:
        if self.checkpoint is None or phase != self._phase_begun():
            return 0
        state.restore(self.ranks.dealt(self.checkpoint.tensors, state.is_divided))
        return self.checkpoint.state["step"]

    def _tell(self, phase: str, step: Step) -> None:
        self.progress.advance(1, **step.shown)
        if step.logged:
            self.run.log(step.number, phase=phase, **step.logged)
        if step.measured:
            self.progress.advance(0, **step.measured)
            self.run.log(step.number, phase=phase, **step.measured)
