"""What a plan says before anything is paid."""

from pathlib import Path

import pytest
import torch
from balls import make_balls

from triptych.benchmark.plan_report import Plan
from triptych.benchmark.plan_sample import random_sample, sample_of
from triptych.cli import main
from triptych.data import DatasetConfig
from triptych.evaluation.cost import Cost
from triptych.training import estimate
from triptych.training.beginning import own_or_created, untrained
from triptych.training.conditions import Conditions
from triptych.training.estimate import Amount, Estimate, of_stage1
from triptych.training.presets import STAGE1


def plan(**changes: object) -> Plan:
    values = {
        "trained": 100,
        "fitted": 900,
        "stage1": Estimate(600.0, 10**9),
        "stage2": Estimate(3600.0, 10**9),
        "workers": None,
        "disk": {"bank": 3e7, "decoded pictures": 2e9},
        "time": Cost(600.0, 4.0),
        "space": Cost(2e6, 3e4),
        "rgb_time": Cost(0.0, 16.0),
        "rgb_space": Cost(0.0, 8e5),
        "calibration": 9.0,
    }
    return Plan(**(values | changes))


def test_the_break_even_is_where_the_entry_cost_is_earned() -> None:
    said = "\n".join(plan().lines())
    assert "time from 51 scene(s), bytes from 3 scene(s)" in said
    assert "disk: 2.03 GB: 30 MB bank, 2 GB decoded pictures" in said
    assert "time from no number of scenes" in "\n".join(plan(rgb_time=Cost(0.0, 3.0)).lines())


def test_made_up_scenes_show_an_object_before_white() -> None:
    sample = random_sample(6, 32, 1000)
    assert len(sample) == 4
    picture = sample.images(0, [0])[0]
    assert (picture[0, 0] == 255).all()
    assert (picture[16, 16] != 255).any()
    assert 0.1 < (picture != 255).any(axis=-1).mean() < 0.9


def test_a_plan_reads_few_scenes_of_a_dataset_and_counts_all(tmp_path: Path) -> None:
    make_balls(tmp_path / "data")
    sample, found, _ = sample_of(DatasetConfig(tmp_path / "data", cache=tmp_path / "cache"))
    assert len(sample) == min(4, found)
    assert found == len(list((tmp_path / "data").glob("*/")))


def test_what_cannot_be_planned_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, reason in (
        ([], "expected the folder of a dataset, or --scenes"),
        ([str(tmp_path / "absent")], "no such folder"),
        (["--scenes", "10", "--autoencoder", str(tmp_path / "none")], "none: expected a folder, or a Hugging Face id"),
        (["--scenes", "10", "--trained", "11", "--size", "32", "--views", "4"], "--trained: expected 1 to 10 scenes"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["plan", *arguments])
        assert ended.value.code == 2
        assert reason in capsys.readouterr().err


def test_random_pixels_take_as_long_as_there_are_scenes_in_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "_step", lambda *_: 1.0)
    sample, device = random_sample(4, 32, 100), torch.device("cpu")
    config = STAGE1["colors"]
    autoencoder = own_or_created(None, config.autoencoder, sample)
    model = untrained(sample, config, autoencoder, Conditions(seed=0, device=device))
    steps = config.warmup.step_count
    assert steps
    few, many = (
        of_stage1(model, sample, Amount(scenes, 4 * scenes), config, 0).seconds for scenes in (len(sample), 10_000)
    )
    assert few == pytest.approx(steps, rel=0.05)
    assert many == pytest.approx(steps * config.warmup.batch / len(sample), rel=0.05)
