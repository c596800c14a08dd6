"""Commands whose disk fills up: one line that names a file, nothing lost, and the same command goes on."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from balls import make_balls, tiny_stage2
from untrained import faults, scene, untrained_model

from triptych.bank import SceneBank
from triptych.cli import main
from triptych.data import DatasetConfig, open_dataset
from triptych.training.conditions import Conditions
from triptych.training.stage2 import fit

NAMES = [f"{number:03}" for number in range(60)]


@pytest.fixture
def disk(tmp_path: Path, mounted: Callable[..., None]) -> Path:
    """A folder on a tiny disk."""
    mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1500k", "tmpfs")
    return tmp_path / "disk"


def fill(disk: Path, free: int) -> Path:
    """A file that leaves so many bytes."""
    found = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(found.f_bavail * found.f_frsize - free))
    return disk / "filler"


@pytest.mark.parametrize("free", [0, 8 << 10, 100 << 10])
@pytest.mark.parametrize("command", ["merge", "compact", "convert"])
def test_a_bank_is_put_together_or_left_alone(
    disk: Path, tmp_path: Path, command: str, free: int, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target, model = tmp_path / "source", disk / "bank", untrained_model()
    bank = SceneBank.create(source, model, precision="float32", own_model=True)
    bank.add_all((name, scene(model, float(name))) for name in NAMES)
    words = {"merge": [target, source], "compact": [target], "convert": [source, target, "--precision", "float16"]}
    if command == "compact":
        shutil.copytree(source, target)
    filler, line = fill(disk, free), ["bank", command, *map(str, words[command])]
    with pytest.raises(SystemExit) as ended:
        main(line)
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("triptych: ")]
    assert ended.value.code == 2
    assert f"{disk}/" in said
    assert said.endswith(
        "No space left on device; free some space or choose another folder, then run the same command again"
    )
    if command == "compact":
        assert SceneBank(target).names() == NAMES
    filler.unlink()
    main(line)
    assert SceneBank(target).names() == NAMES
    assert not faults(SceneBank(target))
    assert not [file.name for file in disk.rglob(".triptych-*")]


@pytest.mark.parametrize("free", [8 << 10, 88 << 10])
def test_scenes_that_are_fitted_stay_and_the_others_follow(disk: Path, tmp_path: Path, free: int) -> None:
    make_balls(tmp_path / "data", train=0, test=6, resolution=8)
    balls = open_dataset(DatasetConfig(tmp_path / "data", test_views=2, cache=tmp_path / "cache"))
    config, bank = replace(tiny_stage2(), scenes_at_once=1), disk / "bank"

    def begin() -> None:
        fit(untrained_model(), balls, bank, config, Conditions(), precision="float32", force=True)

    filler = fill(disk, free)
    with pytest.raises(OSError, match=rf"No space left on device: '{disk}/bank/"):
        begin()
    before = {name: SceneBank(bank).scene(name).record["seconds"] for name in SceneBank(bank)} if free > 9000 else {}
    filler.unlink()
    begin()
    assert tuple(SceneBank(bank)) == balls.names
    assert not faults(SceneBank(bank))
    assert {name: SceneBank(bank).scene(name).record["seconds"] for name in before} == before
