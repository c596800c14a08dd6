"""Inspection: every problem of a dataset at once, its numbers, and its two pictures."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from posed_scenes import FOCAL, OPENCV_C2W, picture_with_dot, save, write_srn, write_transforms

from triptych.data import DatasetConfig, InspectionReport, inspect_dataset, open_dataset, write_contact_sheet
from triptych.data.formats.writer import write_dataset_file
from triptych.errors import InputError


def test_a_sound_dataset(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_srn(tmp_path / "data" / name, views=4)
    (tmp_path / "data" / "notes").mkdir()
    write_dataset_file(tmp_path / "data", [[-0.5] * 3, [0.5] * 3], {"train": ["a"], "test": ["b"]}, {})
    calls: list[tuple[int, int]] = []
    report = inspect_dataset(
        DatasetConfig(tmp_path / "data", test_views=1), tmp_path / "out", lambda *done: calls.append(done)
    )
    assert report.problems == ()
    assert report.notes == (f"{tmp_path / 'data' / 'notes'}: ignored, it is not a scene",)
    assert (report.scenes, report.views, report.train_views, report.test_views) == (2, 8, 6, 2)
    assert report.splits == {"train": 1, "test": 1}
    assert report.aabb == [[-0.5] * 3, [0.5] * 3]
    assert report.cameras is not None
    assert report.cameras.fx == report.cameras.fy == (FOCAL, FOCAL)
    assert report.cameras.distance == pytest.approx((2, 2))
    assert report.cameras.elevation_degrees == pytest.approx((0, 0), abs=1e-5)
    assert calls[-1] == (8, 8)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(json.dumps(asdict(report)))
    for file in ("cameras.png", "contact_sheet.png"):
        assert np.asarray(Image.open(tmp_path / "out" / file)).std() > 0


def test_distance_and_elevation_are_taken_from_the_middle_of_the_box(tmp_path: Path) -> None:
    """From (2, 0, 0), the middle (1, 0, -1) of a box on the side lies √2 away and 45 degrees below."""
    write_srn(tmp_path / "data" / "a", views=4)
    for view in range(4):
        (tmp_path / "data" / "a" / "pose" / f"{view:06d}.txt").write_text(
            " ".join(map(str, np.array(OPENCV_C2W).flatten()))
        )
    write_dataset_file(tmp_path / "data", [[0.0, -1.0, -2.0], [2.0, 1.0, 0.0]], {}, {})
    cameras = inspect_dataset(DatasetConfig(tmp_path / "data", test_views=1), tmp_path / "out").cameras
    assert cameras is not None
    assert cameras.distance == pytest.approx((2**0.5, 2**0.5))
    assert cameras.elevation_degrees == pytest.approx((45, 45))


def test_every_problem_is_listed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("a", "b", "c", "d"):
        write_srn(data / name, views=4)
    write_transforms(data / "e", {"fl_x": FOCAL})
    (data / "a" / "pose" / "000001.txt").write_text("1 2 3")
    (data / "a" / "pose" / "000002.txt").unlink()
    truncated = data / "b" / "rgb" / "000003.png"
    save(truncated, np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    truncated.write_bytes(truncated.read_bytes()[:-300])
    (data / "c" / "intrinsics.txt").unlink()
    save(data / "d" / "rgb" / "000000.png", picture_with_dot(side=64))
    away = np.array(OPENCV_C2W, dtype=float)
    away[0, 3] = -2
    (data / "b" / "pose" / "000000.txt").write_text(" ".join(map(str, away.flatten())))
    (data / "e" / "transforms.json").write_text("{")
    write_dataset_file(data, [[-0.5] * 3, [0.5] * 3], {"train": ["a", "x"]}, {})

    report = inspect_dataset(DatasetConfig(data, test_views=1), tmp_path / "out")
    expected = [
        "dataset.json, splits, train: there is no scene 'x'",
        "a/pose/000001.txt: expected the 16 numbers",
        "a/rgb/000002.png: no pose/000002.txt",
        "b/rgb/000003.png: this picture is truncated",
        "c: intrinsics.txt is missing",
        "d/rgb/000000.png: this picture is 64x64, most are 32x32",
        "e/transforms.json: expected JSON",
        "scene b: no ray of view 0",
    ]
    for problem in expected:
        assert sum(problem in message for message in report.problems) == 1, problem
    assert len(report.problems) == len(expected)
    assert report.scenes == 5
    assert report.views == 2 + 4
    assert (tmp_path / "out" / "contact_sheet.png").is_file()


def inspect(path: Path, **options: Any) -> InspectionReport:
    return inspect_dataset(DatasetConfig(path, **({"test_views": 1} | options)), path.parent / "out")


def test_only_the_chosen_scenes_are_inspected(tmp_path: Path) -> None:
    for name in ("a", "b", "broken"):
        write_srn(tmp_path / "data" / name)
    (tmp_path / "data" / "broken" / "intrinsics.txt").write_text("")
    assert len(inspect(tmp_path / "data").problems) == 1
    report = inspect(tmp_path / "data", scenes="a,b")
    assert (report.scenes, report.problems) == (2, ())
    with pytest.raises(InputError, match="no scene 'c'"):
        inspect(tmp_path / "data", scenes="c")


def test_other_sizes_in_every_scene_are_listed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_srn(tmp_path / "data" / name, views=4)
        save(tmp_path / "data" / name / "rgb" / "000002.png", picture_with_dot(side=64))
    report = inspect(tmp_path / "data")
    assert [problem.split("data/")[1][:43] for problem in report.problems] == [
        "a/rgb/000002.png: this picture is 64x64, mo",
        "b/rgb/000002.png: this picture is 64x64, mo",
    ]


def test_blank_scenes_are_noted(tmp_path: Path) -> None:
    write_srn(tmp_path / "data" / "a")
    write_srn(tmp_path / "data" / "b", picture=np.full((32, 32, 3), 255, np.uint8))
    report = inspect(tmp_path / "data")
    assert report.problems == ()
    assert report.notes == ("scene b: blank, each of its pictures is of one color; leave it out",)


def test_masks_of_other_names_are_noted(tmp_path: Path) -> None:
    write_srn(tmp_path / "data" / "a")
    save(tmp_path / "data" / "a" / "masks" / "mask_0.png", np.zeros((32, 32), np.uint8))
    (note,) = inspect(tmp_path / "data").notes
    assert note.startswith(f"{tmp_path / 'data' / 'a' / 'masks'}: no mask is applied")


def test_turned_pictures_are_noted(tmp_path: Path) -> None:
    write_srn(tmp_path / "data" / "a")
    exif = Image.Exif()
    exif[0x0112] = 6
    for view in (0, 2):
        Image.fromarray(picture_with_dot()).save(tmp_path / "data" / "a" / "rgb" / f"{view:06d}.png", exif=exif)
    (note,) = inspect(tmp_path / "data").notes
    assert note.startswith(
        "scene a: 2 of 3 pictures have an EXIF orientation; their pixels are taken as they are stored"
    )
    dataset = open_dataset(DatasetConfig(tmp_path / "data", test_views=1, cache=tmp_path / "cache"))
    assert dataset.images(0, [0])[0, 8, 20].tolist() == [255, 0, 0], "not turned"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"fl_x": 4 * FOCAL}, "a field of view of 14 degrees; is it that of another picture size"),
        (
            {"fl_x": FOCAL, "cx": 4.0, "cy": 4.0},
            "the principal point 4, 4 lies far from the middle of the 32x32",
        ),
        ({"fl_x": 1.5 * FOCAL, "camera_angle_x": 0.9273}, "together mean a picture 48 pixels wide, not 32"),
    ],
)
def test_intrinsics_of_another_size_are_noted(tmp_path: Path, header: dict[str, float], expected: str) -> None:
    write_transforms(tmp_path / "data" / "a", header)
    report = inspect(tmp_path / "data", half_extent=0.5)
    assert report.problems == ()
    (note,) = report.notes
    assert expected in note
    config = DatasetConfig(tmp_path / "data", test_views=1, half_extent=0.5, cache=tmp_path / "cache")
    assert open_dataset(config).notes == report.notes
    assert open_dataset(config).notes == report.notes, "from the cache too"


def test_cameras_inside_the_box_are_noted(tmp_path: Path) -> None:
    write_srn(tmp_path / "data" / "a")
    write_srn(tmp_path / "data" / "b")
    near = np.array(OPENCV_C2W, dtype=float)
    near[0, 3] = 0.3
    (tmp_path / "data" / "b" / "pose" / "000001.txt").write_text(" ".join(map(str, near.flatten())))
    (note,) = inspect(tmp_path / "data").notes
    assert note.startswith("1 of 6 cameras stand inside the scene box")
    assert "scene b" in note
    assert inspect(tmp_path / "data", half_extent=0.25).notes == ()


def test_few_views_are_said(tmp_path: Path) -> None:
    write_srn(tmp_path / "data" / "a", views=10)
    (note,) = inspect(tmp_path / "data", test_views=8).notes
    assert note.startswith("1 of 1 scenes hold out more views than are fitted (a: 2 fitted, 8 held out)")
    assert inspect(tmp_path / "data", test_views=5).notes == ()


def test_a_dataset_with_nothing_to_see(shared_data: Path, tmp_path: Path) -> None:
    report = inspect_dataset(DatasetConfig(shared_data / "srn_camera_paths" / "demo"), tmp_path)
    assert len(report.problems) == 2
    assert report.cameras is None
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_no_dataset_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scene found"):
        inspect_dataset(DatasetConfig(tmp_path), tmp_path / "out")


def test_contact_sheet_shows_scenes_in_order(tmp_path: Path) -> None:
    """Ten scenes of plain pictures: eight in the first row, two in the second."""
    for number in range(10):
        name = f"a_scene_with_a_name_that_is_much_too_long_{number}"
        write_srn(tmp_path / "data" / name, picture=np.full((32, 32, 3), 20 * number, np.uint8))
    config = DatasetConfig(tmp_path / "data", test_views=1, cache=tmp_path / "cache")
    write_contact_sheet(open_dataset(config), tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    shown = [int(value) for row in (70, 222) for value in sheet[row, 72::136, 0]]
    assert shown == [20 * number for number in range(10)] + [255] * 6
