"""The parser of transforms.json: fields, splits, lenses, and what it refuses."""

import gc
import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from posed_scenes import FOCAL, OPENGL_C2W, frames, picture_with_dot, save, write_transforms

from triptych.data.formats.distortion import Distortion, undistort
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.formats.transforms import parse_transforms
from triptych.data.pictures import read_picture
from triptych.data.validation import Problems
from triptych.errors import InputError


def parse(folder: Path) -> ParsedScene:
    return parse_transforms("scene", folder, Problems(), LinkPolicy(folder))


def test_views_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL, "frames": frames(12)[::-1]})
    assert [Path(file).name for file in parse(tmp_path).files] == [f"r_{view}.png" for view in range(12)]


def test_views_have_no_objects_of_their_own(tmp_path: Path) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL, "frames": frames(100)})
    parse(tmp_path)  # once for what scenes share
    tracemalloc.start()
    parsed = parse(tmp_path)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    del parsed
    freed = held - tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 128 < freed / 100 < 200  # 128 bytes are its numbers; a path alone would take as much


def test_train_and_test_files_decide_the_split_and_val_is_left_out(tmp_path: Path) -> None:
    for use in ("train", "test", "val"):
        write_transforms(tmp_path, {"fl_x": FOCAL}, f"transforms_{use}.json", directory=use)
    parsed = parse(tmp_path)
    assert parsed.uses == ("test",) * 3 + ("train",) * 3
    assert [Path(file).parent.name for file in parsed.files] == ["test"] * 3 + ["train"] * 3


def test_a_val_file_is_held_out_where_there_is_no_test_file(tmp_path: Path) -> None:
    for use in ("train", "val"):
        write_transforms(tmp_path, {"fl_x": FOCAL}, f"transforms_{use}.json", directory=use)
    assert parse(tmp_path).uses == ("train",) * 3 + ("test",) * 3


@pytest.mark.parametrize(
    ("train", "val", "test", "kept", "uses"),
    [
        ((0, 1), (), (2, 3), (0, 1, 2, 3), ("train", "train", "test", "test")),
        ((0, 1), (2,), (3,), (0, 1, 3), ("train", "train", "test")),
        ((0, 1), (3,), (3,), (0, 1, 3), ("train", "train", "test")),
        ((0, 1), (3,), (), (0, 1, 3), ("train", "train", "test")),
        ((0,), (), (), (0, 1, 2, 3), ("train", "test", "test", "test")),
        ((), (), (1,), (0, 1, 2, 3), ("train", "test", "train", "train")),
        ((0, 1, 2, 3), (), (), (0, 1, 2, 3), (None,) * 4),
    ],
)
def test_lists_of_views_decide_the_split(
    tmp_path: Path, train: tuple[int, ...], val: tuple[int, ...], test: tuple[int, ...], kept: object, uses: object
) -> None:
    lists = {
        f"{use}_filenames": [f"./images/r_{view}.png" for view in views]
        for use, views in (("train", train), ("val", val), ("test", test))
        if views
    }
    parsed = parse(write_transforms(tmp_path, {"fl_x": FOCAL, "frames": frames(4)} | lists))
    assert tuple(int(Path(file).stem[2:]) for file in parsed.files) == kept
    assert parsed.uses == uses


