import json
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.progress import Progress
from triptych.training.loop import LOG_EVERY, Loop, TrainingState, seed_stream, step_generator
from triptych.training.run import LOG_FILE, Run, open_run

STEPS = 45


def descend(folder: Path, stop_before: int | None = None, checkpoint_seconds: float = 0.0) -> tuple[torch.Tensor, list]:
    """Fit one number to random targets, first in one phase, then in another; the numbers of the steps taken, too."""
    torch.manual_seed(0)
    module, taken = torch.nn.Linear(1, 1, bias=False), []
    with open_run(folder, {}, checkpoint_seconds) as run:
        loop = Loop.resumed(run, Progress(quiet=True), ("first", "second"))
        for phase in loop.phases:
            if loop.is_past(phase):
                continue
            optimizer = torch.optim.Adam(module.parameters())
            for step in loop.steps(phase, STEPS, TrainingState({"module": module}, optimizer)):
                if phase == "second" and step.number == stop_before:
                    raise RuntimeError("stopped")
                target = torch.rand(1, generator=step_generator(seed_stream(7), step.number))
                loss = (module.weight - target).square().sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step.report({"loss": loss}, {"loss": loss})
                if step.is_one_of(3):
                    step.measure(quality=float(step.number))
                taken.append((phase, step.number))
    return module.weight.detach(), taken


def log_of(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / LOG_FILE).read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_a_stopped_loop_goes_on_where_it_was_and_ends_alike(tmp_path: Path) -> None:
    whole, _ = descend(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="stopped"):
        descend(tmp_path / "halves", stop_before=30)
    resumed, taken = descend(tmp_path / "halves")
    assert torch.equal(resumed, whole)
    assert taken == [("second", number) for number in range(30, STEPS)]
    assert log_of(tmp_path / "halves") == log_of(tmp_path / "whole")


def test_without_a_checkpoint_everything_is_done_again(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        descend(tmp_path / "run", stop_before=30, checkpoint_seconds=1e9)
    _, taken = descend(tmp_path / "run", checkpoint_seconds=1e9)
    assert len(taken) == 2 * STEPS


def test_the_log_has_every_so_many_steps_and_what_was_measured(tmp_path: Path) -> None:
    descend(tmp_path)
    first = [line for line in log_of(tmp_path) if line["phase"] == "first"]
    assert [line["step"] for line in first if "loss" in line] == list(range(0, STEPS, LOG_EVERY))
    assert [line["quality"] for line in first if "quality" in line] == [14.0, 29.0, 44.0]


class Unfinished(float):
    """A number that a GPU still computes: whoever asks for it waits."""

    asked = 0

    def __float__(self) -> float:
        type(self).asked += 1
        return float.__float__(self)


def test_only_a_step_whose_line_is_due_in_the_log_waits_for_its_loss(tmp_path: Path) -> None:
    module = torch.nn.Linear(1, 1)
    state = TrainingState({"module": module}, torch.optim.Adam(module.parameters()))
    with open_run(tmp_path, {}, 1e9) as run:
        for step in Loop.resumed(run, Progress(quiet=True), ("first",)).steps("first", STEPS, state):
            step.report({"loss": Unfinished(0.5)}, {"loss": Unfinished(0.5)})
    assert Unfinished.asked == len(range(0, STEPS, LOG_EVERY))


def test_streams_of_neighboring_seeds_give_other_numbers() -> None:
    one, other = (torch.rand(4, generator=step_generator(seed_stream(seed), 0)) for seed in (0, 1))
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("took", "apart"), [(1.0, 60.0), (10.0, 200.0), (1000.0, 1800.0)])
def test_checkpoints_that_take_long_are_written_less_often(
    took: float, apart: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("triptych.training.run.time.monotonic", lambda: now[0])
    monkeypatch.setattr("triptych.training.run.write_checkpoint", lambda *_: now.__setitem__(0, now[0] + took))
    run = Run(tmp_path, checkpoint_seconds=60.0)
    run.save_checkpoint({}, {})
    now[0] = took + apart - 0.1
    assert not run.checkpoint_due()
    now[0] = took + apart + 0.1
    assert run.checkpoint_due()
