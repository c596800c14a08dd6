"""A function of the user's own follows a training and can end it; other programs keep the log."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from balls import short_stage1, tiny_stage2

import triptych
from triptych import InputError, StepReport, Watch
from triptych.cli import main


def test_a_callback_is_told_every_step_and_changes_nothing(balls: triptych.Dataset, tmp_path: Path) -> None:
    reports: list[StepReport] = []
    data = balls.select("train")
    watched = triptych.train(data, tmp_path / "a", short_stage1(), watch=reports.append, device="cpu")
    plain = triptych.train(data, tmp_path / "b", short_stage1(), device="cpu")
    assert watched.identity() == plain.identity()
    phases = dict.fromkeys(report.phase for report in reports)
    assert list(phases) == ["pretraining", "warmup", "joint"]
    for phase in phases:
        steps = [(report.step, report.of) for report in reports if report.phase == phase]
        assert steps == [(number + 1, len(steps)) for number in range(len(steps))]
    assert all(report.metrics["loss"] > 0 for report in reports)
    assert any("test_psnr" in report.metrics for report in reports)


def test_a_callback_ends_a_training_and_the_model_is_finished(balls: triptych.Dataset, tmp_path: Path) -> None:
    told: list[StepReport] = []

    def enough(report: StepReport) -> bool:
        told.append(report)
        return report.phase == "warmup" and report.step == 2

    model = triptych.train(balls.select("train"), tmp_path / "run", short_stage1(), watch=enough, device="cpu")
    assert [told[-1].phase, told[-1].step] == ["warmup", 2]
    assert triptych.open_model(tmp_path / "run").identity() == model.identity()
    again = triptych.train(balls.select("train"), tmp_path / "run", short_stage1(), watch=enough, device="cpu")
    assert again.identity() == model.identity()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_a_callback_raises_comes_out_after_saving(
    error: type[BaseException], balls: triptych.Dataset, tmp_path: Path
) -> None:
    first: list[tuple[str, int]] = []

    def fails(report: StepReport) -> None:
        first.append((report.phase, report.step))
        if len(first) == 5:
            raise error

    data = balls.select("train")
    with pytest.raises(error):
        triptych.train(data, tmp_path / "run", short_stage1(), watch=fails, device="cpu")
    rest: list[tuple[str, int]] = []
    went_on = triptych.train(
        data,
        tmp_path / "run",
        short_stage1(),
        watch=lambda report: rest.append((report.phase, report.step)),
        device="cpu",
    )
    assert len({*first, *rest}) == len(first) + len(rest)
    undisturbed = triptych.train(data, tmp_path / "other", short_stage1(), device="cpu")
    assert went_on.identity() == undisturbed.identity()


def test_stage_2_ends_between_scenes(balls: triptych.Dataset, trained_balls: Path, tmp_path: Path) -> None:
    told: list[StepReport] = []

    def one_is_enough(report: StepReport) -> bool:
        told.append(report)
        return True

    settings = tiny_stage2(scenes_at_once=1)
    data, bank = balls.select("test"), tmp_path / "bank"
    scenes = triptych.fit(trained_balls, data, bank, settings, force=True, watch=one_is_enough)
    assert list(scenes) == ["ball_3"]
    assert (told[0].phase, told[0].step, told[0].of) == ("fit", 1, 2)
    assert "test_psnr" in told[0].metrics
    assert list(triptych.fit(trained_balls, data, bank, settings, force=True)) == ["ball_3", "ball_4"]


class StubPrograms:
    """What wandb and mlflow are told."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.logged: list[dict[str, Any]] = []
        self.ended = 0
        run = SimpleNamespace(define_metric=lambda *_, **__: None, log=self.logged.append, finish=self.end)
        self.wandb = SimpleNamespace(init=lambda **options: (self.begun.append(options), run)[1])
        self.mlflow = SimpleNamespace(
            start_run=self.start, log_dict=lambda *_: None, log_metrics=self.log, end_run=self.end
        )

    def start(self, **options: Any) -> Any:
        self.begun.append(options)
        return SimpleNamespace(info=SimpleNamespace(run_id="seven"))

    def log(self, metrics: dict[str, float], step: int) -> None:
        self.logged.append({"step": step, **metrics})

    def end(self) -> None:
        self.ended += 1


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> StubPrograms:
    stub = StubPrograms()
    monkeypatch.setitem(sys.modules, "wandb", stub.wandb)
    monkeypatch.setitem(sys.modules, "mlflow", stub.mlflow)
    return stub


@pytest.mark.parametrize("program", ["wandb", "mlflow"])
def test_other_programs_keep_the_log_and_go_on_with_it(
    program: str, programs: StubPrograms, balls: triptych.Dataset, tmp_path: Path
) -> None:
    steps: list[StepReport] = []

    def stops(report: StepReport) -> None:
        steps.append(report)
        if len(steps) == 3:
            raise KeyboardInterrupt

    run, data = tmp_path / "run", balls.select("train")
    with pytest.raises(KeyboardInterrupt):
        triptych.train(data, run, short_stage1(), watch=Watch(stops, (program,)), device="cpu")
    triptych.train(data, run, short_stage1(), watch=Watch(logs=(program,)), device="cpu")
    assert programs.ended == 2
    assert not (run / "tensorboard").exists()
    first, second = programs.begun
    if program == "wandb":
        assert first["id"] == second["id"]
        assert first["config"]["seed"] == 0
    else:
        assert (first["run_id"], second["run_id"]) == (None, "seven")
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    losses = {(line["phase"], line["step"]): line["ae"] for line in lines if "ae" in line}
    assert losses
    for (phase, step), value in losses.items():
        key = {f"{phase}/step": step} if program == "wandb" else {"step": step}
        assert any(line.items() >= {**key, f"{phase}/ae": value}.items() for line in programs.logged)


def test_programs_that_are_missing_or_unknown_are_named_before_the_work(
    balls: triptych.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert balls.source is not None
    with pytest.raises(SystemExit) as ended:
        main(["train", str(balls.source.path), "--out", str(tmp_path / "run"), "--log", "wandb"])
    assert ended.value.code == 2
    assert 'the log wandb needs wandb: pip install "triptych[wandb]"' in capsys.readouterr().err
    with pytest.raises(InputError, match="expected some of tensorboard, wandb, mlflow, found 'excel'"):
        triptych.train(balls, tmp_path / "run", short_stage1(), watch=Watch(logs=("excel",)), device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_program_that_refuses_to_begin_is_told_in_one_line(
    programs: StubPrograms, balls: triptych.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(**options: Any) -> None:
        raise RuntimeError("No API key configured.\nUse `wandb login`.")

    monkeypatch.setattr(programs.wandb, "init", refuses)
    data, run = balls.select("train"), tmp_path / "run"
    expected = "^the log wandb cannot begin: No API key configured.; mend that or leave it out, and go on$"
    with pytest.raises(InputError, match=expected):
        triptych.train(data, run, short_stage1(), watch=Watch(logs=("wandb",)), device="cpu")
    assert torch.isfinite(triptych.train(data, run, short_stage1(), device="cpu").base).all()


def test_a_server_that_is_gone_ends_the_log_and_not_the_training(
    programs: StubPrograms, balls: triptych.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(metrics: dict[str, float], step: int) -> None:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(programs.mlflow, "log_metrics", gone)
    with pytest.warns(UserWarning, match="mlflow: nobody answers; the run is logged there no further"):
        model = triptych.train(
            balls.select("train"), tmp_path / "run", short_stage1(), watch=Watch(logs=("mlflow",)), device="cpu"
        )
    assert torch.isfinite(model.base).all()
