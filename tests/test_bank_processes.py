"""Banks that several processes use, or that a process has left in the middle of something."""

import errno
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from untrained import faults, scene, untrained_model

from triptych.bank import SceneBank
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.training.fit_job import bank_at


@pytest.fixture
def model() -> CategoryModel:
    return untrained_model()


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


def test_a_place_without_locks_is_refused_at_once(
    model: CategoryModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SceneBank.create(tmp_path / "bank", model)

    def lockf(file: object, command: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", lockf)
    with pytest.raises(InputError, match="bank: this file system does not let files be locked") as refused:
        SceneBank(tmp_path / "bank")
    assert "\n" not in str(refused.value)
    for make in (SceneBank.create, partial(bank_at, precision="float16")):
        with pytest.raises(InputError, match="bank: this file system does not let files be locked"):
            make(tmp_path / "new" / "bank", model)
        assert not (tmp_path / "new").exists()


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
