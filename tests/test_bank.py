import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies

from triptych.bank import SceneBank, StoredScene
from triptych.errors import InputError
from triptych.model import CategoryModel


@pytest.fixture
def model(trained_balls: Path) -> CategoryModel:
    return CategoryModel.load(trained_balls / "model")


def scene(model: CategoryModel, value: float) -> StoredScene:
    planes = model.config.planes
    return StoredScene(
        torch.full(planes.micro_shape, value), torch.full((planes.coefficients,), value), "f", {"value": value}
    )


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


@pytest.mark.parametrize("name", ["..", ".", "../../escape", "/etc"])
def test_no_name_leaves_the_bank(model: CategoryModel, tmp_path: Path, name: str) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add(name, scene(model, 1.0))
    assert bank.names() == [name]
    assert {entry.name for entry in tmp_path.iterdir()} == {"bank"}


def test_scenes_are_never_changed(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    with pytest.raises(InputError, match="never changed"):
        bank.add("a", scene(model, 2.0))
    assert bank.scene("a").record["value"] == 1.0


def test_a_scene_is_readable_without_the_others(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    bank.add("b", scene(model, 2.0))
    shutil.rmtree(tmp_path / "bank" / "scenes" / "a" / "micro")
    assert bank.scene("b").record["value"] == 2.0
    with pytest.raises(InputError, match=r"scene 'a' is damaged: .*micro/.*: no such file"):
        bank.scene("a")


def test_a_bank_of_another_model_is_refused(model: CategoryModel, trained_balls: Path, tmp_path: Path) -> None:
    other = CategoryModel.load(trained_balls / "plain_model")
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


WRITER = """
import sys, torch
from pathlib import Path
from triptych.bank import SceneBank, StoredScene
from triptych.errors import InputError
bank = SceneBank(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    micro = torch.full(bank.planes.micro_shape, float(number))
    try:
        bank.add(f"scene {number}", StoredScene(micro, torch.zeros(bank.planes.coefficients), "f", {"n": number}))
    except InputError:
        pass
print("done")
"""


def test_after_a_kill_every_scene_is_whole(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(bank.folder), "100000"], env=os.environ)
    while len(bank) < 5:
        assert writer.poll() is None  # it writes for minutes
        time.sleep(0.01)
    writer.kill()
    writer.wait()
    for name in bank:
        number = int(name.split()[1])
        assert (bank.scene(name).micro == number).all()


def test_two_writers_at_once_leave_each_scene_whole(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    command = [sys.executable, "-c", WRITER, str(bank.folder), "12"]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [writer.communicate()[0].strip() for writer in writers] == ["done", "done"]
    assert len(bank) == 12
    assert all((bank.scene(name).micro == int(name.split()[1])).all() for name in bank)


def as_before_checksums(bank: SceneBank, name: str) -> None:
    """Turn a stored scene into what earlier versions stored."""
    folder = bank.folder / "scenes" / name
    (folder / "sums.json").unlink()
    document = json.loads((folder / "zarr.json").read_text())
    del document["attributes"]["sha256"], document["attributes"]["name"]
    (folder / "zarr.json").write_text(json.dumps(document))


def test_a_bank_of_an_earlier_version_is_read_and_grows(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    as_before_checksums(bank, "a")
    document = json.loads((bank.folder / "bank.json").read_text())
    del document["sha256"]
    (bank.folder / "bank.json").write_text(json.dumps(document | {"version": 1}))
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("b", scene(model, 2.0))
    assert (bank.scene("a").micro == 1).all()
    assert (bank.scene("b").micro == 2).all()
    assert [bank.check(name) for name in ("a", "b")] == [False, True]
    shutil.rmtree(bank.folder / "scenes" / "a" / "micro" / "c")  # zarr itself would read zeros
    with pytest.raises(InputError, match="a chunk of micro is missing"):
        bank.scene("a")


def test_what_a_bank_says_of_a_scene_is_read_without_its_planes(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    folder = bank.folder / "scenes" / "a"
    shutil.rmtree(folder / "micro")
    about, stored = bank.about("a"), scene(model, 1.0)
    assert (about.fingerprint, about.record) == (stored.fingerprint, stored.record)
    with pytest.raises(InputError, match="no scene 'b'"):
        bank.about("b")
    text = (folder / "zarr.json").read_text()
    (folder / "zarr.json").write_text(text.replace('"fingerprint"', '"fingerprinT"'))
    with pytest.raises(InputError, match=r"scene 'a' is damaged: .*zarr\.json.*fit it again"):
        bank.about("a")


def test_a_scene_in_the_folder_of_another_is_refused(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    shutil.copytree(bank.folder / "scenes" / "a", bank.folder / "scenes" / "b")
    with pytest.raises(InputError, match="its folder holds the scene 'a'"):
        bank.scene("b")


def test_clutter_in_a_bank_is_left_aside(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "notes.txt"):
        (bank.folder / "scenes" / name).touch()
    (bank.folder / "scenes" / "__MACOSX").mkdir()
    assert list(bank) == ["a"]
    assert "Thumbs.db" not in bank


def test_names_of_any_length_and_script_can_be_stored(model: CategoryModel, tmp_path: Path) -> None:
    names = ["a", "A", "车" * 85, "车" * 84 + "辆", "\u00e9", "e\u0301", "x" * 255, "CON", "\udcff"]
    bank = SceneBank.create(tmp_path / "bank", model)
    for number, name in enumerate(names):
        bank.add(name, scene(model, float(number)))
    assert sorted(bank) == sorted(names)
    assert [bank.scene(name).record["value"] for name in names] == list(range(len(names)))


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=strategies.data(), where=strategies.sampled_from(["bank.json", "group", "array"]))
def test_whatever_stands_in_its_documents_is_read_or_refused(
    model: CategoryModel, tmp_path: Path, data: strategies.DataObject, where: str
) -> None:
    shutil.rmtree(tmp_path / "bank", ignore_errors=True)
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    as_before_checksums(bank, "a")
    folder = bank.folder / "scenes" / "a"
    path = {"bank.json": bank.folder / "bank.json", "group": folder / "zarr.json", "array": folder / "micro/zarr.json"}
    document = json.loads(path[where].read_text())
    if where == "bank.json":
        del document["sha256"]
        document["version"] = 1
    path[where].write_text(json.dumps(altered(document, data.draw)))
    with suppress(InputError):
        SceneBank(bank.folder).scene("a")
