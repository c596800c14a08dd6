"""What a log shows of work that lasts: lines with phase, steps, metrics and time left, and no more than are useful."""

from collections.abc import Callable

import pytest

from triptych.progress import SECONDS_BETWEEN_LINES, Lines, Progress


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def progress(clock: Clock, told: list[str], monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setattr("triptych.progress.Lines", lambda: Lines(clock, lambda text: told.append(text.rstrip("\n"))))
    return Progress()


def work(progress: Progress, clock: Clock, steps: int, seconds: float, loss: Callable[[int], float]) -> None:
    for step in range(steps):
        clock.seconds += seconds
        progress.advance(loss=loss(step))


def test_a_phase_is_told_at_its_beginning_every_ten_seconds_and_at_its_end(
    progress: Progress, clock: Clock, told: list[str]
) -> None:
    with progress:
        progress.start("joint", 25)
        work(progress, clock, 25, 1.0, lambda step: 1 / (step + 1))
        progress.advance(0, test_psnr=31.25)
    assert told == [
        "joint 0/25",
        "joint 10/25  loss 0.1  0:15 left",
        "joint 20/25  loss 0.05  0:05 left",
        "joint 25/25  loss 0.04  test_psnr 31.25  took 0:25",
    ]


def test_fast_phases_are_two_lines_each_and_metrics_do_not_move_to_the_next(
    progress: Progress, clock: Clock, told: list[str]
) -> None:
    with progress:
        for phase in ("warmup", "joint"):
            progress.start(phase, 1000)
            work(progress, clock, 1000, 0.001, lambda step: 2.0)
    assert told == [
        "warmup 0/1000",
        "warmup 1000/1000  loss 2  took 0:01",
        "joint 0/1000",
        "joint 1000/1000  loss 2  took 0:01",
    ]


def test_the_time_left_of_resumed_work_counts_what_was_done_now(
    progress: Progress, clock: Clock, told: list[str]
) -> None:
    with progress:
        progress.start("fit", 10_000, done=9000)
        work(progress, clock, 1, 2 * SECONDS_BETWEEN_LINES, lambda step: 0.5)
    assert told == ["fit 9000/10000", "fit 9001/10000  loss 0.5  5:33:00 left"]


def test_work_of_unknown_size_and_work_that_is_done_already(progress: Progress, clock: Clock, told: list[str]) -> None:
    with progress:
        progress.start("pictures", 0)
        progress.start("pictures", 0)
        progress.reach(3, 12)
        progress.note("note: a\nb")
        progress.start("joint", 5, done=5)
    assert told == ["pictures ...", "pictures ...", "note: a\\nb", "pictures 3/12  0:00 left", "joint 5/5"]


def test_what_stops_in_between_says_where(progress: Progress, clock: Clock, told: list[str]) -> None:
    def stopped() -> None:
        with progress:
            progress.start("joint", 100)
            work(progress, clock, 4, 1.0, lambda step: 0.25)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert told[-1] == "joint 4/100  loss 0.25  1:36 left"


def test_a_quiet_one_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True) as progress:
        progress.start("joint", 2)
        progress.advance(loss=1.0)
        progress.reach(2, 2)
        progress.note("a line")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_bars(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with Progress() as progress:
        progress.start("[red]joint[/red]", 2)
        progress.advance(2, loss=0.125)
        progress.note("a [b]line[/b]")
    said = capsys.readouterr().err
    assert "[red]joint[/red]" in said
    assert "2/2" in said
    assert "loss 0.125" in said
    assert "a [b]line[/b]" in said
