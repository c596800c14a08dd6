"""Files that appear whole or not at all, what killed writers leave, and files that are not what was expected."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.errors import InputError
from triptych.files import (
    Format,
    atomic_directory,
    check_seal,
    folder_name,
    gather,
    leaves_folder,
    name_of_folder,
    read_json,
    read_object,
    sweep,
    write_atomically,
    write_sealed_json,
    write_text,
)

WRITER = """
import sys, time
from pathlib import Path
from triptych.files import atomic_directory, write_atomically

def wait(file):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()

if sys.argv[1] == "file":
    write_atomically(Path(sys.argv[2]), wait)
else:
    with atomic_directory(Path(sys.argv[2])) as folder, (folder / "part").open("wb") as file:
        wait(file)
"""


def start_writing(kind: str, path: Path) -> subprocess.Popen[str]:
    """Another process in the midst of writing a file or folder; a line on its standard input lets it go on."""
    command = [sys.executable, "-c", WRITER, kind, str(path)]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def test_litter_of_the_dead_is_swept_by_the_next_writer_and_that_of_the_living_is_left(tmp_path: Path) -> None:
    dead, living = start_writing("file", tmp_path / "dead"), start_writing("folder", tmp_path / "living")
    before = {entry.name for entry in tmp_path.iterdir()}
    assert len(before) == 4  # what is written, and its lock, of each
    dead.kill()
    dead.communicate()
    write_text(tmp_path / "other", "text")
    left = {entry.name for entry in tmp_path.iterdir()} - {"other"}
    assert len(left) == 2
    assert left < before
    living.communicate("\n")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["living", "other"]


REPLACER = """
import os, signal, sys
from pathlib import Path
from triptych.files import atomic_directory

def die_after_the_first_rename(event, arguments):
    if event == "os.rename" and ".tmp" in str(arguments[0]):
        os.kill(os.getpid(), signal.SIGKILL)

with atomic_directory(Path(sys.argv[1])) as folder:
    (folder / "new").write_text("new")
    sys.addaudithook(die_after_the_first_rename)
"""


def test_a_folder_whose_replacing_was_killed_is_put_back(tmp_path: Path) -> None:
    with atomic_directory(tmp_path / "model") as folder:
        (folder / "old").write_text("old")
    killed = subprocess.run([sys.executable, "-c", REPLACER, str(tmp_path / "model")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "model").exists()
    sweep(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "old").read_text() == "old"


def test_an_interrupted_replacing_keeps_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with atomic_directory(tmp_path / "model") as folder:
        (folder / "old").write_text("old")

    def interrupted(self: Path, target: Path) -> Path:
        if target == tmp_path / "model":
            raise KeyboardInterrupt
        return self.rename(target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic_directory(tmp_path / "model") as folder:
        (folder / "new").write_text("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "old").read_text() == "old"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_or_failing_disk_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    write_text(tmp_path / "file", "old")

    def full(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=os.strerror(code)):
        write_text(tmp_path / "file", "new")
    with pytest.raises(OSError, match=os.strerror(code)), atomic_directory(tmp_path / "folder") as folder:
        (folder / "part").write_text("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"9" * 10_000, "thousands of digits"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"{", "line 1, column 2"),
        (b"", "line 1, column 1"),
        (b"[]", "expected a JSON object, found a list"),
    ],
)
def test_what_is_no_json_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(InputError, match=message) as refusal:
        read_object(tmp_path / "file.json")
    assert str(refusal.value).startswith(f"{tmp_path / 'file.json'}: ")
    assert "\n" not in str(refusal.value)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # nobody writes to it
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("{}")
    for name, message in {
        "pipe": "found a pipe or device",
        "folder": "found a folder",
        "loop": "cannot be read",
        "file/below": "cannot be read",
        "missing": "no such file",
        "n" * 300: "cannot be read",
    }.items():
        with pytest.raises(InputError, match=message):
            read_json(tmp_path / name)


def test_a_byte_order_mark_is_no_part_of_json(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "file.json") == {"a": 1}


def test_every_bit_of_a_sealed_document_counts(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_sealed_json(path, {"rate": 1e-05, "name": "é", "list": [1, 2.5, None]})
    content = path.read_bytes()
    assert check_seal(path, read_object(path), required=True)
    for place in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(InputError):
            check_seal(path, read_object(path), required=True)


def test_names_of_any_length_and_script_become_folders_that_differ(tmp_path: Path) -> None:
    names = [
        "a",
        "A",
        "车" * 85,
        "车" * 84 + "辆",
        "\u00e9",
        "e\u0301",
        "x" * 255,
        "x" * 254,
        "a=b",
        "a%b",
        " ",
        "\udcff",
    ]
    folders = [folder_name(name) for name in names]
    assert len(set(folders)) == len(names)
    for name, folder in zip(names, folders, strict=True):
        (tmp_path / f"{folder}.safetensors").mkdir()
        assert name_of_folder(folder) == (name if len(folder) < 200 else None)


def test_no_place_to_write_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_atomically(tmp_path / "file" / "below", lambda file: None)


BOX = Format("box", version=3, sealed_since=3, oldest=2, described="a box", instead="make it again")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({}, "expected a box"),
        ({"format": "bag", "version": 3}, "expected a box"),
        ({"format": "box"}, "version None, expected 3; update triptych"),
        ({"format": "box", "version": True}, "version True, expected 3"),
        ({"format": "box", "version": 4}, "version 4, expected 3; update triptych"),
        ({"format": "box", "version": "9" * 5000}, "version 9{40}, expected 3"),
        ({"format": "box", "version": 1}, "version 1, expected 3; make it again"),
        ({"format": "box", "version": 3}, "damaged: its checksum is missing"),
    ],
)
def test_files_of_another_format_or_version_are_refused(document: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=f"^box.json: {complaint}"):
        BOX.check(Path("box.json"), document)


def test_files_of_a_known_version_are_read(tmp_path: Path) -> None:
    assert BOX.check(Path("box.json"), {"format": "box", "version": 2}) == 2
    assert BOX.check(Path("box.json"), {"format": "box", "version": "2"}) == 2
    path = tmp_path / "box.json"
    write_sealed_json(path, {**BOX.header(), "holds": 1})
    assert BOX.read(path)["holds"] == 1
    path.write_text(path.read_text().replace('"holds": 1', '"holds": 2'))
    with pytest.raises(InputError, match="its bytes are not those that were written"):
        BOX.read(path)


def test_rows_too_large_for_the_memory_lie_in_a_file_and_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [torch.arange(first, first + 6, dtype=torch.half).reshape(2, 3) for first in (0, 6, 12)]
    in_memory = gather(iter(parts), (6, 3), torch.half, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr("triptych.files.gathering._SHARE", 0.0)
    in_file = gather(iter(parts), (6, 3), torch.half, tmp_path / "cache")
    assert torch.equal(in_memory, in_file)
    assert in_file.dtype == torch.half
    assert not list((tmp_path / "cache").iterdir()), "the file has no name"
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"latents cannot be kept there .*; choose another --cache"):
        gather(iter(parts), (6, 3), torch.half, tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "leaves"),
    [
        ("model.json", False),
        ("model/shared.safetensors", False),
        ("a..b/c.json", False),
        ("../model.json", True),
        ("model/../../x", True),
        ("/etc/passwd", True),
        ("..\\x", True),
        ("C:x", True),
        ("C:\\x", True),
        ("\\x", True),
    ],
)
def test_names_that_lead_out_of_a_folder_are_told_on_every_system(name: str, leaves: bool) -> None:
    assert leaves_folder(name) == leaves
