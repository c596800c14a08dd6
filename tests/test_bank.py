import json
import os
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import damage_scene
from hypothesis import HealthCheck, given, settings, strategies
from untrained import untrained_model

from triptych.bank import SceneBank, StoredScene, compact, findings, info_of, merge
from triptych.errors import InputError
from triptych.files import write_sealed_json
from triptych.model import CategoryModel


@pytest.fixture
def model() -> CategoryModel:
    return untrained_model()


def scene(model: CategoryModel, value: float) -> StoredScene:
    planes = model.config.planes
    return StoredScene(
        torch.full(planes.micro_shape, value), torch.full((planes.coefficients,), value), "f", {"value": value}
    )


def faults(bank: SceneBank) -> list[str]:
    return [f"{what}: {fault}" for what, fault in findings(bank) if fault is not None]


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


WRITER = """
import sys, torch
from pathlib import Path
from triptych.bank import SceneBank, StoredScene
from triptych.errors import InputError
bank = SceneBank(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
added = 0
for number in range(int(sys.argv[2])):
    micro = torch.full(bank.planes.micro_shape, float(number))
    try:
        bank.add(f"scene {number}", StoredScene(micro, torch.zeros(bank.planes.coefficients), "f", {"n": number}))
        added += 1
    except InputError as error:
        assert "never changed" in str(error)
print(added)
"""


def start_writers(bank: SceneBank, scenes: int, count: int) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WRITER, str(bank.folder), str(scenes)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": os.environ}
    writers = [subprocess.Popen(command, **pipes) for _ in range(count)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    return writers


def test_after_a_kill_every_scene_is_whole(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    (writer,) = start_writers(bank, 100_000, 1)
    assert writer.stdin is not None
    writer.stdin.write("go\n")
    writer.stdin.flush()
    while len(bank) < 5:
        assert writer.poll() is None  # it writes for minutes
        time.sleep(0.01)
    writer.kill()
    writer.communicate()
    assert not faults(bank)
    for name in bank:
        assert (bank.scene(name).micro == int(name.split()[1])).all()
    bank.add("another", scene(model, 1.0))


@pytest.mark.parametrize("files", [1, 3])
def test_of_several_writers_of_a_scene_one_wins(model: CategoryModel, tmp_path: Path, files: int) -> None:
    bank = SceneBank.create(tmp_path / "bank", model, files=files)
    writers = start_writers(bank, 24, 3)
    added = [int(writer.communicate("go\n")[0]) for writer in writers]
    assert sum(added) == len(bank) == 24
    assert not faults(bank)
    assert bank.names() == sorted(f"scene {number}" for number in range(24))
    assert all((bank.scene(name).micro == int(name.split()[1])).all() for name in bank)


def test_who_writes_elsewhere_is_not_waited_for(model: CategoryModel, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model, files=2)
    first, second = bank.shards.files()
    with first.held() as connection:
        connection.execute("DELETE FROM scenes")  # something that is not finished yet
        for number in range(8):
            if bank.shards.ask(f"{number}".encode(), lambda file: file) is second:
                bank.add(f"{number}", scene(model, 1.0))
        assert len(bank) == len(bank.names()) > 0


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


# What is full, read-only or half written.


@pytest.fixture
def mounted(tmp_path: Path) -> Any:
    """Mount things over a folder; skipped where that is not allowed."""
    mounts = set()

    def mount(folder: Path, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        if subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode:
            pytest.skip("this machine does not let us mount")
        mounts.add(folder)

    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("needs root to mount a tiny disk")
    yield mount
    for folder in mounts:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_and_costs_no_other_scene(
    model: CategoryModel, tmp_path: Path, mounted: Callable[..., None]
) -> None:
    mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=200k", "tmpfs")
    bank = SceneBank.create(tmp_path / "disk" / "bank", model)

    def fill() -> None:
        for number in range(1000):
            bank.add(f"{number:04}", scene(model, float(number)))

    with pytest.raises(OSError, match="No space left on device"):
        fill()
    assert 10 < len(bank) < 1000
    assert not faults(bank)
    assert all((bank.scene(name).micro == int(name)).all() for name in bank)


def test_a_read_only_bank_is_read_and_nothing_is_written(
    model: CategoryModel, tmp_path: Path, mounted: Callable[..., None]
) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    mounted(tmp_path / "read_only", "--bind", "-o", "ro", str(bank.folder))
    mounted(tmp_path / "read_only", "-o", "remount,ro,bind")
    there = SceneBank(tmp_path / "read_only")
    assert there.scene("a").record["value"] == 1.0
    assert (there.names(), len(there), "b" in there, faults(there)) == (["a"], 1, False, [])
    with pytest.raises(OSError, match="Read-only file system"):
        there.add("b", scene(model, 2.0))
    assert {entry.name for entry in bank.folder.iterdir()} == {"bank.json", "scenes-0.sqlite"}


def killed_in_a_transaction(file: Path) -> None:
    """Leave what a process leaves that dies with half of a transaction in the file."""
    process = os.fork()
    if process == 0:
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the end
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE scenes SET micro = zeroblob(100000)")
        os._exit(0)
    os.waitpid(process, 0)


def test_half_a_transaction_of_a_killed_process_is_undone(
    model: CategoryModel, tmp_path: Path, mounted: Callable[..., None]
) -> None:
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("a", scene(model, 1.0))
    killed_in_a_transaction(bank.folder / "scenes-0.sqlite")
    assert (bank.folder / "scenes-0.sqlite-journal").exists()
    shutil.copytree(bank.folder, tmp_path / "copy")
    assert SceneBank(bank.folder).scene("a").record["value"] == 1.0
    assert not (bank.folder / "scenes-0.sqlite-journal").exists()
    mounted(tmp_path / "copy", "--bind", "-o", "ro", str(tmp_path / "copy"))
    mounted(tmp_path / "copy", "-o", "remount,ro,bind")
    with pytest.raises(InputError, match="a killed process has left a transaction to be undone"):
        SceneBank(tmp_path / "copy").scene("a")


# Putting banks together, and writing them anew.


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
