"""The parser of the SRN layout: what it accepts besides the canonical form, and what it refuses."""

import os
from pathlib import Path

import numpy as np
import pytest
from posed_scenes import FOCAL, picture_with_dot, save, write_srn

from triptych.data import DatasetConfig, open_dataset
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.formats.srn import parse_srn
from triptych.data.validation import Problems
from triptych.errors import InputError


def parse(folder: Path) -> ParsedScene:
    return parse_srn("scene", folder, Problems(), LinkPolicy(folder))


def test_poses_on_four_lines(tmp_path: Path) -> None:
    expected = parse(write_srn(tmp_path)).c2w
    for pose in (tmp_path / "pose").iterdir():
        words = pose.read_text().split()
        pose.write_text("\n".join(" ".join(words[row * 4 : row * 4 + 4]) for row in range(4)) + "\n")
    assert np.array_equal(parse(tmp_path).c2w, expected)


def test_stray_files_are_left_aside(tmp_path: Path) -> None:
    write_srn(tmp_path)
    (tmp_path / "pose" / "transforms.json").write_text("{not json")
    (tmp_path / "rgb" / "Thumbs.db").write_text("")
    (tmp_path / "rgb" / "._000000.png").write_text("left by macOS")
    (tmp_path / "pose" / "._000000.txt").write_text("left by macOS")
    assert len(parse(tmp_path).files) == 3


def test_intrinsics_follow_the_size_of_the_pictures(tmp_path: Path) -> None:
    write_srn(tmp_path, picture=picture_with_dot(side=64))
    assert parse(tmp_path).intrinsics[0].tolist() == [64, 64, 32, 32]


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("pose/000001.txt", "1 2 3", "expected the 16 numbers"),
        ("pose/000001.txt", "1 0 0 0 0 1 0 0 0 0 one 0 0 0 0 1", "expected numbers only"),
        ("pose/000001.txt", "nan 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", "NaN or infinity"),
        ("pose/000001.txt", "2 0 0 0 0 2 0 0 0 0 2 0 0 0 0 1", "holds no rotation"),
        ("pose/000001.txt", "1e300 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", "holds a number beyond"),
        ("pose/000001.txt", "-1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", "mirrors"),
        ("pose/000001.txt", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 1 1", "bottom row"),
        ("pose/000001.txt", b"\xff\xfe\x00", "expected a text file"),
        ("intrinsics.txt", "32 16 16 0.", "in the first line and 'height width' in the last"),
        ("intrinsics.txt", "32 16\n32 32", "in the first line, found '32 16'"),
        ("intrinsics.txt", "32 16 16 0.\n0 0 0\n1.\n32", "in the last line, found '32'"),
        ("intrinsics.txt", "32 16 16 0.\n0 32", "in the last line, found '0 32'"),
        ("intrinsics.txt", "32 16 16 0.\n0 0 0\n1.\n32 32\n2", "expected 0 or 1 after the size .*, found 2"),
        ("intrinsics.txt", "1e9 16 16 0.\n32 32", "expected intrinsics in pixels of a 32x32 picture"),
        ("intrinsics.txt", "0 16 16 0.\n32 32", "positive focal length"),
        ("intrinsics.txt", "-32 16 16 0.\n32 32", "positive focal length"),
        ("intrinsics.txt", "nan 16 16 0.\n32 32", "finite intrinsics"),
        ("intrinsics.txt", "32 16 16 0.\n32 64", "other proportions"),
        ("rgb/000001.png", b"GIF? no.", "this file is not one"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, file: str, content: str | bytes, expected: str) -> None:
    write_srn(tmp_path)
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=expected) as caught:
        parse(tmp_path)
    assert "\n" not in str(caught.value)
    named = "rgb/000000.png" if "proportions" in expected else file
    assert str(tmp_path / named) in str(caught.value)


