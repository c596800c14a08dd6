"""What --scenes means, for a dataset and for anything else that has names."""

import pytest

from triptych.data import choose_names
from triptych.errors import InputError

NAMES = ("b", "a", "d", "c")
SPLITS = {"train": ("a", "b"), "test": ("c", "gone")}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [("all", "abcd"), ("0:2", "ab"), ("2:", "cd"), (":", "abcd"), ("d, b,d", "bd"), ("train", "ab"), (None, "ab")],
)
def test_selections(selection: str | None, expected: str) -> None:
    assert "".join(choose_names(NAMES, selection, splits=SPLITS, default="train")) == expected


def test_a_name_is_itself_whatever_it_looks_like() -> None:
    names = ("0:1", "a", "a,b", "train")
    assert choose_names(names, "0:1") == ("0:1",)
    assert choose_names(names, "a,b") == ("a,b",)
    assert choose_names(names, "train") == ("train",)
    assert choose_names(names, "train", splits={"train": ("a",)}) == ("a",)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("test", "no scene 'gone' among the 4 of the bank"),
        ("a,x", "no scene 'x' among the 4 of the bank"),
        ("val", "no scene 'val'"),
        ("3:9", "reaches to 9; the bank has 4 scenes"),
        ("2:2", "names no scene; the bank has 4"),
        ("0:" + "9" * 5000, "there is no scene"),
    ],
)
def test_what_is_refused(selection: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        choose_names(NAMES, selection, splits=SPLITS, of="bank")


def test_no_names_at_all() -> None:
    with pytest.raises(InputError, match="'all' names no scene; the bank has 0"):
        choose_names((), None, of="bank")
