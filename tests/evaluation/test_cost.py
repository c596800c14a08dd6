import pytest

from triptych.evaluation.cost import Cost, break_even, saved


def test_the_published_effective_time_and_saving() -> None:
    """Slides, Table 1: 40 h of entry cost over 1000 scenes, 2 minutes a scene, against 32 minutes a scene."""
    ours, rgb = Cost(2400.0, 2.0), Cost(0.0, 32.0)
    assert ours.effective(1000) == pytest.approx(4.4)
    assert saved(ours.effective(1000), rgb.effective(1000)) == pytest.approx(0.86, abs=0.005)
    assert ours.total(1000) == pytest.approx(1000 * ours.effective(1000))


def test_break_even_is_the_first_number_of_scenes_that_costs_less() -> None:
    ours, rgb = Cost(2400.0, 2.0), Cost(0.0, 32.0)
    count = break_even(ours, rgb)
    assert count == 81
    assert ours.total(count) < rgb.total(count)
    assert ours.total(count - 1) >= rgb.total(count - 1)


def test_break_even_may_be_never_or_at_once() -> None:
    assert break_even(Cost(10.0, 5.0), Cost(0.0, 5.0)) is None
    assert break_even(Cost(0.0, 1.0), Cost(3.0, 2.0)) == 1