@pytest.mark.parametrize(
    "lines",
    [
        ("0. 0. 0.", "1.", "32 32"),
        ("0. 0. 0.", "0.1", "1.", "32 32"),
        ("0. 0. 0.", "0.1", "1.", "32 32", "0"),
        ("0. 0. 0.", "1.", "32. 32.", "0", ""),
        ("32 32",),
    ],
)
def test_intrinsics_of_all_lengths(tmp_path: Path, lines: tuple[str, ...]) -> None:
    expected = parse(write_srn(tmp_path))
    (tmp_path / "intrinsics.txt").write_text("\n".join((f"{FOCAL} 16 16 0.", *lines)) + "\n")
    found = parse(tmp_path)
    assert np.array_equal(found.intrinsics, expected.intrinsics)
    assert np.array_equal(found.c2w, expected.c2w)


def test_world_to_camera_poses_are_inverted(tmp_path: Path) -> None:
    expected = parse(write_srn(tmp_path)).c2w
    (tmp_path / "intrinsics.txt").write_text(f"{FOCAL} 16 16 0.\n0. 0. 0.\n0.1\n1.\n32 32\n1\n")
    for pose in (tmp_path / "pose").iterdir():
        inverse = np.linalg.inv(np.loadtxt(pose).reshape(4, 4))
        pose.write_text(" ".join(f"{number:.9f}" for number in inverse.flatten()))
    assert parse(tmp_path).c2w == pytest.approx(expected, abs=1e-8)


def test_inverted_poses_come_out_of_the_cache_as_they_went_in(tmp_path: Path) -> None:
    """Their numbers lie in memory column by column."""
    write_srn(tmp_path / "scene")
    with (tmp_path / "scene" / "intrinsics.txt").open("a") as intrinsics:
        intrinsics.write("1\n")
    config = DatasetConfig(tmp_path / "scene", test_views=1, half_extent=3.0, cache=tmp_path / "cache")
    assert np.array_equal(open_dataset(config).cameras(0).c2w, open_dataset(config).cameras(0).c2w)


def test_a_byte_order_mark_is_no_number(tmp_path: Path) -> None:
    intrinsics = write_srn(tmp_path) / "intrinsics.txt"
    intrinsics.write_bytes(b"\xef\xbb\xbf" + intrinsics.read_bytes())
    assert parse(tmp_path).intrinsics[0].tolist() == [32, 32, 16, 16]


def test_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    write_srn(tmp_path)
    for name in ("rgb/000001.png", "pose/000002.txt"):
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
    problems = Problems(gather=True)
    with pytest.raises(InputError, match=r"1 usable view\(s\)"):
        parse_srn("scene", tmp_path, problems, LinkPolicy(tmp_path))
    assert [message.split(": ")[1] for message in problems.messages] == [
        "expected a picture (PNG or JPEG); this is no file, or a link to none",
        "expected a text file of numbers; this cannot be read as one",
    ]


def test_two_pictures_of_one_view(tmp_path: Path) -> None:
    save(write_srn(tmp_path) / "rgb" / "000001.jpg", picture_with_dot())
    with pytest.raises(InputError, match=r"000001\.png: 000001\.jpg stands for the same view"):
        parse(tmp_path)


def test_masks_beside_the_pictures_are_found(tmp_path: Path) -> None:
    write_srn(tmp_path)
    for view in range(3):
        save(tmp_path / "masks" / f"{view:06d}.PNG", np.full((32, 32), 255, np.uint8))
    assert tuple(parse(tmp_path).masks) == tuple(str(tmp_path / "masks" / f"{view:06d}.PNG") for view in range(3))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("rgb/000002.png", "no picture rgb/000002.png belongs to this pose"),
        ("pose/000002.txt", "no pose/000002.txt belongs to this picture"),
        ("intrinsics.txt", "intrinsics.txt is missing"),
    ],
)
def test_missing_files_are_named(tmp_path: Path, file: str, expected: str) -> None:
    write_srn(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(InputError, match=expected):
        parse(tmp_path)


def test_sixteen_bit_pictures_are_refused(tmp_path: Path) -> None:
    write_srn(tmp_path)
    save(tmp_path / "rgb" / "000001.png", np.zeros((32, 32), dtype=np.uint16))
    with pytest.raises(InputError, match="expected 8 bits per channel"):
        parse(tmp_path)


def test_camera_paths_without_pictures_are_refused(shared_data: Path) -> None:
    with pytest.raises(InputError, match="rgb is missing; an SRN scene holds"):
        parse(shared_data / "srn_camera_paths" / "demo" / "camera_spiral_cars")
