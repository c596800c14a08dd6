"""Which files are pictures."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from posed_scenes import picture_with_dot, save

from triptych.data.pictures import MAX_PIXELS, read_header, read_picture
from triptych.errors import InputError


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture_with_dot()).save(buffer, kind)
    return buffer.getvalue()


def png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks, with their sums."""
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def declared_size(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header declares this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return png([(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")])


@pytest.mark.parametrize("kind", ["EPS", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO"])
def test_only_png_and_jpeg_are_pictures_whatever_their_names_say(tmp_path: Path, kind: str) -> None:
    (tmp_path / "picture.png").write_bytes(encoded(kind))
    with pytest.raises(InputError, match=r"picture\.png: expected a picture \(PNG or JPEG\); this file is not one"):
        read_header(tmp_path / "picture.png")


def test_jpeg_under_another_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(encoded("JPEG"))
    assert read_header(tmp_path / "picture.png").size == (32, 32)


@pytest.mark.parametrize("size", [(8001, 8000), (10_000, 10_000), (60_000, 60_000)])
def test_bombs_are_refused_undecoded(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "picture.png").write_bytes(declared_size(*size))
    with pytest.raises(InputError, match=f"expected at most {MAX_PIXELS} pixels, found"):
        read_header(tmp_path / "picture.png")


def test_a_header_that_declares_more_than_follows(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(declared_size(1000, 1000))
    assert read_header(tmp_path / "picture.png").size == (1000, 1000)
    with pytest.raises(InputError, match="truncated or damaged"):
        read_picture(tmp_path / "picture.png", intrinsics=np.ones(4))


def test_a_palette_picture_without_its_palette(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 4, 4, 8, 3, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 4 * 5)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"tRNS", b"\xff\0"), (b"IEND", b"")]
    (tmp_path / "picture.png").write_bytes(png(chunks))
    with pytest.raises(InputError, match="truncated or damaged"):
        read_picture(tmp_path / "picture.png", intrinsics=np.ones(4))


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    for name in ("pipe.png", "folder.png", "link.png"):
        with pytest.raises(InputError, match=f"{name}: expected a picture .* this is no file, or a link to none"):
            read_header(tmp_path / name)
    with pytest.raises(InputError, match="this picture is missing"):
        read_header(tmp_path / "nowhere.png")


@pytest.mark.parametrize(("orientation", "turned"), [(1, False), (3, True), (8, True), (77, False)])
def test_exif_orientation_is_known(tmp_path: Path, orientation: int, turned: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.png", "a.jpg"):
        Image.fromarray(picture_with_dot()).save(tmp_path / name, exif=exif)
        assert read_header(tmp_path / name).is_turned is turned
    save(tmp_path / "plain.png", picture_with_dot())
    assert not read_header(tmp_path / "plain.png").is_turned
