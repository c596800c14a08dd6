from itertools import pairwise

import pytest

from triptych.training.schedule import Schedule


def test_rates_stay_where_nothing_is_asked_for() -> None:
    assert [Schedule(5).factor(step) for step in range(5)] == [1.0] * 5


def test_the_ramp_rises_linearly_and_ends() -> None:
    assert [Schedule(10, ramp=4).factor(step) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_exponential_decay_takes_equal_ratios_and_ends_at_its_share() -> None:
    factors = [Schedule(8, final=0.1).factor(step) for step in range(9)]
    assert factors[0] == 1.0
    assert factors[8] == pytest.approx(0.1)
    ratios = [after / before for before, after in pairwise(factors)]
    assert ratios == pytest.approx([0.1 ** (1 / 8)] * 8)


def test_the_cosine_falls_to_its_share_and_is_half_way_in_the_middle() -> None:
    schedule = Schedule(8, final=0.01, decay="cosine")
    assert [schedule.factor(step) for step in (0, 4, 8)] == pytest.approx([1.0, 0.505, 0.01])


def test_each_milestone_counts_once_from_its_step_on() -> None:
    schedule = Schedule(10, milestones=(2.0, 5.0), milestone_factor=0.5)
    assert [schedule.factor(step) for step in (1, 2, 4, 5, 9)] == [1.0, 0.5, 0.5, 0.25, 0.25]


def test_an_empty_optimization_has_a_factor() -> None:
    assert Schedule(0, final=0.1).factor(0) == 1.0
