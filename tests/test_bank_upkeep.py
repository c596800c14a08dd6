"""Banks put together and written anew."""

from contextlib import suppress
from pathlib import Path

import pytest
from damage import damage_scene
from untrained import faults, scene, untrained_model

from triptych.bank import SceneBank, compact, merge
from triptych.errors import InputError
from triptych.model import CategoryModel


@pytest.fixture
def model() -> CategoryModel:
    return untrained_model()


def test_compaction_spreads_scenes_over_files_and_loses_none(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model, files=3)
    bank.add_all((f"{number}", scene(model, float(number))) for number in range(20))
    before = bank.names()
    other = SceneBank(bank.folder)
    assert other.names() == before
    for files in (1, 4):
        compact(bank.folder, files)
        assert len(list(bank.folder.glob("scenes-*"))) == files
        for looking in (bank, other):  # both have had the old files open
            assert looking.names() == before
            assert all((looking.scene(name).micro == int(name)).all() for name in before)
    bank.add("20", scene(model, 20.0))
    assert len(other) == 21
    assert not faults(bank)


def test_scenes_that_are_added_during_compaction_are_kept(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model, files=2)
    bank.add_all((f"{number}", scene(model, float(number))) for number in range(10))
    added = iter(range(10, 20))

    def meanwhile() -> None:
        with suppress(StopIteration):
            number = next(added)
            bank.add(f"{number}", scene(model, float(number)))

    compact(bank.folder, 1, meanwhile)
    assert bank.names() == sorted(map(str, range(20)))
    assert not faults(bank)


def test_a_bank_with_a_damaged_scene_is_not_compacted_but_copied(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add_all((name, scene(model, 1.0)) for name in "abc")
    damage_scene(bank.folder, "b")
    with pytest.raises(InputError, match=r"scene 'b' .* is damaged: .*merge NEW"):
        compact(bank.folder)
    assert {entry.name for entry in bank.folder.iterdir()} == {"bank.json", "scenes-0.sqlite"}
    told = merge(tmp_path / "new", [bank.folder])
    assert (told.copied, told.there, len(told.damaged)) == (2, 0, 1)
    assert SceneBank(tmp_path / "new").names() == ["a", "c"]
    with pytest.raises(InputError, match=r"scene 'b' of .* is damaged"):
        told.require_all("merge")


def test_banks_of_one_model_are_put_together(model: CategoryModel, tmp_path: Path) -> None:
    one = SceneBank.create(tmp_path / "one", model, own_model=True)
    one.add_all((name, scene(model, 1.0)) for name in "ab")
    two = SceneBank.create(tmp_path / "two", model)
    two.add_all((name, scene(model, 1.0)) for name in "bc")
    told = merge(tmp_path / "both", [one.folder, two.folder])
    assert (told.copied, told.there) == (3, 1)
    both = SceneBank(tmp_path / "both")
    assert both.names() == ["a", "b", "c"]
    assert both.load_model().identity() == model.identity()
    assert merge(both.folder, [two.folder]).copied == 0

    two.add("d", scene(model, 1.0))
    other = SceneBank.create(tmp_path / "other", model)
    other.add_all((name, scene(model, 2.0)) for name in "de")
    with pytest.raises(InputError, match=r"1 scene\(s\) differ from those of the same name in .*two: d"):
        merge(both.folder, [two.folder, other.folder])
    plain = SceneBank.create(tmp_path / "plain", untrained_model(seed=1))
    with pytest.raises(InputError, match="its model id is"):
        merge(both.folder, [plain.folder])
    assert both.names() == ["a", "b", "c"]
