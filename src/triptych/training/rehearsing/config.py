"""The settings of rehearsing new scenes."""

from dataclasses import dataclass
from typing import Annotated

from triptych.options import Options, Range
from triptych.training.phase import Rate, Share, Steps


@dataclass(frozen=True)
class Rehearsing(Options):
    """How new scenes are rehearsed."""

    rounds: Steps = 40
    """How often some scenes are fitted anew."""
    scenes_per_round: Annotated[int, Range(1, 65_536)] = 5
    """Scenes that are fitted side by side in a round."""
    step_count: Annotated[int, Range(1, 10_000_000)] = 48
    """Steps in which they are fitted: about as many as new scenes are to be good after, or fewer."""
    mlp_rate: Rate = 5e-3
    """Adam's step size of the tiny MLP in the first round."""
    start_share: Share = 0.05
    """How far the start moves toward the mean of a round's fitted scenes, in the first round."""
    final_factor: Annotated[float, Range(1e-9, 1)] = 0.1
    """Both fall exponentially to this share."""
    first_step_scenes: Annotated[int, Range(0, 65_536)] = 128
    """After the rounds, so many of the scenes, evenly chosen, are fitted once more, and a model with modes of variation
    learns from how they went which first step along these and base planes a new scene is to take; 0 for none."""
    held_out: Annotated[int, Range(0, 1000)] = 4
    """Scenes at the end of the data that are not rehearsed but measured."""
    measurements: Annotated[int, Range(1, 10_000)] = 4
    """How often they are measured, beside once at the start."""
