"""What a phase asks of each step."""

from dataclasses import replace

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


def test_after_a_learned_first_step_scenes_go_along_modes_and_base_planes_for_fewer_steps() -> None:
    learned = replace(phase(mode_steps=4, steps_if_learned=2), rates=Rates(micro=0.1, coefficients=0.2, modes=0.4))
    moves = [learned.move(step, 16) for step in range(4)]
    assert [move.as_learned for move in moves] == [True, False, False, False]
    assert [move.modes > 0 for move in moves] == [True, True, False, False]
    assert [move.coefficients > 0 for move in moves] == [True, True, False, False]
    assert all(move.micro > 0 for move in moves)
    usual = [replace(learned, steps_if_learned=0).move(step, 16) for step in range(5)]
    assert not any(move.as_learned for move in usual)
    assert [move.modes > 0 for move in usual] == [True, True, True, True, False]
    assert all(move.coefficients > 0 for move in usual)


def test_pixels_along_edges_become_more_over_the_first_steps() -> None:
    found = phase(pixels=1000, crop_share=0.8, edge_share=0.5, edge_ramp=4)
    assert [found.pixel_counts(step).along_edges for step in (0, 1, 3, 4, 100)] == [0, 100, 300, 400, 400]
    fading = replace(found, edge_fade=8)
    assert [fading.pixel_counts(step).along_edges for step in (0, 4, 8, 24)] == [0, 320, 200, 40]
    assert replace(found, edge_ramp=0).pixel_counts(0) == (1000, 800, 400)
    assert replace(found, edge_share=0.0).pixel_counts(9) == (1000, 800, 0)
