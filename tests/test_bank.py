import json
import os
import pickle
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import damage_scene
from hypothesis import HealthCheck, given, settings, strategies
from untrained import faults, scene, untrained_model

from triptych.bank import SceneBank, StoredScene, info_of
from triptych.errors import InputError
from triptych.files import write_sealed_json
from triptych.model import CategoryModel


@pytest.fixture
def model() -> CategoryModel:
    return untrained_model()


def test_a_scene_comes_back_as_it_went_in(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model, precision="float32")
    generator = torch.Generator().manual_seed(0)
    stored = StoredScene(
        torch.randn(model.config.planes.micro_shape, generator=generator),
        torch.randn(model.config.planes.coefficients, generator=generator),
        "abc",
        {"test_psnr": 21.5, "views": [1, 2]},
    )
    bank.add("car/1 ..é", stored)
    found = SceneBank(tmp_path / "bank").scene("car/1 ..é")
    assert torch.equal(found.micro, stored.micro)
    assert torch.equal(found.coefficients, stored.coefficients)
    assert (found.fingerprint, found.record) == ("abc", {"test_psnr": 21.5, "views": [1, 2]})
    assert bank.names() == ["car/1 ..é"]


def test_half_precision_keeps_three_digits_in_half_the_bytes(model: CategoryModel, tmp_path: Path) -> None:
    sizes = {}
    for precision in ("float16", "float32"):
        bank = SceneBank.create(tmp_path / precision, model, precision=precision)
        micro = torch.randn(model.config.planes.micro_shape, generator=torch.Generator().manual_seed(0))
        bank.add("a", StoredScene(micro, torch.zeros(model.config.planes.coefficients), "f", {}))
        assert torch.allclose(bank.scene("a").micro, micro, rtol=1e-3, atol=1e-4)
        sizes[precision] = bank.bytes_of("a")
    assert sizes["float16"] < 0.8 * sizes["float32"]


