"""Choosing scenes, and keeping those of stage 1 out of stage 2."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from posed_scenes import picture_with_dot, write_srn

from triptych.errors import InputError
from triptych.scenes import DatasetConfig, SceneCollection, open_collection, require_disjoint, select_scenes
from triptych.scenes.writer import write_dataset_file

BOX = [[-0.5] * 3, [0.5] * 3]


def open_at(path: Path) -> SceneCollection:
    return open_collection(DatasetConfig(path, test_views=1, cache=path.parent / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four scenes a, b, c, d that differ in their pictures."""
    for number, name in enumerate("abcd"):
        write_srn(tmp_path / "data" / name, picture=np.roll(picture_with_dot(), number, axis=0))
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("selection", "expected"),
    [("all", "abcd"), ("0:2", "ab"), ("2:", "cd"), (":1", "a"), (":", "abcd"), ("d,b", "bd"), ("c", "c")],
)
def test_ranges_and_names(folder: Path, selection: str, expected: str) -> None:
    assert "".join(select_scenes(open_at(folder), selection, "train").names) == expected


def test_declared_splits(folder: Path) -> None:
    write_dataset_file(folder, BOX, {"train": ["c", "a"], "test": ["b"]}, {})
    collection = open_at(folder)
    assert select_scenes(collection, "train", "test").names == ("a", "c")
    assert select_scenes(collection, None, "test").names == ("b",)
    assert select_scenes(collection, None, "all").names == ("a", "b", "c", "d")


def test_a_split_by_default_means_all_where_none_is_declared(folder: Path) -> None:
    assert len(select_scenes(open_at(folder), None, "train")) == 4


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("train", "declares no split 'train'; give a range such as 0:4"),
        ("0:5", "reaches to 5; the dataset has 4 scenes"),
        ("2:2", "names no scene"),
        ("a,x", "no scene 'x' among the 4 of the dataset"),
        ("", "no scene ''"),
        ("-2:", "no scene '-2:'"),
    ],
)
def test_selections_refused(folder: Path, selection: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        select_scenes(open_at(folder), selection, "all")


def test_a_renamed_copy_is_the_same_scene(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "b", tmp_path / "other" / "z")
    shutil.copytree(folder / "c", tmp_path / "other" / "c")
    write_srn(tmp_path / "other" / "a", picture=np.roll(picture_with_dot(), 9, axis=0))
    trained, other = open_at(folder), open_at(tmp_path / "other")
    assert other.names == ("a", "c", "z")
    stage1 = dict(zip(trained.names, trained.fingerprints, strict=True))
    with pytest.raises(InputError, match=r"2 of these 3 scenes were trained on in stage 1: c, z \(there b\)"):
        require_disjoint(stage1, other)
    require_disjoint(stage1, select_scenes(other, "a", "all"))
