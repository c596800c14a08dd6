"""Which folders hold scenes, and what is said of those that do not."""

import os
from pathlib import Path

import numpy as np
import pytest
from posed_scenes import FOCAL, frames, picture_with_dot, save, write_srn, write_transforms

from triptych.data.formats.declaration import read_declaration
from triptych.data.formats.discovery import find_scenes, parse_scenes
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.validation import Problems
from triptych.errors import InputError


def zero123(root: Path) -> None:
    save(root / "object" / "000.png", picture_with_dot())
    np.save(root / "object" / "000.npy", np.eye(4)[:3])


def nmr(root: Path) -> None:
    save(root / "02958343" / "object" / "image" / "0000.png", picture_with_dot())
    np.savez(root / "02958343" / "object" / "cameras.npz", world_mat_0=np.eye(4))


def eg3d(root: Path) -> None:
    save(root / "00000" / "img00000000.png", picture_with_dot())
    (root / "dataset.json").write_text('{"labels": [["00000/img00000000.png", [1.0]]]}')


def colmap(root: Path) -> None:
    save(root / "object" / "images" / "000.png", picture_with_dot())
    (root / "object" / "sparse" / "0").mkdir(parents=True)
    (root / "object" / "sparse" / "0" / "cameras.bin").write_bytes(b"")


def co3d(root: Path) -> None:
    (root / "apple").mkdir(parents=True)
    (root / "apple" / "frame_annotations.jgz").write_bytes(b"")


def openlrm(root: Path) -> None:
    save(root / "object" / "rgba" / "000.png", picture_with_dot(channels=4))
    (root / "object" / "pose").mkdir()
    np.save(root / "object" / "intrinsics.npy", np.eye(3))


@pytest.mark.parametrize(
    ("write", "name", "advice"),
    [
        (zero123, "zero123", "write a transforms.json for each scene"),
        (nmr, "NMR", "write a transforms.json for each scene"),
        (eg3d, "EG3D", "write a transforms.json for each scene"),
        (co3d, "CO3D", "write a transforms.json for each scene"),
        (openlrm, "OpenLRM", "write a transforms.json for each scene"),
        (colmap, "COLMAP", r"ns-process-data.*colmap2nerf\.py"),
    ],
)
def test_layouts_that_are_not_read_are_named(tmp_path: Path, write, name: str, advice: str) -> None:
    write(tmp_path)
    with pytest.raises(InputError, match=f"no scene found; it holds .*{name}.*not read; .*{advice}"):
        find_scenes(tmp_path)
    write_transforms(tmp_path / "scene", {"fl_x": FOCAL})
    found = find_scenes(tmp_path)
    assert found.names == ("scene",)
    assert any(name in note for note in found.notes) == (name != "EG3D")


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