def test_a_field_of_the_frames_decides_the_split(tmp_path: Path) -> None:
    labels = ("train", "val", "test", "train", "other")
    labeled = [frame | {"split": label} for frame, label in zip(frames(5), labels, strict=True)]
    parsed = parse(write_transforms(tmp_path, {"fl_x": FOCAL, "frames": labeled}))
    assert [(Path(file).stem, use) for file, use in zip(parsed.files, parsed.uses, strict=True)] == [
        ("r_0", "train"),
        ("r_2", "test"),
        ("r_3", "train"),
    ]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"test_filenames": "images/r_0.png"}, "test_filenames: expected a list of file_path values"),
        ({"test_filenames": [3]}, "test_filenames: expected a list of file_path values"),
        ({"test_filenames": ["images/r_9.png"]}, "test_filenames: no frame has the file_path 'images/r_9.png'"),
        (
            {"train_filenames": ["images/r_0.png"], "test_filenames": ["images/r_0.png"]},
            "test_filenames: 'images/r_0.png' stands in train_filenames too",
        ),
    ],
)
def test_bad_lists_of_views(tmp_path: Path, lists: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        parse(write_transforms(tmp_path, {"fl_x": FOCAL} | lists))


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


@pytest.mark.parametrize("place", ["/home/somebody/set/scene/", "D:\\data\\scene\\", "\\\\server\\share\\", "C:/"])
def test_absolute_paths_fall_back_to_what_lies_below_the_scene(tmp_path: Path, place: str) -> None:
    expected = parse(write_transforms(tmp_path, {"fl_x": FOCAL})).files
    named = [frame | {"file_path": place + frame["file_path"]} for frame in frames()]
    (tmp_path / "transforms.json").write_text(json.dumps({"fl_x": FOCAL, "frames": named}))
    problems = Problems()
    assert parse_transforms("scene", tmp_path, problems, LinkPolicy(tmp_path)).files == expected
    assert problems.notes == [f"{tmp_path}: its absolute paths are those of another place; what lies below it is read"]


@pytest.mark.parametrize("named", ["images/r_0", "images/r_0.png", "images/r_0.PNG", "images/r_0.Png"])
def test_endings_of_any_case(tmp_path: Path, named: str) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL})
    (tmp_path / "images" / "r_0.png").rename(tmp_path / "images" / "r_0.PnG")
    content = {"fl_x": FOCAL, "frames": [frames()[0] | {"file_path": named}, *frames()[1:]]}
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    assert Path(parse(tmp_path).files[0]).name == "r_0.PnG"


def test_a_byte_order_mark(tmp_path: Path) -> None:
    file = write_transforms(tmp_path, {"fl_x": FOCAL}) / "transforms.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(parse(tmp_path).files) == 3


def test_principal_points_of_another_size(tmp_path: Path) -> None:
    """Without w and h they are taken for the pictures' own, and one outside of these says that they are not."""
    with pytest.raises(InputError, match=r"transforms\.json: the principal point .* lies outside of the 32x32"):
        parse(write_transforms(tmp_path, {"fl_x": FOCAL, "cx": 128, "cy": 128}))
    parsed = parse(write_transforms(tmp_path, {"fl_x": 4 * FOCAL, "cx": 64, "cy": 64, "w": 128, "h": 128}))
    assert parsed.intrinsics[0].tolist() == [32, 32, 16, 16]


def test_transparent_pictures_lie_over_white(tmp_path: Path) -> None:
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[0, 0] = (200, 100, 0, 255)
    picture[0, 1] = (200, 100, 0, 51)  # a fifth of the color, four fifths of white
    save(tmp_path / "picture.png", picture)
    read = read_picture(tmp_path / "picture.png", intrinsics=np.ones(4))
    assert read[0, :3].tolist() == [[200, 100, 0], [244, 224, 204], [255, 255, 255]]


def _masked(folder: Path, mask: np.ndarray, picture: np.ndarray) -> np.ndarray:
    save(folder / "picture.png", picture)
    save(folder / "mask.png", mask)
    return read_picture(folder / "picture.png", intrinsics=np.ones(4), mask=folder / "mask.png")


def test_masks_are_alpha_over_white(tmp_path: Path) -> None:
    picture = np.full((32, 32, 4), (200, 100, 0, 255), np.uint8)
    picture[0, 2, 3] = 51
    mask = np.zeros((32, 32), np.uint8)
    mask[0, :3] = (255, 51, 255)
    read = _masked(tmp_path, mask, picture)
    assert read[0, :4].tolist() == [[200, 100, 0], [244, 224, 204], [244, 224, 204], [255, 255, 255]]
    assert np.array_equal(_masked(tmp_path, np.dstack([mask] * 3), picture[..., :3])[0, :2], read[0, :2])


