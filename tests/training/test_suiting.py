"""How a phase follows the scenes that it meets."""

from dataclasses import replace

import pytest

from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.suiting import Setting, suited


def phase(**options: object) -> Phase:
    return Phase(0.0, 4, Rates(micro=0.1, coefficients=0.2), LossWeights(enc=1.0), step_count=10, **options)


def test_of_larger_pictures_a_step_takes_more_pixels_smooths_less_and_moves_planes_further() -> None:
    asked = phase(pixels=100, smoothing=2.0, suited_side=32)
    larger = replace(phase(pixels=800, smoothing=2.0 / 8**0.5, suited_side=32), rates=Rates(0.2, coefficients=0.2))
    assert suited(asked, Setting(256, 256, 64, 16)) == larger
    assert suited(asked, Setting(128, 512, 64, 16)) == larger
    assert suited(asked, Setting(16, 16, 64, 16)) == asked
    for_any_size = phase(pixels=100, smoothing=2.0)
    assert suited(for_any_size, Setting(64, 64, 64, 16)) == for_any_size


def test_in_shorter_phases_planes_move_further_and_in_longer_ones_less_far() -> None:
    asked = phase(pixels=100, suited_steps=64)
    of_lengths = [
        suited(replace(asked, step_count=steps), Setting(64, 64, 64, 16)).rates for steps in (2, 8, 32, 64, 2048)
    ]
    assert [rates.micro for rates in of_lengths] == pytest.approx([0.15, 0.15, 0.1 * 2**0.2, 0.1, 0.05])
    assert {rates.coefficients for rates in of_lengths} == {0.2}
    assert suited(phase(pixels=100), Setting(64, 64, 64, 16)).rates.micro == 0.1


def test_of_few_views_planes_move_less_far_and_where_the_category_foretells_scenes_stay_with_it() -> None:
    asked = phase(pixels=100, mode_steps=8, coefficient_steps=4, steps_if_learned=2, suited_views=16)
    many, few = (suited(asked, Setting(64, 64, 64, views)) for views in (40, 4))
    assert many == replace(asked, steps_if_learned=0)
    assert few.rates.micro == pytest.approx(0.1 * 4**-0.35)
    assert replace(few, rates=asked.rates) == many
    trusted, barely = (suited(asked, Setting(64, 64, 64, 4, foretold)) for foretold in (0.5, 0.15))
    assert trusted.rates.micro == pytest.approx(0.1 * 4**-0.75)
    assert (trusted.mode_steps, trusted.coefficient_steps, trusted.steps_if_learned) == (32, 16, 8)
    assert barely.rates.micro == pytest.approx(0.1 * 4**-0.55)
    assert (barely.mode_steps, barely.coefficient_steps, barely.steps_if_learned) == (16, 8, 4)
    assert suited(phase(pixels=100), Setting(64, 64, 64, 1, 0.5)) == phase(pixels=100)


def test_planes_of_more_texels_are_smoothed_as_far_across_the_box_and_move_less_far() -> None:
    asked = phase(pixels=100, smoothing=2.0, suited_texels=32)
    of_texels = [suited(asked, Setting(64, 64, texels, 16)) for texels in (16, 32, 64, 96)]
    assert [each.smoothing for each in of_texels] == [2.0, 2.0, 4.0, 6.0]
    assert {each.rates for each in of_texels} == {asked.rates}
    of_large_pictures = [
        suited(replace(asked, suited_side=16), Setting(128, 128, texels, 16)) for texels in (32, 256, 512)
    ]
    assert [each.rates.micro for each in of_large_pictures] == pytest.approx([0.2, 0.1, 0.1])
    assert [each.smoothing * 8**0.5 for each in of_large_pictures] == pytest.approx([2.0, 16.0, 32.0])


def test_whole_views_are_compared_in_the_same_way_whatever_their_size() -> None:
    whole = phase(smoothing=2.0, suited_side=32, suited_texels=32)
    assert suited(whole, Setting(128, 128, 64, 16)) == whole
