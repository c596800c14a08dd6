"""Settings of RGB tri-planes by number of steps."""

import pytest

from triptych.training.single.tuned import tuned_triplanes


def test_rates_fall_with_the_number_of_steps_and_stay_beyond_those_that_were_tried() -> None:
    found = [tuned_triplanes(steps) for steps in (1, 60, 125, 250, 500, 1000, 8000)]
    for rates in ([each.rate for each in found], [each.mlp_rate for each in found]):
        assert rates == sorted(rates, reverse=True)
        assert rates[0] == rates[1]
        assert rates[-1] == rates[-2]
    assert [each.steps for each in found] == [1, 60, 125, 250, 500, 1000, 8000]


def test_halfway_between_numbers_of_steps_rates_are_geometric_means() -> None:
    below, between, above = (tuned_triplanes(steps) for steps in (100, 200, 400))
    assert between.rate == pytest.approx((below.rate * above.rate) ** 0.5, rel=1e-3)
    assert between.mlp_rate == pytest.approx((below.mlp_rate * above.mlp_rate) ** 0.5, rel=1e-3)


def test_few_steps_have_little_momentum() -> None:
    assert [tuned_triplanes(steps).momentum for steps in (60, 500, 1000)] == [0.3, 0.3, 0.9]


def test_fewer_pixels_lie_along_edges_the_more_steps_there_are() -> None:
    shares = [tuned_triplanes(steps).edge_share for steps in (30, 60, 120, 250, 1000)]
    assert shares[:2] == [0.5, 0.5]
    assert 0 < shares[2] < 0.5
    assert shares[3:] == [0, 0]