def test_a_mask_of_zero_and_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mask\.png: expected white \(255\) where the object is, found at most 1"):
        _masked(tmp_path, np.eye(32, dtype=np.uint8), picture_with_dot())


@pytest.mark.parametrize("how", ["mask_path", "folder", "COLMAP's names"])
def test_masks_are_found(tmp_path: Path, how: str) -> None:
    named = [frame | {"mask_path": f"./{frame['file_path']}"} for frame in frames(directory="masks")]
    with_masks = [frame | {"file_path": f"images/r_{view}.png"} for view, frame in enumerate(named)]
    write_transforms(tmp_path, {"fl_x": FOCAL, "frames": with_masks if how == "mask_path" else frames()})
    ending = ".png.png" if how == "COLMAP's names" else ".png"
    for view in range(3):
        save(tmp_path / "masks" / f"r_{view}{ending}", np.zeros((32, 32), np.uint8))
    parsed = parse(tmp_path)
    assert tuple(parsed.masks) == tuple(str(tmp_path / "masks" / f"r_{view}{ending}") for view in range(3))


def test_masks_that_do_not_fit(tmp_path: Path) -> None:
    write_transforms(tmp_path, {"fl_x": FOCAL})
    for view in range(2):
        save(tmp_path / "masks" / f"r_{view}.png", np.zeros((32, 32), np.uint8))
    with pytest.raises(InputError, match=r"images/r_2\.png: this picture has no mask, 2 others of its scene have one"):
        parse(tmp_path)
    save(tmp_path / "masks" / "r_2.png", np.zeros((16, 32), np.uint8))
    with pytest.raises(InputError, match=r"masks/r_2\.png: expected a mask of its picture's 32x32 pixels, found 32x16"):
        parse(tmp_path)


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
        ({"camera_model": "EQUIRECTANGULAR"}, "camera_model: 'EQUIRECTANGULAR' is not supported"),
        ({"camera_model": ["OPENCV"]}, "camera_model: .* is not supported"),
        ({"is_fisheye": True, "k1": -9.0}, "the coefficients -9, 0, 0, 0 fold the picture over itself"),
        ({"camera_model": "OPENCV_FISHEYE", "k5": 0.1}, "k5: this lens is not supported"),
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


@pytest.mark.parametrize("linked", ["images", "images/r_1.png", "masks", "transforms.json"])
def test_links_stay_in_the_dataset_unless_followed(tmp_path: Path, linked: str) -> None:
    scene = write_transforms(tmp_path / "data" / "scene", {"fl_x": FOCAL})
    for view in range(3):
        save(scene / "masks" / f"r_{view}.png", np.full((32, 32), 255, np.uint8))
    for elsewhere in (tmp_path / "elsewhere", tmp_path / "data" / "shared"):
        (scene / linked).rename(elsewhere)
        (scene / linked).symlink_to(elsewhere)
        for links in (LinkPolicy(tmp_path / "data"), LinkPolicy(tmp_path / "data", follow_links=True)):
            if elsewhere.is_relative_to(links.root) or links.follow_links:
                parsed = parse_transforms("scene", scene, Problems(), links)
                assert tuple(parsed.files) == tuple(str(scene / "images" / f"r_{view}.png") for view in range(3))
            else:
                with pytest.raises(InputError, match=r"a symbolic link leads to .*elsewhere.*; add --follow-links"):
                    parse_transforms("scene", scene, Problems(), links)
        (scene / linked).unlink()
        elsewhere.rename(scene / linked)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "3"])
def test_not_the_json_expected(tmp_path: Path, content: str) -> None:
    (tmp_path / "transforms.json").write_text(content)
    with pytest.raises(InputError, match=r"transforms\.json: expected (a )?JSON"):
        parse(tmp_path)