def test_scenes_take_hardly_more_than_their_numbers_and_hardly_any_files(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    micro = 2 * torch.zeros(model.config.planes.micro_shape).numel()
    bank.add_all((f"scene {number}", scene(model, 1.0)) for number in range(1000))
    info = info_of(bank)
    assert info.scenes == len(bank) == 1000
    assert info.bytes < 1.4 * 1000 * micro  # of a scene of 1.5 kB; what is around it stays the same for larger ones
    assert len(list(bank.folder.iterdir())) == 2


@pytest.mark.parametrize("name", ["..", ".", "../../escape", "/etc", "", "a\0b"])
def test_no_name_leaves_the_bank(model: CategoryModel, tmp_path: Path, name: str) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add(name, scene(model, 1.0))
    assert bank.names() == [name]
    assert {entry.name for entry in tmp_path.iterdir()} == {"bank"}


def test_scenes_are_never_changed(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    with pytest.raises(InputError, match="scene 'a' is in the bank already; scenes are never changed"):
        bank.add("a", scene(model, 2.0))
    with pytest.raises(InputError, match="scene 'a' is in the bank already"):
        bank.add_all([("b", scene(model, 2.0)), ("a", scene(model, 2.0))])
    assert bank.names() == ["a"]  # of one portion, all scenes or none
    assert bank.scene("a").record["value"] == 1.0


def test_a_damaged_scene_hides_no_other(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    bank.add("b", scene(model, 2.0))
    damage_scene(bank.folder, "a")
    assert bank.scene("b").record["value"] == 2.0
    assert bank.names() == ["a", "b"]
    with pytest.raises(InputError, match=r"scene 'a' is damaged: its planes .*bank merge NEW .*fit it again"):
        bank.scene("a")
    (fault,) = faults(bank)
    assert fault.startswith(f"scene 'a' of {bank.folder}: {bank.folder}/scenes-0.sqlite: its planes")


def test_a_bank_of_another_model_is_refused(model: CategoryModel, tmp_path: Path) -> None:
    other = untrained_model(seed=1)
    SceneBank.create(tmp_path / "bank", other)  # by mistake: it is empty, so nothing is lost
    SceneBank.create(tmp_path / "bank", model).add("a", scene(model, 1.0))
    with pytest.raises(InputError, match="belongs to model"):
        SceneBank.create(tmp_path / "bank", other)


def test_a_bank_of_another_precision_is_refused(model: CategoryModel, tmp_path: Path) -> None:
    SceneBank.create(tmp_path / "bank", model).add("a", scene(model, 1.0))
    with pytest.raises(InputError, match="keeps float16, not float32; give --precision float16"):
        SceneBank.create(tmp_path / "bank", model, precision="float32")


def test_what_is_no_bank_is_refused(model: CategoryModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a scene bank"):
        SceneBank(tmp_path)
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="new or empty folder"):
        SceneBank.create(tmp_path, model)


def test_a_bank_without_its_document_is_not_overwritten(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    (bank.folder / "bank.json").unlink()
    bank = SceneBank.create(tmp_path / "bank", model)  # as a killed start leaves it
    bank.add("a", scene(model, 1.0))
    (bank.folder / "bank.json").unlink()
    with pytest.raises(InputError, match="new or empty folder"):
        SceneBank.create(tmp_path / "bank", model)


def test_what_a_bank_says_of_a_scene_is_read_without_its_planes(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    damage_scene(bank.folder, "a")
    about, stored = bank.about("a"), scene(model, 1.0)
    assert (about.fingerprint, about.record) == (stored.fingerprint, stored.record)
    for read in (bank.about, bank.scene, bank.bytes_of):
        with pytest.raises(InputError, match=f"^{bank.folder}: no scene 'b' in this bank$"):
            read("b")
    with closing(sqlite3.connect(bank.folder / "scenes-0.sqlite")) as connection, connection:
        connection.execute("UPDATE scenes SET about = replace(about, 'fingerprint', 'fingerprinT')")
    with pytest.raises(InputError, match=r"scene 'a' is damaged: its name or record .*fit it again"):
        bank.about("a")


def test_a_scene_under_the_name_of_another_is_noticed(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    with closing(sqlite3.connect(bank.folder / "scenes-0.sqlite")) as connection, connection:
        connection.execute("UPDATE scenes SET name = ?", (b"b",))
    with pytest.raises(InputError, match=r"scene 'b' is damaged: its name or record"):
        bank.scene("b")


def test_files_of_a_bank_that_are_exchanged_are_noticed(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model, files=2)
    bank.add_all((f"{number}", scene(model, 1.0)) for number in range(8))
    first, second = (file.path for file in bank.shards.files())
    first.rename(tmp_path / "first")
    second.rename(first)
    (tmp_path / "first").rename(second)
    assert all("cannot be found by its name" in fault for fault in faults(SceneBank(bank.folder)))
    assert len(faults(SceneBank(bank.folder))) == 8


def test_clutter_in_a_bank_is_left_aside(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "notes.txt"):
        (bank.folder / name).touch()
    assert list(SceneBank(bank.folder)) == ["a"]
    assert "Thumbs.db" not in bank
    assert not faults(bank)


def test_names_of_any_length_and_script_can_be_stored(model: CategoryModel, tmp_path: Path) -> None:
    names = ["a", "A", "车" * 85, "车" * 84 + "辆", "\u00e9", "e\u0301", "x" * 255, "CON", "\udcff", "\ud800", "🚗", ""]
    bank = SceneBank.create(tmp_path / "bank", model, files=3)
    for number, name in enumerate(names):
        bank.add(name, scene(model, float(number)))
    assert bank.names() == sorted(names)
    assert [bank.scene(name).record["value"] for name in names] == list(range(len(names)))


def test_a_bank_can_be_moved_copied_and_given_to_another_process(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    assert bank.scene("a").record["value"] == 1.0
    shutil.copytree(bank.folder, tmp_path / "copy")
    again = pickle.loads(pickle.dumps(bank))
    process = os.fork()
    if process == 0:  # with an open file that it must not use
        with suppress(BaseException):
            os._exit(int(bank.scene("a").record["value"] == 1.0 and len(bank) == 1))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 1
    bank.folder.rename(tmp_path / "moved")
    for place in (SceneBank(tmp_path / "copy"), SceneBank(tmp_path / "moved")):
        place.add("b", scene(model, 2.0))
        assert place.names() == ["a", "b"]
    assert again.folder == bank.folder


def test_a_file_that_takes_the_place_of_another_is_read(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    other = SceneBank.create(tmp_path / "other", model)
    other.add("b", scene(model, 2.0))
    assert bank.names() == ["a"]
    (other.folder / "scenes-0.sqlite").replace(bank.folder / "scenes-0.sqlite")
    assert bank.names() == ["b"]


# Damage.


def test_a_flipped_bit_in_a_file_hides_no_more_than_it_says(model: CategoryModel, tmp_path: Path) -> None:
    bank, names = SceneBank.create(tmp_path / "bank", model), list("abcdefgh")
    bank.add_all((name, scene(model, float(number))) for number, name in enumerate(names))
    bank.close()
    content, generator = (bank.folder / "scenes-0.sqlite").read_bytes(), random.Random(0)
    for _ in range(40):
        changed = bytearray(content)
        changed[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        (tmp_path / "changed").write_bytes(changed)
        (tmp_path / "changed").replace(bank.folder / "scenes-0.sqlite")
        read = 0
        for number, name in enumerate(names):
            with suppress(InputError):
                assert (bank.scene(name).micro == number).all()
                read += 1
        assert read == len(names) or faults(bank)


json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(), inner, max_size=3),
    max_leaves=8,
)


def altered(document: Any, draw: Callable[[strategies.SearchStrategy[Any]], Any]) -> Any:
    """A document with another value somewhere in it."""
    if not isinstance(document, dict) or not document or draw(strategies.integers(0, 3)) == 0:
        return draw(json_values)
    key = draw(strategies.sampled_from(sorted(document)))
    return {**document, key: altered(document[key], draw)}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=strategies.data())
def test_whatever_stands_in_its_document_is_read_or_refused(
    model: CategoryModel, tmp_path: Path, data: strategies.DataObject
) -> None:
    shutil.rmtree(tmp_path / "bank", ignore_errors=True)
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    path = bank.folder / "bank.json"
    document = json.loads(path.read_text())
    del document["sha256"]
    changed = altered(document, data.draw)
    with suppress(ValueError):  # numbers that are not finite
        if isinstance(changed, dict) and "sha256" not in changed:
            write_sealed_json(path, changed)
        else:
            path.write_text(json.dumps(changed))
    with suppress(InputError):
        SceneBank(bank.folder).scene("a")
