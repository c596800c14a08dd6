"""Which folders hold scenes, and what is said of those that do not."""

import json
import os
from pathlib import Path

import pytest
from layout_scenes import (
    write_co3d,
    write_colmap,
    write_eg3d,
    write_gobjaverse,
    write_nmr,
    write_omniobject3d,
    write_openlrm,
    write_rgb_and_pose,
    write_zero123,
)
from posed_scenes import FOCAL, frames, picture_with_dot, save, write_srn, write_transforms

from triptych.data.formats.declaration import read_declaration
from triptych.data.formats.discovery import find_scenes, parse_scenes
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.validation import Problems
from triptych.errors import InputError


@pytest.mark.parametrize(
    ("write", "title"),
    [
        (write_omniobject3d, "OmniObject3D"),
        (write_rgb_and_pose, "SRN"),
        (write_zero123, "zero123"),
        (write_openlrm, "OpenLRM"),
        (write_nmr, "NMR / DVR"),
        (write_gobjaverse, "G-Objaverse"),
        (write_eg3d, "EG3D"),
        (write_co3d, "CO3D"),
        (write_colmap, "COLMAP"),
    ],
)
def test_layouts_are_told_apart(tmp_path: Path, write, title: str) -> None:
    dataset = find_scenes(write(tmp_path / "data"))
    assert set(dataset.layouts) == {title}
    assert dataset.notes == ()


def test_a_scene_among_those_of_a_described_dataset_goes_by_itself(tmp_path: Path) -> None:
    """EG3D's own ShapeNet cars are SRN scenes beside a dataset.json."""
    write_eg3d(tmp_path)
    write_srn(tmp_path / "scene")
    assert find_scenes(tmp_path).names == ("scene",)


def test_a_picture_beside_the_described_folders_is_no_scene(tmp_path: Path) -> None:
    write_eg3d(tmp_path)
    save(tmp_path / "preview.png", picture_with_dot())
    assert find_scenes(tmp_path).names == ("car_a", "car_b")


def test_described_pictures_may_lie_beside_their_file_and_masks_in_a_folder(tmp_path: Path) -> None:
    root = write_eg3d(tmp_path / "flat")
    content = json.loads((root / "dataset.json").read_text())
    labels = [[Path(name).name, label] for name, label in content["labels"] if name.startswith("car_a")]
    (root / "dataset.json").write_text(json.dumps({"labels": labels}))
    for picture in (root / "car_a" / "rgb").iterdir():
        picture.rename(root / picture.name)
    (root / "car_b" / "rgb").rename(root / "masks")
    assert find_scenes(root).names == ("flat",)


def test_zero123_has_endings_of_any_case(tmp_path: Path) -> None:
    for picture in sorted((write_zero123(tmp_path) / "object").glob("*.png")):
        picture.rename(picture.with_suffix(".PNG"))
    assert find_scenes(tmp_path).layouts == {"zero123": 1}


def test_the_dataset_around_a_described_scene_is_named(tmp_path: Path) -> None:
    category = write_co3d(tmp_path)
    with pytest.raises(InputError, match=f"part of the dataset {category}; give that folder, and choose with --scenes"):
        find_scenes(category / "110_13051_23361")
    with pytest.raises(InputError, match=f"give one of them: {category}"):
        find_scenes(tmp_path)


def test_the_folder_to_give_instead_is_named(tmp_path: Path) -> None:
    for category in ("cars_test", "cars_train"):
        write_srn(tmp_path / "srn" / category / "scene")
    with pytest.raises(InputError, match=r"srn/cars_test, .*srn/cars_train$"):
        find_scenes(tmp_path / "srn")
    scene = tmp_path / "srn" / "cars_test" / "scene"
    for below in ("rgb", "pose"):
        with pytest.raises(InputError, match=f"it is a part of the scene {scene}; give that folder"):
            find_scenes(scene / below)


def test_omniobject3d_is_read(tmp_path: Path) -> None:
    for name in ("toy_001", "toy_002"):
        folder = write_transforms(tmp_path / name / "render", {"fl_x": FOCAL, "frames": frames(directory=".")})
        (folder / "images").mkdir()
        for file in folder.glob("*.png"):
            file.rename(folder / "images" / file.name)
    dataset = find_scenes(tmp_path)
    assert dataset.names == ("toy_001", "toy_002")
    parsed = list(parse_scenes(dataset, LinkPolicy(tmp_path), Problems()))
    assert [Path(file).parent for file in parsed[0].files] == [tmp_path / "toy_001" / "render" / "images"] * 3
    assert find_scenes(tmp_path / "toy_001").names == ("toy_001",)


def test_clutter_is_left_aside_unsaid(tmp_path: Path) -> None:
    write_srn(tmp_path / "scene")
    for name in (".hidden", "__MACOSX", "notes"):
        write_srn(tmp_path / name / "inner")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    dataset = find_scenes(tmp_path)
    assert dataset.names == ("scene",)
    assert dataset.notes == (f"{tmp_path / 'notes'}: ignored, it is not a scene",)


def test_a_dataset_file_of_another_program_is_not_parsed(tmp_path: Path) -> None:
    """It is not even JSON beyond its head."""
    write_srn(tmp_path / "scene")
    (tmp_path / "dataset.json").write_text('{"labels": [["a.png", [1, 2' + "3" * 200_000)
    problems = Problems()
    declaration = read_declaration(find_scenes(tmp_path), problems)
    assert declaration.splits is None
    assert problems.notes == [f"{tmp_path / 'dataset.json'}: ignored, another program has written it"]


@pytest.mark.parametrize("name", ["transforms.json", "dataset.json"])
def test_pipes_are_left_aside(tmp_path: Path, name: str) -> None:
    write_srn(tmp_path / "scene")
    os.mkfifo(tmp_path / name)
    dataset = find_scenes(tmp_path)
    assert dataset.names == ("scene",)
    assert read_declaration(dataset, Problems()).splits is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_no_scene(tmp_path: Path) -> None:
    write_srn(tmp_path / "scene")
    (tmp_path / "lost+found").mkdir(mode=0)
    assert find_scenes(tmp_path).names == ("scene",)
