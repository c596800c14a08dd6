"""Stage 1 on several processes, against the same on one."""

import json
from dataclasses import dataclass
from pathlib import Path

import of_two_ranks
import pytest
import torch
from balls import make_balls
from of_two_ranks import DISPUTED, STOP_AFTER, STOPPED_BY_ONE, STOPPED_BY_TWO, scenes_of, settings
from ranked import by_two_ranks, one_rank, places

from triptych.bank import SceneBank
from triptych.cli import main
from triptych.errors import InputError
from triptych.files import read_log
from triptych.model import CategoryModel
from triptych.training.conditions import Conditions
from triptych.training.ranks import Ranks, require_scenes
from triptych.training.stage1 import train

UNDISTURBED = "undisturbed"
SCENES = 4


@dataclass
class Trained:
    """Runs of the same settings: by one rank, by two, begun by one and ended by the other."""

    out: Path
    codes: list[int]
    said: list[str]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("ranks")
    data, cache = make_balls(out / "data", train=SCENES, test=0), out / "cache"
    scenes = scenes_of(data, cache)
    with one_rank() as alone:
        conditions = Conditions(checkpoint_seconds=1e9, ranks=alone)
        with of_two_ranks.asked_to_stop(STOP_AFTER), pytest.raises(KeyboardInterrupt):
            train(scenes, out / STOPPED_BY_ONE, settings(), conditions)
        codes, said = by_two_ranks(of_two_ranks.__file__, data, cache, out)
        for run in (STOPPED_BY_TWO, UNDISTURBED):
            train(scenes, out / run, settings(), conditions)
    return Trained(out, codes, said)


@pytest.mark.parametrize("run", [STOPPED_BY_ONE, STOPPED_BY_TWO])
def test_the_number_of_ranks_changes_nothing_not_even_in_the_middle_of_a_run(trained: Trained, run: str) -> None:
    ours, expected = (CategoryModel.load(trained.out / each / "model") for each in (run, UNDISTURBED))
    for (name, tensor), other in zip(ours.state_dict().items(), expected.state_dict().values(), strict=True):
        assert torch.allclose(tensor.float(), other.float(), atol=2e-3), name
    scenes, others = (SceneBank(trained.out / each / "trained_scenes") for each in (run, UNDISTURBED))
    assert scenes.names() == others.names() == [f"ball_{number}" for number in range(SCENES)]
    for name in scenes.names():
        assert torch.allclose(scenes.scene(name).micro, others.scene(name).micro, atol=2e-3), name
    losses, as_expected = (
        [line["total"] for line in read_log(trained.out / each) if "total" in line] for each in (run, UNDISTURBED)
    )
    assert losses == pytest.approx(as_expected, rel=1e-4)


def test_all_stop_where_one_is_asked_to_and_hold_only_their_own_scenes(trained: Trained) -> None:
    first, second = (json.loads((trained.out / f"held_{rank}.json").read_text()) for rank in range(2))
    assert first["steps"] == second["steps"] == STOP_AFTER
    assert first["scenes"] + second["scenes"] == [f"ball_{number}" for number in range(SCENES)]
    scenes = SceneBank(trained.out / UNDISTURBED / "trained_scenes")
    numbers = sum(scenes.scene("ball_0").micro.numel() + scenes.scene("ball_0").coefficients.numel() for _ in range(2))
    for held in (first, second):
        assert 3 * 4 * numbers <= held["parameters, moments, occupancies"] < 3.5 * 4 * numbers + 2 * 32**3
        assert held["latents"] == 2 * 2 * 4 * 4 * 8 * 8


def test_ranks_that_are_to_do_different_things_end_with_one_line_and_write_nothing(trained: Trained) -> None:
    assert trained.codes == [2, 2]
    assert "".join(trained.said) == (
        "triptych: rank 1: seed is 1, but 0 on rank 0; give all ranks the same options, data and version of triptych\n"
    )
    assert not (trained.out / DISPUTED).exists()


def test_a_rank_that_has_another_pixel_in_its_last_picture_is_refused(trained: Trained) -> None:
    first, second = ((trained.out / f"refused_{rank}.txt").read_text() for rank in range(2))
    assert not first
    assert second.startswith("rank 1: pictures is ")
    assert "give all ranks the same options, data" in second


def test_more_ranks_than_scenes_are_refused() -> None:
    ranks = Ranks()
    ranks.count = 3
    require_scenes(ranks, 3)
    with pytest.raises(InputError, match="2 scene"):
        require_scenes(ranks, 2)


def test_what_is_not_divided_over_ranks_is_refused_by_the_first_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for rank, said in zip(
        places(2), ("torchrun has started 2 processes, and triptych fit runs in one", ""), strict=True
    ):
        for name, value in rank.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(["fit", "no_model", "no_data", "--out", "out"])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert said in error
        assert bool(error) == bool(said)


def test_every_scene_has_one_rank() -> None:
    ranks = Ranks()
    for ranks.count in (1, 2, 3, 7):
        shares = [ranks.share(10, rank) for rank in range(ranks.count)]
        assert [scene for share in shares for scene in share] == list(range(10))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
