"""What a phase asks of each step."""

import pytest

from triptych.training.phase import LossWeights, Phase, Rates


def phase(**options: object) -> Phase:
    return Phase(0.0, 4, Rates(micro=0.1, coefficients=0.2), LossWeights(enc=1.0), step_count=10, **options)


def test_scenes_move_at_scheduled_rates_and_by_the_word_of_single_pixels_in_the_end() -> None:
    moves = [phase(final_factor=0.01, momentum=0.3, smoothing=2.0).move(step, 16) for step in (0, 5, 9)]
    assert [move.micro for move in moves] == pytest.approx([0.1, 0.01, 0.1 * 0.01**0.9])
    assert [move.coefficients / move.micro for move in moves] == pytest.approx([2.0] * 3)
    assert [move.smoothing for move in moves] == pytest.approx([2.0, 0.25, 0.002])
    assert {move.momentum for move in moves} == {0.3}


def test_by_default_gradients_are_not_smoothed() -> None:
    assert phase().move(0, 16).smoothing == 0.0


def test_scenes_move_along_modes_at_the_beginning_alone_at_a_rate_that_falls_meanwhile() -> None:
    long = Phase(
        0.0, 4, Rates(micro=0.1, modes=0.4), LossWeights(enc=1.0), step_count=100, mode_steps=4, final_factor=0.01
    )
    assert [long.move(step, 16).modes for step in (0, 2, 4, 50)] == pytest.approx([0.4, 0.04, 0.0, 0.0])
    short = long.longer(0.02)  # two steps
    assert [short.move(step, 16).modes for step in (0, 1)] == pytest.approx([0.4, 0.04])


def test_of_larger_pictures_a_step_takes_more_pixels_and_smooths_less() -> None:
    suited = phase(pixels=100, smoothing=2.0, suited_side=32)
    assert suited.at_size(128, 128) == phase(pixels=400, smoothing=1.0, suited_side=32)
    assert suited.at_size(64, 256) == phase(pixels=400, smoothing=1.0, suited_side=32)
    assert suited.at_size(16, 16) == suited
    for_any_size = phase(pixels=100, smoothing=2.0)
    assert for_any_size.at_size(64, 64) == for_any_size
