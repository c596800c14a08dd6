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


def test_of_larger_pictures_a_step_takes_more_pixels_smooths_less_and_moves_planes_further() -> None:
    suited = phase(pixels=100, smoothing=2.0, suited_side=32)
    larger = replace(phase(pixels=800, smoothing=2.0 / 8**0.5, suited_side=32), rates=Rates(0.2, coefficients=0.2))
    assert suited.suited_to(256, 256, 64) == larger
    assert suited.suited_to(128, 512, 64) == larger
    assert suited.suited_to(16, 16, 64) == suited
    for_any_size = phase(pixels=100, smoothing=2.0)
    assert for_any_size.suited_to(64, 64, 64) == for_any_size


def test_in_shorter_phases_planes_move_further_and_in_longer_ones_less_far() -> None:
    suited = phase(pixels=100, suited_steps=64)
    of_lengths = [replace(suited, step_count=steps).suited_to(64, 64, 64).rates for steps in (2, 8, 32, 64, 2048)]
    assert [rates.micro for rates in of_lengths] == pytest.approx([0.15, 0.15, 0.1 * 2**0.2, 0.1, 0.05])
    assert {rates.coefficients for rates in of_lengths} == {0.2}
    assert phase(pixels=100).suited_to(64, 64, 64).rates.micro == 0.1


def test_of_few_views_planes_move_less_far_and_scenes_go_along_modes_and_base_planes_for_longer() -> None:
    suited = replace(phase(mode_steps=2, coefficient_steps=1, suited_views=16), rates=Rates(0.1, 0.2, modes=0.4))
    for views, micro, modes, coefficients in (
        (16, 0.1, 2, 1),
        (40, 0.1, 2, 1),
        (4, 0.1 * 4**-0.75, 8, 4),
        (1, 0.0125, 10, 10),
    ):
        moves = [suited.move(step, views) for step in range(10)]
        assert [move.micro for move in moves] == pytest.approx([micro] * 10)
        assert sum(move.modes > 0 for move in moves) == modes
        assert sum(move.coefficients > 0 for move in moves) == coefficients
    learned = replace(suited, steps_if_learned=1)
    assert [sum(learned.move(step, views).modes > 0 for step in range(10)) for views in (16, 4, 1)] == [1, 4, 10]


def test_planes_of_more_texels_are_smoothed_as_far_across_the_box_and_move_less_far() -> None:
    suited = phase(pixels=100, smoothing=2.0, suited_texels=32)
    of_texels = [suited.suited_to(64, 64, texels) for texels in (16, 32, 64, 96)]
    assert [each.smoothing for each in of_texels] == [2.0, 2.0, 4.0, 6.0]
    assert {each.rates for each in of_texels} == {suited.rates}
    of_large_pictures = [replace(suited, suited_side=16).suited_to(128, 128, texels) for texels in (32, 256, 512)]
    assert [each.rates.micro for each in of_large_pictures] == pytest.approx([0.2, 0.1, 0.1])
    assert [each.smoothing * 8**0.5 for each in of_large_pictures] == pytest.approx([2.0, 16.0, 32.0])


def test_whole_views_are_compared_in_the_same_way_whatever_their_size() -> None:
    whole = phase(smoothing=2.0, suited_side=32, suited_texels=32)
    assert whole.suited_to(128, 128, 64) == whole


def test_pixels_along_edges_become_more_over_the_first_steps() -> None:
    found = phase(pixels=1000, crop_share=0.8, edge_share=0.5, edge_ramp=4)
    assert [found.pixel_counts(step).along_edges for step in (0, 1, 3, 4, 100)] == [0, 100, 300, 400, 400]
    fading = replace(found, edge_fade=8)
    assert [fading.pixel_counts(step).along_edges for step in (0, 4, 8, 24)] == [0, 320, 200, 40]
    assert replace(found, edge_ramp=0).pixel_counts(0) == (1000, 800, 400)
    assert replace(found, edge_share=0.0).pixel_counts(9) == (1000, 800, 0)
