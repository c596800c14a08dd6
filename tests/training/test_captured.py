"""Steps of stage 2 that a GPU records and repeats: they are the same as any other."""

import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from untrained import give_first_step, give_modes, untrained_model

from triptych.data import Dataset
from triptych.model import CategoryModel
from triptych.training import captured
from triptych.training.captured import Recording, Steps
from triptych.training.config import SkippingConfig
from triptych.training.fitting import Fitting
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.step import draw_pixels, take_step

SKIPPING = SkippingConfig(first_update=3, update_every=8)
PHASE = Phase(
    epochs=0.0,
    step_count=24,
    batch=2,
    pixels=32,
    rates=Rates(micro=1e-2, coefficients=1e-2, modes=0.1),
    weights=LossWeights(enc=1.0, tv=1e-4, opacity=0.1),
    final_factor=0.1,
    smoothing=1.0,
    mode_steps=8,
)
WHOLE_VIEWS = replace(PHASE, pixels=None, weights=LossWeights(enc=1.0))
STILL_IN_THE_END = replace(PHASE, milestones=(8.0,), milestone_factor=0.0)


@pytest.fixture
def model(trained_balls: Path) -> CategoryModel:
    model = CategoryModel.load(trained_balls / "model")
    give_modes(model)
    give_first_step(model)
    return model


class Begun:
    """Scenes that are fitted, and what a user is told meanwhile."""

    def __init__(self, model: CategoryModel, dataset: Dataset, phase: Phase = PHASE) -> None:
        self.notes: list[str] = []
        self.fitting = Fitting(model, dataset, 0, note=self.notes.append)
        self.work = self.fitting.begin(phase, SKIPPING)
        self.steps = Steps(self.work, self.fitting.everyone)

    def state(self) -> dict[str, torch.Tensor]:
        return self.fitting.scenes.state_dict()


def taken_one_by_one(model: CategoryModel, dataset: Dataset, phase: Phase = PHASE) -> dict[str, torch.Tensor]:
    begun = Begun(model, dataset, phase)
    for step in range(24):
        take_step(begun.work, step, begun.fitting.everyone)
    return begun.state()


def assert_alike(state: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    for name, tensor in expected.items():
        assert torch.allclose(state[name].float(), tensor.float(), rtol=1e-4, atol=1e-5), name


def test_pictures_larger_than_a_phase_suits_are_fitted_on_more_pixels(model: CategoryModel, balls: Dataset) -> None:
    height, width = model.latent_size_of(*balls.picture_size)
    scenes = balls.select("test")
    suited = Begun(model, scenes, replace(PHASE, suited_side=height // 2))
    drawn = draw_pixels(suited.work, suited.fitting.everyone.choose(0, PHASE.batch), 0)
    assert height == width
    assert len(drawn.jitter) == 2 * 32 * len(scenes)
    assert suited.work.phase.rates.micro == pytest.approx(2 ** (1 / 3) * PHASE.rates.micro)


def test_planes_of_more_texels_than_a_phase_suits_are_smoothed_over_more_of_them(
    model: CategoryModel, balls: Dataset
) -> None:
    phase = replace(PHASE, suited_texels=model.config.planes.resolution // 2)
    assert Begun(model, balls.select("test"), phase).work.phase.smoothing == 2 * PHASE.smoothing


def test_recorded_steps_give_what_others_give(
    balls: Dataset, model: CategoryModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, others = balls.select("test", "all"), []
    expected = taken_one_by_one(model, dataset)
    monkeypatch.setattr(captured, "take_step", lambda work, step, *_: others.append(step) or take_step(work, step, *_))
    begun = Begun(model, dataset)
    for step in range(24):
        begun.steps.take(step)
    assert_alike(begun.state(), expected)
    # The first two of each kind, and those in which empty cells are looked up.
    assert others == [0, 1, 3, 8, 9, 10, 11, 19]
    assert not begun.notes


def test_recorded_steps_draw_other_colors_behind_objects_each(balls: Dataset) -> None:
    model, phase = untrained_model(), replace(PHASE, random_background=True)
    give_modes(model)
    begun = Begun(model, balls.select("test", "all"), phase)
    for step in range(24):
        begun.steps.take(step)
    assert_alike(begun.state(), taken_one_by_one(model, balls.select("test", "all"), phase))
    assert not begun.notes


def test_one_recording_at_a_time_takes_memory(
    balls: Dataset, model: CategoryModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, made = weakref.WeakSet[Recording](), []

    def recorded(*args: Any) -> Recording:
        recording = Recording(*args)
        kept.add(recording)
        made.append(len(kept))
        return recording

    monkeypatch.setattr(captured, "Recording", recorded)
    begun = Begun(model, balls.select("test", "all"))
    for step in range(24):
        begun.steps.take(step)
    assert made == [1, 1]  # along modes, and without them or smoothed gradients; there is one step of the kind between


OTHERS = {
    "whole views": WHOLE_VIEWS,
    "coefficients alone": replace(PHASE, rates=Rates(coefficients=1e-2)),
    "nothing in the end": STILL_IN_THE_END,
    "a learned first step": replace(PHASE, steps_if_learned=4),
}


@pytest.mark.parametrize("phase", OTHERS.values(), ids=OTHERS)
def test_whole_views_parts_that_stay_and_a_learned_first_step_are_no_exception(
    phase: Phase, balls: Dataset, model: CategoryModel
) -> None:
    begun = Begun(model, balls.select("test", "all"), phase)
    for step in range(24):
        begun.steps.take(step)
    assert_alike(begun.state(), taken_one_by_one(model, balls.select("test", "all"), phase))


def test_where_a_gpu_cannot_record_steps_are_taken_all_the_same(
    balls: Dataset, model: CategoryModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Recording:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate\nmuch")

    monkeypatch.setattr(captured, "Recording", fail)
    begun = Begun(model, balls.select("test", "all"))
    for step in range(24):
        begun.steps.take(step)
    assert_alike(begun.state(), taken_one_by_one(model, balls.select("test", "all")))
    assert begun.notes == [
        "note: steps are not recorded, which gives the same, and takes longer: CUDA out of memory. Tried to allocate"
    ]


def test_a_recording_works_on_its_own_copies() -> None:
    sums = torch.zeros(2)
    shaped = torch.zeros(2), torch.zeros(2)
    recording = Recording(lambda a, b: sums.add_(a * b), shaped, torch.device("cpu"))
    assert not sums.any()
    for factor in (1.0, 2.0):
        given = torch.tensor([factor, 3.0]), torch.tensor([4.0, 5.0])
        recording(given)
    assert sums.tolist() == [12.0, 30.0]
    assert not any(tensor.any() for tensor in shaped)
