"""Training a predictor on several processes, against the same on one."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import predictor_of_two_ranks
import pytest
import torch
from predictor_of_two_ranks import KILLED, SETTINGS, STOP_AFTER, STOPPED_BY_ONE, STOPPED_BY_TWO, signaled
from ranked import by_two_ranks

from triptych.data import Dataset
from triptych.errors import InputError
from triptych.files import read_log
from triptych.model import CategoryModel
from triptych.training.conditions import Conditions
from triptych.training.predicting.run import train_predictor
from triptych.training.ranks import Ranks

UNDISTURBED = "undisturbed"


@dataclass
class Trained:
    """Runs of the same settings, and how two ranks ended of which one was killed."""

    out: Path
    codes: list[int]
    said: list[str]


@pytest.fixture
def plain(trained_balls: Path) -> CategoryModel:
    return CategoryModel.load(trained_balls / "model")


@pytest.fixture(scope="module")
def trained(balls: Dataset, trained_balls: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    assert balls.source is not None
    out, data = tmp_path_factory.mktemp("ranks"), balls.source.path
    cache, model = data.parent / "cache", trained_balls / "model"
    plain, conditions = CategoryModel.load(model), Conditions(checkpoint_seconds=1e9)
    scenes = predictor_of_two_ranks.scenes_of(data, cache)
    with signaled(signal.SIGINT, STOP_AFTER), pytest.raises(KeyboardInterrupt):
        train_predictor(plain, scenes, out / STOPPED_BY_ONE, SETTINGS, conditions)
    codes, said = by_two_ranks(predictor_of_two_ranks.__file__, model, data, cache, out)
    for run in (STOPPED_BY_TWO, KILLED, UNDISTURBED):
        train_predictor(plain, scenes, out / run, SETTINGS, conditions)
    return Trained(out, codes, said)


@pytest.mark.parametrize("run", [STOPPED_BY_ONE, STOPPED_BY_TWO, KILLED])
def test_the_number_of_ranks_changes_nothing_not_even_in_the_middle_of_a_run(trained: Trained, run: str) -> None:
    ours, expected = (CategoryModel.load(trained.out / each / "model").predictor for each in (run, UNDISTURBED))
    assert ours is not None
    assert expected is not None
    for (name, tensor), other in zip(ours.state_dict().items(), expected.state_dict().values(), strict=True):
        assert torch.allclose(tensor, other, atol=2e-3), name
    lines, as_expected = (
        [line for line in read_log(trained.out / each) if "psnr" in line or "norm" in line]
        for each in (run, UNDISTURBED)
    )
    assert [numbers_of(line) for line in lines] == [pytest.approx(numbers_of(line), rel=1e-3) for line in as_expected]
    assert len(lines) == 2 * (1 + SETTINGS.measurements) + 1  # of both phases the first step, measurements; the end


def numbers_of(line: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in line.items() if name in ("step", "enc", "dec", "norm", "psnr")}


def test_a_rank_that_is_killed_ends_the_other_with_one_line(trained: Trained) -> None:
    assert trained.codes == [2, -signal.SIGKILL]
    assert trained.said[0].startswith("triptych: another rank has ended without a word (")
    assert trained.said[0].count("\n") == 1


def test_fewer_scenes_in_a_step_than_ranks_are_refused(plain: CategoryModel, balls: Dataset, tmp_path: Path) -> None:
    ranks = Ranks()
    ranks.count = 2
    with pytest.raises(InputError, match="--scenes-per-step 1 for 2 ranks"):
        train_predictor(plain, balls, tmp_path / "run", replace(SETTINGS, scenes_per_step=1), Conditions(ranks=ranks))
    assert not (tmp_path / "run").exists()


def test_ranks_are_compared_before_anything_is_written(plain: CategoryModel, balls: Dataset, tmp_path: Path) -> None:
    class Other(Ranks):
        def require_same(self, description: Mapping[str, Any], dataset: Dataset) -> None:
            assert dataset is balls
            raise InputError(f"rank 1: seed is {description['seed']}")

    with pytest.raises(InputError, match="rank 1: seed is 3"):
        train_predictor(plain, balls, tmp_path / "run", SETTINGS, Conditions(seed=3, ranks=Other()))
    assert not (tmp_path / "run").exists()
