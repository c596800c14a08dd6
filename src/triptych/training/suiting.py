"""A phase as it suits the scenes that it meets: how large their pictures and planes are, how many views show them."""

import math
from dataclasses import replace
from typing import NamedTuple

from triptych.training.phase import Phase

_TRUSTED = 0.3
"""Share of how scenes go that a first step foretells of categories that are trusted where few views look."""


class Setting(NamedTuple):
    """What the steps of a phase meet.

    Attributes:
        height: of latent images.
        width: the same.
        texels: along a side of the planes.
        views: of a scene, on the mean.
        foretold: how well the category's first step foretells how new scenes go, see `triptych.model.first_step`; 0
            where it has learned none.
    """

    height: int
    width: int
    texels: int
    views: float
    foretold: float = 0.0


def suited(phase: Phase, scenes: Setting) -> Phase:
    """The phase for these scenes and its own length, see its ``suited_side``, ``suited_texels``, ``suited_steps`` and
    ``suited_views``; without a learned first step where there is none."""
    if not scenes.foretold:
        phase = replace(phase, steps_if_learned=0)
    return phase if phase.pixels is None else _on_pixels(phase, phase.pixels, scenes)


def _on_pixels(phase: Phase, pixels: int, scenes: Setting) -> Phase:
    side = math.sqrt(scenes.height * scenes.width)
    larger = max(side / phase.suited_side, 1.0) if phase.suited_side else 1.0
    finer = max(scenes.texels / phase.suited_texels, 1.0) if phase.suited_texels else 1.0
    shorter = 1.0
    if phase.suited_steps and phase.step_count:
        shorter = min((phase.suited_steps / phase.step_count) ** 0.2, 1.5)
    seen = min(scenes.views / phase.suited_views, 1.0) if phase.suited_views else 1.0
    trust = min(scenes.foretold / _TRUSTED, 1.0)
    further = max(larger / finer, 1.0) ** (1 / 3) * shorter * seen ** (0.35 + 0.4 * trust)
    longer, with_base = seen**-trust, phase.coefficient_steps
    return replace(
        phase,
        pixels=round(larger * pixels),
        edge_fade=round(larger * phase.edge_fade) if phase.edge_fade else None,
        smoothing=phase.smoothing * finer / math.sqrt(larger),
        rates=replace(phase.rates, micro=further * phase.rates.micro),
        mode_steps=round(longer * phase.mode_steps),
        coefficient_steps=None if with_base is None else round(longer * with_base),
        steps_if_learned=round(longer * phase.steps_if_learned),
    )
