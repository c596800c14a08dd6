"""Archives that somebody has sent."""

import io
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from triptych.errors import InputError
from triptych.files import archives, unpack_zip


def zipped(files: Mapping[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_unpacked_without_what_file_managers_leave(tmp_path: Path) -> None:
    sent = zipped({"mug/a.png": b"a", "mug/rgb/b.png": b"b", "__MACOSX/mug/._a.png": b"x", "mug/.DS_Store": b"x"})
    unpack_zip(sent, tmp_path, "mug.zip")
    assert files_in(tmp_path) == {"mug/a.png": b"a", "mug/rgb/b.png": b"b"}


@pytest.mark.parametrize("name", ["../out.png", "mug/../../out.png", "/tmp/out.png", "C:/out.png", "..\\out.png"])
def test_nothing_leaves_the_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(InputError, match=r"mug\.zip: .* leads out of its folder"):
        unpack_zip(zipped({"mug/a.png": b"a", name: b"x"}), inside, "mug.zip")
    assert files_in(tmp_path) == {}


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("mug/a.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(InputError, match="is a link"):
        unpack_zip(zipped({link: b"/etc/passwd"}), tmp_path, "mug.zip")


def test_bombs_are_refused_before_they_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    with pytest.raises(InputError, match="when unpacked"):
        unpack_zip(zipped({"zeros": bytes(2 << 20)}), tmp_path, "mug.zip")
    assert files_in(tmp_path) == {}
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    with pytest.raises(InputError, match="4 files, at most 3"):
        unpack_zip(zipped({str(number): b"" for number in range(4)}), tmp_path, "mug.zip")


def test_an_archive_that_lies_about_its_sizes_fills_no_more_than_it_declares(tmp_path: Path) -> None:
    content = bytearray(zipped({"zeros": bytes(1 << 20)}))
    declared = (1 << 20).to_bytes(4, "little")
    assert content.count(declared) == 2  # before the file, and in the directory at the end
    with pytest.raises(InputError, match=r"mug\.zip"):
        unpack_zip(bytes(content.replace(declared, (10).to_bytes(4, "little"))), tmp_path, "mug.zip")
    assert all(len(data) <= 10 for data in files_in(tmp_path).values())


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + bytes(40)])
def test_what_is_no_archive_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"mug\.zip: expected a zip archive"):
        unpack_zip(content, tmp_path, "mug.zip")


def test_a_file_where_a_folder_is_needed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mug\.zip"):
        unpack_zip(zipped({"mug": b"a", "mug/a.png": b"b"}), tmp_path, "mug.zip")
