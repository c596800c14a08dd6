"""The parser of transforms.json: fields, splits, lenses, and what it refuses."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posed_scenes import FOCAL, OPENGL_C2W, frames, picture_with_dot, save, write_transforms

from triptych.errors import InputError
from triptych.scenes.distortion import Distortion, undistort
from triptych.scenes.enclosure import Enclosure
from triptych.scenes.frames import ParsedScene
from triptych.scenes.pictures import read_picture
from triptych.scenes.transforms import parse_transforms
from triptych.scenes.validation import Problems


def parse(folder: Path) -> ParsedScene:
    return parse_transforms("scene", folder, Problems(), Enclosure(folder))


def test_views_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL, "frames": frames(12)[::-1]})
    assert [Path(file).name for file in parse(tmp_path).files] == [f"r_{view}.png" for view in range(12)]


def test_train_and_test_files_decide_the_split_and_val_is_ignored(tmp_path: Path) -> None:
    for use in ("train", "test", "val"):
        write_transforms(tmp_path, {"fl_x": FOCAL}, f"transforms_{use}.json", directory=use)
    parsed = parse(tmp_path)
    assert parsed.uses == ("test",) * 3 + ("train",) * 3
    assert [Path(file).parent.name for file in parsed.files] == ["test"] * 3 + ["train"] * 3


def test_a_train_file_alone_declares_no_split(tmp_path: Path) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL}, "transforms_train.json")
    assert parse(tmp_path).uses == (None,) * 3


def test_a_picture_for_training_and_testing_is_refused(tmp_path: Path) -> None:
    for use in ("train", "test"):
        write_transforms(tmp_path, {"fl_x": FOCAL}, f"transforms_{use}.json")
    with pytest.raises(InputError, match="listed for training and for testing"):
        parse(tmp_path)


def test_repeated_frames_count_once_but_must_agree(tmp_path: Path) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL, "frames": frames(3) + frames(3)})
    assert len(parse(tmp_path).files) == 3
    write_transforms(tmp_path, {"fl_x": FOCAL, "frames": frames(3) + frames(4)})
    with pytest.raises(InputError, match=r"r_1\.png: this picture is listed twice, with two different poses"):
        parse(tmp_path)


def test_intrinsics_follow_the_size_of_the_pictures(tmp_path: Path) -> None:
    header = {"fl_x": 128.0, "fl_y": 132.0, "cx": 60.0, "cy": 68.0, "w": 128, "h": 128}
    write_transforms(tmp_path, header)
    assert parse(tmp_path).intrinsics[0].tolist() == [32, 33, 15, 17]


def test_both_fields_of_view(tmp_path: Path) -> None:
    write_transforms(tmp_path, {"camera_angle_x": 2 * math.atan(0.5), "camera_angle_y": 2 * math.atan(0.25)})
    assert parse(tmp_path).intrinsics[0] == pytest.approx([32, 64, 16, 16])


def test_names_with_dots_and_backslashes(tmp_path: Path) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL})
    save(tmp_path / "images" / "a.v2.png", picture_with_dot())
    named = [{"file_path": name, "transform_matrix": OPENGL_C2W} for name in (".\\images\\r_0", "images/a.v2")]
    (tmp_path / "transforms.json").write_text(json.dumps({"fl_x": FOCAL, "frames": named}))
    assert [Path(file).name for file in parse(tmp_path).files] == ["a.v2.png", "r_0.png"]


def test_transparent_pictures_lie_over_white(tmp_path: Path) -> None:
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[0, 0] = (200, 100, 0, 255)
    picture[0, 1] = (200, 100, 0, 51)  # a fifth of the colour, four fifths of white
    save(tmp_path / "picture.png", picture)
    read = read_picture(tmp_path / "picture.png", intrinsics=np.ones(4))
    assert read[0, :3].tolist() == [[200, 100, 0], [244, 224, 204], [255, 255, 255]]


def test_lens_model_against_hand_computed_point() -> None:
    # x = 0.5, y = 0.2: r2 = 0.29, radial = 1 + 0.1 * 0.29 - 0.05 * 0.0841 = 1.024795, and
    # x' = 0.5124 + 2 * 0.01 * 0.1 + 0.02 * (0.29 + 0.5), y' = 0.20496 + 0.01 * (0.29 + 0.08) + 2 * 0.02 * 0.1
    bent = Distortion(k1=0.1, k2=-0.05, p1=0.01, p2=0.02).apply(np.array([0.5, 0.2]))
    assert bent == pytest.approx([0.5123975 + 0.002 + 0.0158, 0.204959 + 0.0037 + 0.004], abs=1e-9)


def test_distortion_is_undone(tmp_path: Path) -> None:
    # A point at (0.5, -0.5) of the image plane has r2 = 0.5; with k1 = 0.1 the lens shows it 1 + 0.05 times
    # as far out. Its spot must come back to where a pinhole camera shows the point.
    side, focal = 128, 64.0
    ideal = np.array([0.5, -0.5])
    shown = ideal * 1.05 * focal + side / 2
    assert shown == pytest.approx([97.6, 30.4])
    rows, columns = np.mgrid[:side, :side] + 0.5
    spot = np.exp(-((columns - shown[0]) ** 2 + (rows - shown[1]) ** 2) / 8)
    picture = np.repeat((255 * (1 - spot))[..., None], 3, axis=-1).round().astype(np.uint8)
    header = {"fl_x": focal, "k1": 0.1, "k2": 0.0, "p1": 0.0, "p2": 0.0, "camera_model": "OPENCV"}
    parsed = parse(write_transforms(tmp_path, header, picture=picture))
    read = read_picture(Path(parsed.files[0]), intrinsics=parsed.intrinsics[0], distortion=parsed.distortions[0])
    weight = 255.0 - read[..., 0]
    found = (weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()
    assert found == pytest.approx(ideal * focal + side / 2, abs=0.05)


def test_no_distortion_leaves_a_picture_alone() -> None:
    picture = np.random.default_rng(0).random((8, 10, 3), dtype=np.float32)
    same = undistort(picture, np.array([9.0, 9.0, 5.0, 4.0]), Distortion())
    assert same == pytest.approx(picture, abs=1e-6)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"camera_model": "OPENCV_FISHEYE"}, "camera_model: 'OPENCV_FISHEYE' is not supported"),
        ({"camera_model": ["OPENCV"]}, "camera_model: .* is not supported"),
        ({"is_fisheye": True}, "is_fisheye: this lens is not supported"),
        ({"k3": 0.1}, "k3: this lens is not supported"),
        ({"k1": -9.0}, "fold the picture over itself"),
        ({"k1": "0.1"}, "k1: expected a number, found '0.1'"),
        ({"fl_x": None}, "no focal length; expected fl_x"),
        ({"fl_x": 0}, "positive focal length"),
        ({"fl_x": -5.0}, "positive focal length"),
        ({"fl_x": math.nan}, "fl_x: expected a finite number"),
        ({"fl_x": 10**400}, "fl_x: expected a finite number"),
        ({"fl_x": True}, "fl_x: expected a number"),
        ({"fl_x": None, "camera_angle_x": 3.2}, "camera_angle_x: expected radians between 0 and pi"),
        ({"fl_x": None, "camera_angle_x": 0.0}, "camera_angle_x: expected radians between 0 and pi"),
        ({"w": 0}, "w: expected a number of pixels"),
        ({"w": 64, "h": 32}, "other proportions"),
        ({"frames": []}, "frames: expected a list"),
        ({"frames": None}, "frames: expected a list"),
        ({"frames": {"0": 1}}, "frames: expected a list"),
    ],
)
def test_bad_header_fields(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL})
    file = tmp_path / "transforms.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))
    with pytest.raises(InputError, match=expected) as caught:
        parse(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def _with(row: int, column: int, value: object) -> list[list[object]]:
    matrix: list[list[object]] = [list(entries) for entries in OPENGL_C2W]
    matrix[row][column] = value
    return matrix


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("r_1.png", "expected a JSON object"),
        ({"file_path": None}, "file_path: expected the path of a picture"),
        ({"file_path": 3}, "file_path: expected the path of a picture"),
        ({"file_path": "images/absent.png"}, r"absent\.png: this picture is missing"),
        ({"file_path": "images/absent"}, r"absent\.png: this picture is missing"),
        ({"file_path": "../outside.png"}, "leaves the folder"),
        ({"file_path": "/etc/passwd"}, "no end of the absolute path '/etc/passwd' is a picture in"),
        ({"file_path": "..\\..\\outside.png"}, "leaves the folder"),
        ({"transform_matrix": None}, "transform_matrix: expected a 4x4 matrix"),
        ({"transform_matrix": OPENGL_C2W[:2]}, "transform_matrix: expected a 4x4 matrix"),
        ({"transform_matrix": _with(0, 3, "far")}, "transform_matrix: expected a number"),
        ({"transform_matrix": _with(0, 3, math.nan)}, "transform_matrix: expected a finite number"),
        ({"transform_matrix": _with(0, 2, 1.5)}, "holds no rotation"),
        ({"transform_matrix": _with(0, 2, -1)}, "mirrors"),
        ({"transform_matrix": _with(3, 3, 0)}, "bottom row"),
    ],
)
def test_bad_frames(tmp_path: Path, frame: object, expected: str) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL})
    content = json.loads((tmp_path / "transforms.json").read_text())
    content["frames"][1] = content["frames"][1] | frame if isinstance(frame, dict) else frame
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=expected):
        parse(tmp_path)


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    scene = write_transforms(tmp_path / "scene", {"fl_x": FOCAL})
    (scene / "images" / "r_1.png").rename(tmp_path / "outside.png")
    (scene / "images" / "r_1.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(
        InputError, match=r"r_1\.png: a symbolic link leads to .*outside\.png, out of .* --follow-links"
    ):
        parse(scene)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "3"])
def test_not_the_json_expected(tmp_path: Path, content: str) -> None:
    (tmp_path / "transforms.json").write_text(content)
    with pytest.raises(InputError, match=r"transforms\.json: expected (a )?JSON"):
        parse(tmp_path)
