"""What a person sees while it runs: step, metrics and time left of each phase, as bars on a terminal, else as lines."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, SupportsFloat

from triptych.text import one_line

SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class State:
    """How far a phase is.

    Attributes:
        phase: its name.
        first: steps that were done when it began.
        done: steps that are done.
        total: steps in all; 0 while it is not known.
        metrics: the latest value of each. What a GPU still computes is waited for when it is shown, not before.
    """

    phase: str
    first: int
    done: int
    total: int
    metrics: Mapping[str, SupportsFloat] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The metrics, for people."""
        return "  ".join(f"{name} {float(value):.4g}" for name, value in self.metrics.items())


class Display(Protocol):
    """What shows the states."""

    def begin(self, state: State) -> None:
        """Another phase."""

    def update(self, state: State) -> None:
        """The phase goes on."""

    def note(self, line: str) -> None:
        """A line that stays."""

    def end(self) -> None:
        """Nothing more comes."""


class Progress:
    """Progress on standard error: bars where this is a terminal, else a line at the beginning and the end of each phase
    and every ten seconds. A quiet one, for tests and scripts, shows nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._display: Display = _Nothing() if quiet else _Bars() if sys.stderr.isatty() else Lines()
        self._state: State | None = None
        self._metrics: dict[str, SupportsFloat] = {}

    @property
    def is_seen(self) -> bool:
        """Whether it shows anything."""
        return not isinstance(self._display, _Nothing)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.end()

    def start(self, phase: str, steps: int, done: int = 0) -> None:
        """Begin a phase of ``steps`` steps, of which some may be done already."""
        self._metrics = {}
        self._state = State(phase, done, done, steps)
        self._display.begin(self._state)

    def advance(self, steps: int = 1, **metrics: SupportsFloat) -> None:
        """Count steps, and show metrics; each stays until another value is given."""
        assert self._state is not None
        self._metrics = {**self._metrics, **metrics}
        self._show(self._state.done + steps, self._state.total)

    def reach(self, done: int, total: int) -> None:
        """Set the steps: ``done`` of ``total``, for work whose size is found on the way."""
        self._show(done, total)

    def note(self, message: str) -> None:
        """A line of its own."""
        self._display.note(one_line(message))

    def _show(self, done: int, total: int) -> None:
        assert self._state is not None
        self._state = State(self._state.phase, self._state.first, done, total, self._metrics)
        self._display.update(self._state)


class Lines:
    """Lines for a log: the first and the last state of each phase, and one every few seconds.

    Args:
        clock: seconds from any moment on.
        write: takes the text; standard error unless given.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, write: Callable[[str], object] | None = None
    ) -> None:
        self._clock = clock
        self._write = write or (lambda text: sys.stderr.write(text))  # whatever standard error then is
        self._latest: State | None = None
        self._told: State | None = None
        self._began = self._told_at = 0.0

    def begin(self, state: State) -> None:
        self.end()
        self._began = self._clock()
        self._latest = state
        self._tell()

    def update(self, state: State) -> None:
        self._latest = state
        if self._clock() - self._told_at >= SECONDS_BETWEEN_LINES:
            self._tell()

    def note(self, line: str) -> None:
        self._write(f"{line}\n")

    def end(self) -> None:
        if self._latest is not self._told:
            self._tell()

    def _tell(self) -> None:
        assert self._latest is not None
        self._told, self._told_at = self._latest, self._clock()
        self._write(one_line(_line(self._latest, self._told_at - self._began)) + "\n")


def _line(state: State, seconds: float) -> str:
    """A state after so many seconds, such as ``joint 120/450  loss 0.0123  1:05 left``."""
    if not state.total:
        return f"{state.phase} ..."
    parts = [f"{state.phase} {state.done}/{state.total}", state.text]
    steps, missing = state.done - state.first, state.total - state.done
    if steps > 0:
        parts.append(f"{_duration(seconds * missing / steps)} left" if missing else f"took {_duration(seconds)}")
    return "  ".join(filter(None, parts))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class _Bars:
    """One moving bar per phase, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state].text}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task: TaskID | None = None

    def begin(self, state: State) -> None:
        self._bars.start()
        self._task = self._bars.add_task(state.phase, total=state.total, completed=state.done, state=state)

    def update(self, state: State) -> None:
        assert self._task is not None
        self._bars.update(self._task, completed=state.done, total=state.total, state=state)

    def note(self, line: str) -> None:
        self._bars.console.print(line, highlight=False, soft_wrap=True, markup=False)

    def end(self) -> None:
        self._bars.stop()


class _Nothing:
    """Shows nothing."""

    def begin(self, state: State) -> None:
        pass

    def update(self, state: State) -> None:
        pass

    def note(self, line: str) -> None:
        pass

    def end(self) -> None:
        pass
