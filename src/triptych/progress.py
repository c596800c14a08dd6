"""What a person sees while it runs: one bar a phase, with the loss, the test PSNR and the time left."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from triptych.text import one_line


class Progress:
    """Progress bars on standard error; quiet ones for tests and scripts."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._bars = Bars(
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[metrics]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True, quiet=quiet),
        )
        self._task: TaskID | None = None
        self._metrics: dict[str, float] = {}

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, phase: str, steps: int, done: int = 0) -> None:
        """Begin a phase of ``steps`` steps, of which some may be done already."""
        if not self._bars.console.is_terminal:
            self.note(f"{phase} ...")  # a log file shows no moving bar
        self._metrics = {}
        self._task = self._bars.add_task(phase, total=steps, completed=done, metrics="")

    def advance(self, steps: int = 1, **metrics: float) -> None:
        """Count steps, and show metrics; each stays until it is given anew."""
        assert self._task is not None
        self._metrics |= metrics
        shown = "  ".join(f"{name} {value:.4g}" for name, value in self._metrics.items())
        self._bars.update(self._task, advance=steps, metrics=shown)

    def reach(self, done: int, total: int) -> None:
        """Set the bar: ``done`` of ``total``, for work whose size is found on the way."""
        assert self._task is not None
        self._bars.update(self._task, completed=done, total=total)

    def note(self, message: str) -> None:
        """A line above the bars."""
        self._bars.console.print(one_line(message), highlight=False, soft_wrap=True, markup=False)
