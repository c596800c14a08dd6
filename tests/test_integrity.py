"""Damage is noticed: a flipped bit in any file of ours, a missing or a cut one, and what it says."""

import os
import random
import shutil
from pathlib import Path

import pytest
from damage import damage_scene, flip_a_bit, stored_things

from triptych.bank import SceneBank
from triptych.cli import main
from triptych.evaluation.integrity import check
from triptych.model import CategoryModel


@pytest.fixture(scope="module")
def things(trained_balls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank with a model of its own, a scene file, a run with checkpoints, and a cache."""
    return stored_things(tmp_path_factory.mktemp("things"), CategoryModel.load(trained_balls / "model"))


def faults(path: Path) -> list[str]:
    return [finding.fault for finding in check(path) if finding.fault is not None]


def test_what_is_whole_is_found_so(things: Path) -> None:
    findings = list(check(things))
    assert [finding.fault for finding in findings if finding.fault] == []
    assert all(finding.summed for finding in findings)
    kinds = {finding.part.split()[0] for finding in findings}
    assert kinds == {"bank", "file", "scene", "model", "run", "checkpoint", "cache"}


def test_every_flipped_bit_is_noticed(things: Path, tmp_path: Path) -> None:
    generator = random.Random(0)
    for number in range(40):
        place = tmp_path / str(number)
        shutil.copytree(things, place)
        where = flip_a_bit(place, generator)
        # A file of scenes has bytes that mean nothing; whatever means something is noticed.
        assert faults(place) or (".sqlite" in where and contents(place / "bank") == contents(things / "bank")), where


def contents(folder: Path) -> dict[str, object]:
    bank = SceneBank(folder)
    stored = {name: bank.scene(name) for name in bank}
    return {name: (one.record, one.micro.tolist(), one.coefficients.tolist()) for name, one in stored.items()}


@pytest.mark.parametrize("change", ["delete", "truncate", "pipe", "folder"])
def test_every_missing_cut_or_replaced_file_is_named(things: Path, tmp_path: Path, change: str) -> None:
    names = [file.relative_to(things / "bank") for file in sorted((things / "bank").rglob("*")) if file.is_file()]
    assert len(names) > 5
    for number, name in enumerate(names):
        place = tmp_path / str(number)
        shutil.copytree(things / "bank", place)
        content = (place / name).read_bytes()
        (place / name).unlink()
        if change == "truncate":
            (place / name).write_bytes(content[: len(content) // 2])
        elif change == "pipe":
            os.mkfifo(place / name)
        elif change == "folder":
            (place / name).mkdir()
        assert any(name.name in fault for fault in faults(place)), name


def test_the_command_lists_what_is_damaged_and_ends_with_2(
    things: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["check", str(things)])
    assert "none is damaged" in capsys.readouterr().out
    shutil.copytree(things, tmp_path / "things")
    damage_scene(tmp_path / "things/bank", "a")
    with pytest.raises(SystemExit) as ended:
        main(["check", str(tmp_path / "things")])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out.count("damaged: ") >= 1
    (line,) = [line for line in said.out.splitlines() if "scene 'a'" in line]
    assert line.count("'a'") == 1
    assert str(tmp_path / "things/bank/scenes-0.sqlite") in line
    assert said.err.startswith("triptych: ")
