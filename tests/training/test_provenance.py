from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.data import Dataset
from triptych.data.splits import split_by_rule
from triptych.errors import InputError
from triptych.training.announcing import view_counts
from triptych.training.provenance import Provenance, as_ranges


def test_views_are_written_as_ranges() -> None:
    assert as_ranges([]) == ""
    assert as_ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"


@given(st.sets(st.integers(0, 999)))
def test_ranges_can_be_read_back(numbers: set[int]) -> None:
    found = Provenance.read({"fitted_views": as_ranges(sorted(numbers))}, "here")
    assert found == Provenance(tuple(sorted(numbers)), None)


def test_a_record_says_how_the_dataset_was_opened(balls: Dataset) -> None:
    provenance = Provenance.of(balls, 3)
    assert len(provenance.fitted) == 4
    assert balls.source is not None
    assert Provenance.read(provenance.record(), "here") == replace(provenance, source=replace(balls.source, cache=None))
    assert Provenance.read({"stage": 2}, "here") is None


@pytest.mark.parametrize(
    "record",
    [
        {"fitted_views": 3},
        {"fitted_views": "5-2"},
        {"fitted_views": "0-99999999999"},
        {"fitted_views": "0-2", "data": []},
        {"fitted_views": "0-2", "data": {"path": 3}},
        {"fitted_views": "0-2", "data": {"path": "a", "test_views": "8"}},
        {"fitted_views": "0-2", "data": {"path": "a", "test_rule": "last"}},
    ],
)
def test_a_damaged_record_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"^bank, a"):
        Provenance.read(record, "bank, a")


def test_few_views_are_said(balls: Dataset) -> None:
    counts, few = view_counts(balls)
    assert counts == "5 scene(s), of each 4 views to fit and 2 to test"
    assert "down to 4" in few
    assert "ball_0, ball_1, ball_2 and 2 more" in few


def test_a_small_scene_keeps_most_views_for_fitting() -> None:
    kept = {count: len(split_by_rule(count, None, "spread", "here").train) for count in (1, 2, 3, 10, 23, 24, 40)}
    assert kept == {1: 1, 2: 2, 3: 2, 10: 7, 23: 16, 24: 16, 40: 32}
