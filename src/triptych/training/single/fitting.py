"""The loop that fits a scene by itself: whatever it is made of, in whichever space."""

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.representation.config import SamplingConfig
from triptych.representation.field import Field
from triptych.representation.kernels import Comparison, squared_error
from triptych.representation.render import random_places
from triptych.training.loop import Steps, seed_stream, step_generator
from triptych.training.random_background import random_colors
from triptych.training.schedule import Schedule
from triptych.training.single.config import SingleConfig
from triptych.training.single.fields import SingleField
from triptych.training.single.targets import Targets

PHASE = "single"
"""The one phase of a run that fits a scene by itself."""


def fit_field(fitted: SingleField, targets: Targets, config: SingleConfig, seed: int, loop: Steps) -> None:
    """Take all steps that are still to be taken.

    Args:
        fitted: what is fitted.
        targets: what it is to look like.
        config: all settings.
        seed: of rays and samples.
        loop: a run's, whose only phase is ``PHASE``, or one that takes a few of its steps.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, after saving.
    """
    schedule = Schedule(config.steps, final=config.final_factor)
    for step in loop.steps(PHASE, config.steps, fitted.training_state):
        generator = step_generator(seed_stream(seed), step.number)
        field, drawn = fitted.begin_step(), targets.draw(config.pixel_counts, step.number)
        if config.random_background:
            drawn = drawn.over(random_colors(len(drawn.channels), generator))
        loss = _squared_error(field, drawn, config, generator) + fitted.penalty(field, generator)
        loss.backward()
        fitted.end_step(schedule.factor(step.number))
        step.report({"loss": loss}, {"loss": loss})


def _squared_error(
    field: Field, targets: Targets, config: SingleConfig, generator: torch.Generator
) -> Float[Tensor, ""]:
    """Mean over the rays of a scene, summed over scenes: the gradient of one must not shrink with its neighbors."""
    sampling, weight = config.fitted_sampling, config.opacity_weight
    loss = _rendered_error(field, targets, sampling, weight, generator)
    if field.proposal is not field:
        # A network that places samples learns from its own coarse rendering (NeRF, equation 6).
        coarse = SamplingConfig(sampling.coarse, 0)
        loss = loss + _rendered_error(field.proposal, targets, coarse, weight, generator)
    return loss * len(targets.rays.per_scene)


def _rendered_error(
    field: Field, targets: Targets, sampling: SamplingConfig, opacity_weight: float, generator: torch.Generator
) -> Float[Tensor, ""]:
    jitter = random_places(targets.rays, [generator] * len(targets.rays.per_scene))
    comparison = Comparison(
        targets.channels, targets.background, opacities=targets.opacities, opacity_weight=opacity_weight
    )
    return squared_error(field, targets.rays, sampling, jitter, comparison)
