"""The learned first step of new scenes: what is learned, how it is kept, where it takes scenes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from untrained import give_first_step, give_modes, untrained_model

from triptych import cli
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.model.first_step import FirstStep, learned_first_step, ways_of
from triptych.model.modes import moved_along, overlaps_of, slopes_along, ways_along
from triptych.model.upsampling import upsampled
from triptych.training.config import SkippingConfig
from triptych.training.fitting import Fitting
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.step import parts_with_gradients, take_step

PHASE = Phase(
    epochs=0.0,
    step_count=12,
    batch=2,
    pixels=64,
    rates=Rates(coefficients=1e-2, modes=0.1),
    weights=LossWeights(enc=1.0),
    steps_if_learned=3,
)


def model_that_has_learned() -> CategoryModel:
    model = untrained_model()
    give_modes(model)
    give_first_step(model)
    return model


def test_what_slopes_tell_of_ways_is_found_through_noise_and_what_they_do_not_is_left() -> None:
    random = torch.Generator().manual_seed(0)
    truth, offset = torch.randn(4, 4, generator=random), torch.randn(4, generator=random)
    slopes = torch.randn(60, 4, generator=random) * torch.tensor([1.0, 1e-4, 1e3, 0.0])  # of any size, and none at all
    ways = slopes / torch.tensor([1.0, 1e-4, 1e3, 1.0]) @ truth + offset
    looks = slopes[:, None] * (1 + 0.01 * torch.randn(60, 3, 4, generator=random))
    learned = learned_first_step(looks, ways + 0.01 * torch.randn(60, 4, generator=random))
    assert torch.allclose(ways_of(learned.matrix, slopes), ways, atol=0.1)
    assert learned.matrix.isfinite().all()
    assert 0.99 < float(learned.foretold) <= 1


def test_nothing_is_learned_of_slopes_that_say_nothing_or_of_a_single_scene() -> None:
    slopes, ways = torch.zeros(6, 2, 4), torch.tensor([[1.0], [-1.0]]).repeat(3, 4)
    for scenes in (6, 1, 0):
        learned = learned_first_step(slopes[:scenes], ways[:scenes])
        assert (learned.is_learned, float(learned.foretold)) == (False, 0.0)


def test_ways_along_modes_are_those_that_planes_have_gone() -> None:
    model = untrained_model()
    give_modes(model)
    ways = torch.tensor([[0.5, -1.0], [2.0, 0.25]])
    overlaps, none = (overlaps_of(modes, 8) for modes in (model.modes, model.modes[:0]))
    assert torch.allclose(ways_along(model.modes, overlaps, moved_along(model.modes, ways, 8)), ways, atol=1e-4)
    assert ways_along(model.modes[:0], none, torch.zeros(2, *model.start_micro.shape)).shape == (2, 0)


def test_the_first_step_goes_where_slopes_say_and_few_follow(balls: Dataset) -> None:
    model, new = model_that_has_learned(), balls.select("test", "all")
    fitting = Fitting(model, new, 0)
    skipping = SkippingConfig()
    (part,) = parts_with_gradients(fitting.begin(PHASE, skipping), 0, fitting.everyone)
    micro, coefficients = (leaf.grad for leaf in part.leaves)
    assert micro is not None
    assert coefficients is not None
    expected = ways_of(model.first_step.matrix, torch.cat([slopes_along(model.modes, micro), coefficients], dim=1))

    fitting = Fitting(model, new, 0)
    work = fitting.begin(PHASE, skipping)
    take_step(work, 0, fitting.everyone)
    scenes = fitting.scenes
    ways = ways_along(model.modes, overlaps_of(model.modes, 8), scenes.micro.values - model.start_micro)
    gone = torch.cat([ways, scenes.coefficients.values - model.start_coefficients], dim=1)
    assert torch.allclose(gone, expected, rtol=1e-3, atol=1e-5)
    assert not torch.allclose(gone, torch.zeros_like(gone), atol=1e-3)

    places = []
    for step in range(1, 5):
        take_step(work, step, fitting.everyone)
        places.append(torch.cat([scenes.micro.values.flatten(1), scenes.coefficients.values], dim=1))
    first, second, *rest = places
    assert not torch.equal(first, second)
    assert all(torch.equal(second, place) for place in rest)


def test_without_a_learned_first_step_and_where_none_is_asked_for_steps_are_as_ever(balls: Dataset) -> None:
    new, ends = balls.select("test", "all"), []
    taught, untaught = model_that_has_learned(), model_that_has_learned()
    untaught.first_step = FirstStep()
    asked, not_asked = PHASE, replace(PHASE, steps_if_learned=0)
    for model, phase in ((untaught, not_asked), (untaught, asked), (taught, not_asked)):
        fitting = Fitting(model, new, 0)
        work = fitting.begin(phase, SkippingConfig())
        for step in range(6):
            take_step(work, step, fitting.everyone)
        ends.append(fitting.scenes.micro.values)
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])


def test_a_first_step_comes_back_as_it_was_saved_and_is_no_part_of_what_the_model_is(tmp_path: Path) -> None:
    model = model_that_has_learned()
    assert model.identity() == untrained_model().identity()
    model.save(tmp_path / "model")
    copy = CategoryModel.load(tmp_path / "model")
    assert torch.equal(copy.first_step.matrix, model.first_step.matrix)
    assert float(copy.first_step.foretold) == 0.25
    untrained_model().save(tmp_path / "model")  # in its place, without any
    assert not CategoryModel.load(tmp_path / "model").first_step.is_learned


def test_one_of_another_model_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    model = model_that_has_learned()
    model.first_step = FirstStep(model.first_step.matrix[1:], 0.25)
    model.save(tmp_path / "model")
    with pytest.raises(InputError, match=r"first_step\.safetensors: tensor 'matrix' has shape \[5, 5\], expected"):
        CategoryModel.load(tmp_path / "model")
    model_that_has_learned().save(tmp_path / "model")
    file = tmp_path / "model" / "first_step.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"first_step\.safetensors"):
        CategoryModel.load(tmp_path / "model")


def test_planes_of_more_texels_take_the_same_first_step(balls: Dataset) -> None:
    model, new, ways = model_that_has_learned(), balls.select("test", "all"), []
    for each in (model, upsampled(model, 16)):
        fitting = Fitting(each, new, 0)
        take_step(fitting.begin(PHASE, SkippingConfig()), 0, fitting.everyone)
        ways.append(fitting.scenes.coefficients.values - each.start_coefficients)
    assert torch.allclose(ways[0], ways[1], rtol=0.05, atol=1e-3)


def test_other_modes_leave_no_first_step(trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    give_first_step(model)
    model.save(tmp_path / "taught")
    bank, out = trained_balls / "trained_scenes", tmp_path / "model"
    cli.main(["modes", str(tmp_path / "taught"), str(bank), "--out", str(out)])
    assert CategoryModel.load(tmp_path / "taught").first_step.is_learned
    assert not CategoryModel.load(out).first_step.is_learned
