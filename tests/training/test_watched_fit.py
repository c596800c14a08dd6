"""A scene that is fitted a few steps at a time."""

from pathlib import Path

import pytest
import torch
from balls import tiny_stage2

from triptych.bank import SceneBank
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.model import CategoryModel, find_model
from triptych.training import outcome
from triptych.training.conditions import Conditions
from triptych.training.stage2 import fit
from triptych.training.watched_fit import WatchedFit


@pytest.fixture
def model(trained_balls: Path) -> CategoryModel:
    return CategoryModel.load(find_model(trained_balls))


def test_it_begins_at_the_mean_and_ends_where_fit_does(model: CategoryModel, balls: Dataset, tmp_path: Path) -> None:
    one, config = balls.select("ball_3"), tiny_stage2()
    watched = WatchedFit(model, one, config)
    start = watched.scene()
    assert torch.equal(start.micro, model.start_micro)
    while watched.done < watched.steps:
        watched.advance(0.0)  # one step
    assert torch.equal(start.micro, model.start_micro)  # earlier looks stay as they were
    bank = fit(model, one, tmp_path / "bank", config, Conditions(), precision="float32", force=True)
    assert torch.equal(watched.scene().micro, bank.scene("ball_3").micro)
    assert watched.scene().record["fitted_views"] == bank.scene("ball_3").record["fitted_views"]


def test_each_portion_takes_a_step_at_least_and_the_last_no_more(model: CategoryModel, balls: Dataset) -> None:
    watched = WatchedFit(model, balls.select("ball_3"), tiny_stage2())
    assert watched.steps == 4 + 2  # four views in batches of two, over two epochs and one
    watched.advance(0.0)
    assert watched.done == 1
    watched.advance(60.0)
    watched.advance(60.0)
    assert watched.done == watched.steps


def test_it_is_kept_once_as_it_stands(
    model: CategoryModel, balls: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = WatchedFit(model, balls.select("ball_3"), tiny_stage2())
    with pytest.raises(InputError, match=r"ball_3: not kept: .* where the mean scene has"):
        watched.keep(tmp_path / "bank")
    assert not (tmp_path / "bank").exists()
    monkeypatch.setattr(outcome, "_LEAST_SHARE", -1.0)  # the tiny model is too coarse for a better one
    watched.advance(0.0)
    found = watched.keep(tmp_path / "bank")
    bank = SceneBank(tmp_path / "bank")
    assert bank.names() == ["ball_3"]
    assert bank.precision == "compact"
    assert bank.about("ball_3").record["test_psnr"] == found
    assert bank.about("ball_3").record["steps"] == 1
    with pytest.raises(InputError, match="in the bank already"):
        watched.keep(tmp_path / "bank")


def test_a_scene_of_stage_1_is_refused(model: CategoryModel, balls: Dataset) -> None:
    with pytest.raises(InputError, match="trained on in stage 1"):
        WatchedFit(model, balls.select("ball_0"), tiny_stage2())


def test_what_all_scenes_share_is_not_trained_along(model: CategoryModel, balls: Dataset) -> None:
    with pytest.raises(InputError, match="triptych fit"):
        WatchedFit(model, balls.select("ball_3"), tiny_stage2(finetune_shared=True))
