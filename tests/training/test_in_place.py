"""Steps of stage 2 on a CPU, in place: they are the same as any other."""

from dataclasses import replace

import pytest
import torch
from untrained import give_first_step, give_modes, untrained_model

from triptych.data import Dataset
from triptych.model import CategoryModel
from triptych.representation.config import PlaneConfig
from triptych.training.captured import Steps
from triptych.training.config import SkippingConfig
from triptych.training.fitting import Fitting
from triptych.training.in_place import InPlaceSteps, steps_of
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.step import take_step

SKIPPING = SkippingConfig(first_update=3, update_every=8)
PHASE = Phase(
    epochs=0.0,
    step_count=24,
    batch=2,
    pixels=48,
    rates=Rates(micro=1e-2, coefficients=1e-2, modes=0.1),
    weights=LossWeights(enc=0.5, opacity=0.1),
    final_factor=0.1,
    momentum=0.5,
    smoothing=1.0,
    mode_steps=8,
)
STAYS_IN_THE_END = replace(PHASE, milestones=(8.0,), milestone_factor=0.0)
PHASES = {
    "all that moves": PHASE,
    "coefficients at first": replace(PHASE, coefficient_steps=5),
    "micro planes alone": replace(PHASE, rates=Rates(micro=1e-2)),
    "coefficients alone": replace(PHASE, rates=Rates(coefficients=1e-2)),
    "modes alone": replace(PHASE, rates=Rates(modes=0.1)),
    "a learned first step": replace(PHASE, steps_if_learned=4),
    "a learned first step alone": replace(PHASE, rates=Rates(), steps_if_learned=4),
    "nothing in the end": STAYS_IN_THE_END,
    "odd samples": replace(PHASE, samples=9),
    "random colors": replace(PHASE, random_background=True),
}


@pytest.fixture
def model() -> CategoryModel:
    model = untrained_model(planes=PlaneConfig(resolution=8, micro_features=10, macro_features=6, base_planes=3))
    give_modes(model)
    give_first_step(model)
    return model


@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
def test_steps_in_place_give_what_others_give(balls: Dataset, model: CategoryModel, phase: Phase) -> None:
    states = []
    for in_place in (True, False):
        fitting = Fitting(model, balls.select("test", "all"), 0)
        work = fitting.begin(phase, SKIPPING)
        assert InPlaceSteps.can_take(work)
        steps = InPlaceSteps(work, fitting.everyone) if in_place else None
        for step in range(24):
            steps.take(step) if steps else take_step(work, step, fitting.everyone)
        states.append(fitting.scenes.state_dict())
    for name, expected in states[1].items():
        assert torch.allclose(states[0][name].float(), expected.float(), rtol=1e-3, atol=2e-5), name


OTHERS = {
    "whole views": replace(PHASE, pixels=None, weights=LossWeights(enc=1.0)),
    "total variation": replace(PHASE, weights=LossWeights(enc=1.0, tv=1e-4)),
}


@pytest.mark.parametrize("phase", OTHERS.values(), ids=OTHERS)
def test_what_needs_autograd_is_left_to_it(balls: Dataset, model: CategoryModel, phase: Phase) -> None:
    fitting = Fitting(model, balls.select("test", "all"), 0)
    take = steps_of(fitting.begin(phase, SKIPPING), fitting.everyone)
    assert isinstance(take.__self__, Steps)
    assert not InPlaceSteps.can_take(fitting.begin(PHASE, SKIPPING, mlp_rate=1e-3))
    assert not InPlaceSteps.can_take(fitting.begin(PHASE, SKIPPING, "reference"))
    take = steps_of(fitting.begin(PHASE, SKIPPING), fitting.everyone)
    assert isinstance(take.__self__, InPlaceSteps)
