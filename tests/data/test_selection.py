"""Choosing scenes, and keeping those of stage 1 out of stage 2."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from posed_scenes import open_at, picture_with_dot, write_srn

from triptych.data import Dataset, DatasetConfig, open_dataset, require_disjoint
from triptych.data.formats.writer import write_dataset_file
from triptych.errors import InputError

BOX = [[-0.5] * 3, [0.5] * 3]


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
    assert "".join(open_at(folder).select(selection, "train").names) == expected


def test_declared_splits(folder: Path) -> None:
    write_dataset_file(folder, BOX, {"train": ["c", "a"], "test": ["b"]}, {})
    dataset = open_at(folder)
    assert dataset.select("train", "test").names == ("a", "c")
    assert dataset.select(None, "test").names == ("b",)
    assert dataset.select(None, "all").names == ("a", "b", "c", "d")


def test_a_split_by_default_means_all_where_none_is_declared(folder: Path) -> None:
    assert len(open_at(folder).select(None, "train")) == 4


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
        open_at(folder).select(selection, "all")


def test_a_renamed_copy_is_the_same_scene(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "b", tmp_path / "other" / "z")
    shutil.copytree(folder / "c", tmp_path / "other" / "c")
    write_srn(tmp_path / "other" / "a", picture=np.roll(picture_with_dot(), 9, axis=0))
    trained, other = open_at(folder), open_at(tmp_path / "other")
    assert other.names == ("a", "c", "z")
    stage1 = dict(zip(trained.names, trained.fingerprints, strict=True))
    with pytest.raises(InputError, match=r"2 of these 3 scenes were trained on in stage 1: c, z \(there b\)"):
        require_disjoint(stage1, other)
    require_disjoint(stage1, other.select("a", "all"))


# Choosing before anything is read


def chosen(path: Path, scenes: str | None, default: str = "all") -> Dataset:
    config = DatasetConfig(path, scenes=scenes, test_views=1, cache=path.parent / "cache")
    return open_dataset(config, default=default)


@pytest.mark.parametrize("damage", ["no pictures", "no intrinsics", "a link elsewhere", "a pose that is none"])
def test_a_broken_scene_can_be_left_out(folder: Path, damage: str) -> None:
    if damage == "no pictures":
        shutil.rmtree(folder / "c" / "rgb")
    elif damage == "no intrinsics":
        (folder / "c" / "intrinsics.txt").write_text("")
    elif damage == "a link elsewhere":
        (folder / "c" / "rgb").rename(folder.parent / "elsewhere")
        (folder / "c" / "rgb").symlink_to(folder.parent / "elsewhere")
    else:
        (folder / "c" / "pose" / "000001.txt").write_text("1 2 3")
    assert chosen(folder, "a,d").names == ("a", "d")
    assert chosen(folder, "0:2").names == ("a", "b")
    with pytest.raises(InputError, match="data/c"):
        chosen(folder, "all")


def test_declared_splits_choose_what_is_read(folder: Path) -> None:
    write_dataset_file(folder, BOX, {"train": ["a", "c"], "test": ["b", "gone"]}, {})
    shutil.rmtree(folder / "d" / "rgb")
    assert chosen(folder, None, "train").names == ("a", "c")
    assert chosen(folder, "train").declared_splits == {"train": ("a", "c"), "test": ()}
    assert chosen(folder, "b").names == ("b",)
    with pytest.raises(InputError, match="there is no scene 'gone' among the 4 of the dataset"):
        chosen(folder, "test")
    with pytest.raises(InputError, match=r"dataset\.json, splits, test: there is no scene 'gone'; is the dataset comp"):
        chosen(folder, "all")


def test_only_chosen_pictures_are_decoded_and_each_choice_is_kept(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    for scenes in ("a,b", "c", "a,b", "c"):
        config = DatasetConfig(folder, scenes=scenes, test_views=1, cache=folder.parent / "cache")
        dataset = open_dataset(config, lambda done, total: calls.append((done, total)))
    assert dataset.names == ("c",)
    assert calls == [(done, 6) for done in range(1, 7)] + [(done, 3) for done in range(1, 4)]
    assert np.array_equal(dataset.images(0, [0]), open_at(folder).images(2, [0]))
    assert dataset.fingerprints == open_at(folder).fingerprints[2:3]
