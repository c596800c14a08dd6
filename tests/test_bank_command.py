"""``triptych bank``: what it says, what it makes of old banks, and what it refuses."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from damage import damage_scene
from old_banks import write_old_bank
from untrained import untrained_model

from triptych.bank import SceneBank, StoredScene, note_failures, read_failures
from triptych.cli import main
from triptych.errors import InputError
from triptych.model import CategoryModel

pytest.importorskip("zarr")


@pytest.fixture
def model() -> CategoryModel:
    return untrained_model()


def scenes_of(model: CategoryModel, names: str) -> dict[str, StoredScene]:
    planes, generator = model.config.planes, torch.Generator().manual_seed(0)
    return {
        name: StoredScene(
            torch.randn(planes.micro_shape, generator=generator).half().float(),
            torch.randn(planes.coefficients, generator=generator),
            f"fingerprint of {name}",
            {"test_psnr": 20.0 + number},
        )
        for number, name in enumerate(names)
    }


def new_bank(folder: Path, model: CategoryModel, names: str) -> SceneBank:
    bank = SceneBank.create(folder, model)
    bank.add_all(scenes_of(model, names).items())
    return bank


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main(["bank", *map(str, arguments)])
    assert ended.value.code == 2
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("triptych: ")]


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_bank_is_converted(
    version: int, model: CategoryModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = scenes_of(model, "abx")
    long = "long name " * 30  # whose folder does not tell it
    old = write_old_bank(tmp_path / "old", model, {**scenes, **({long: scenes["a"]} if version == 2 else {})}, version)
    note_failures(old, {"lost": "12.0 dB"})
    model.save(old / "model")
    (old / "scenes" / "Thumbs.db").touch()
    said = rf"{old}: this bank was made by an earlier version.*`triptych bank convert {old} NEW`"
    with pytest.raises(InputError, match=said):
        SceneBank(old)
    with pytest.raises(InputError, match=said):
        SceneBank.create(old, model)

    main(["bank", "convert", str(old), str(tmp_path / "new")])
    assert f"{len(scenes) + version - 1} scene(s) converted" in capsys.readouterr().out
    bank = SceneBank(tmp_path / "new")
    assert bank.names() == sorted([*scenes, *([long] if version == 2 else [])])
    for name, scene in scenes.items():
        found = bank.scene(name)
        assert torch.equal(found.micro, scene.micro)
        assert torch.equal(found.coefficients, scene.coefficients)
        assert (found.fingerprint, found.record) == (scene.fingerprint, scene.record)
    assert read_failures(bank.folder) == {"lost": "12.0 dB"}
    assert bank.load_model().identity() == model.identity()
    bank.add("c", scenes["a"])


def test_damaged_scenes_of_an_old_bank_are_left_out_and_named(
    model: CategoryModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = write_old_bank(tmp_path / "old", model, scenes_of(model, "abc"))
    (chunk,) = (file for file in (old / "scenes/b/micro/c").rglob("*") if file.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-1])
    shutil.copytree(old / "scenes/a", old / "scenes/d")
    damaged, other, count = refused(capsys, "convert", old, tmp_path / "new")
    assert damaged.startswith("triptych: scene 'b' of ")
    assert str(chunk) in damaged
    assert "its folder holds the scene 'a'" in other
    assert "2 damaged scene(s) left out" in count
    assert SceneBank(tmp_path / "new").names() == ["a", "c"]


def test_what_cannot_be_converted_is_refused(
    model: CategoryModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = write_old_bank(tmp_path / "old", model, scenes_of(model, "a"))
    present = new_bank(tmp_path / "present", model, "a").folder
    assert "expected a scene bank" in refused(capsys, "convert", tmp_path, tmp_path / "new")[0]
    assert "of the present version already" in refused(capsys, "convert", present, tmp_path / "new")[0]
    assert "expected a new or empty folder" in refused(capsys, "convert", old, present)[0]
    monkeypatch.setitem(sys.modules, "zarr", None)
    assert 'pip install "triptych[convert]"' in refused(capsys, "convert", old, tmp_path / "new")[0]
    assert not (tmp_path / "new").exists()


def test_a_bank_is_described_checked_merged_and_compacted(
    model: CategoryModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (new_bank(tmp_path / name, model, names) for name, names in (("one", "ab"), ("two", "abc")))
    main(["bank", "info", str(one.folder)])
    said = capsys.readouterr().out
    assert "2 scene(s) in 1 file(s)" in said
    assert model.identity() in said
    main(["bank", "check", str(one.folder)])
    assert "none is damaged" in capsys.readouterr().out
    main(["bank", "merge", str(tmp_path / "both"), str(one.folder), str(two.folder)])
    assert "3 scene(s) copied, 2 were there already" in capsys.readouterr().out
    main(["bank", "compact", str(tmp_path / "both"), "--files", "2"])
    assert "3 scene(s) in 2 file(s)" in capsys.readouterr().out
    assert SceneBank(tmp_path / "both").names() == ["a", "b", "c"]

    damage_scene(two.folder, "c")
    assert "1 of" in refused(capsys, "check", two.folder)[0]
    damaged, count = refused(capsys, "merge", tmp_path / "whole", two.folder)
    assert damaged.startswith("triptych: scene 'c' of ")
    assert "all others are copied" in count
    assert SceneBank(tmp_path / "whole").names() == ["a", "b"]
    assert "is damaged" in refused(capsys, "compact", two.folder)[0]
    assert "expected a scene bank" in refused(capsys, "info", tmp_path)[0]
