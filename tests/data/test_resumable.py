"""A dataset folder can be continued and grown, and never mixes two ways of making."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from triptych.data.formats.writer import write_dataset_file
from triptych.data.generators.resumable import MAKING_FILE, open_for_making
from triptych.errors import InputError

MADE_BY = {"generator": "test", "size": (2, 3)}
BOX = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


def _interrupted(root: Path) -> None:
    with suppress(KeyboardInterrupt), open_for_making(root, MADE_BY):
        (root / "scene_0").mkdir()
        raise KeyboardInterrupt
    assert (root / MAKING_FILE).exists()


def _finished(root: Path) -> None:
    with open_for_making(root, MADE_BY):
        write_dataset_file(root, BOX, {"train": []}, MADE_BY)


@pytest.mark.parametrize("prepare", [_interrupted, _finished])
def test_same_options_continue_and_leave_no_marker(tmp_path, prepare) -> None:
    prepare(tmp_path / "data")
    _finished(tmp_path / "data")
    assert not (tmp_path / "data" / MAKING_FILE).exists()
    assert json.loads((tmp_path / "data" / "dataset.json").read_text())["made_by"]["size"] == [2, 3]


@pytest.mark.parametrize("prepare", [_interrupted, _finished])
def test_other_options_are_refused(tmp_path, prepare) -> None:
    prepare(tmp_path / "data")
    other = MADE_BY | {"size": (2, 4)}
    with (
        pytest.raises(InputError, match=r"made with size = \[2, 3\], not \[2, 4\]"),
        open_for_making(tmp_path / "data", other),
    ):
        pytest.fail("the folder of another dataset was opened")


def test_an_option_the_dataset_was_made_without_is_a_difference(tmp_path) -> None:
    _finished(tmp_path)
    with pytest.raises(InputError, match="same options"), open_for_making(tmp_path, MADE_BY | {"more": 1}):
        pytest.fail("the folder of another dataset was opened")


def test_a_record_may_hold_more_than_the_options(tmp_path) -> None:
    with open_for_making(tmp_path, MADE_BY):
        write_dataset_file(tmp_path, BOX, {"train": []}, MADE_BY | {"skipped": ["broken.obj"]})
    _finished(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", '{"made_by": 3}', "{"])
def test_an_unusable_record_is_refused(tmp_path, content) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=r"dataset\.json"), open_for_making(tmp_path, MADE_BY):
        pytest.fail("the folder was opened")


def test_a_folder_of_something_else_is_left_alone(tmp_path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="new or empty folder"), open_for_making(tmp_path, MADE_BY):
        pytest.fail("the folder was opened")
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path) -> None:
    path = tmp_path / "data"
    path.write_text("a file")
    with pytest.raises(InputError, match="found a file"), open_for_making(path, MADE_BY):
        pytest.fail("the file was opened")
