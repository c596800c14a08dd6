"""The settings of training a predictor."""

from dataclasses import dataclass, field
from typing import Annotated

from triptych.model.predictor import PredictorConfig
from triptych.options import Options, Range
from triptych.training.phase import Batch, LossWeights, PixelCounts, Rate, Share, Steps
from triptych.training.schedule import Schedule


@dataclass(frozen=True)
class PredictorTraining(Options):
    """How the predictor of a category model is trained."""

    network: PredictorConfig = field(default_factory=PredictorConfig)
    """Its size."""
    steps: Steps = 4000
    """Steps; 0 goes on with the predictor that the model has, by `repeat_steps`."""
    scenes_per_step: Batch = 1
    """Scenes that are predicted and compared in each step: on a GPU 16 take little longer than one."""
    rate: Rate = 2e-3
    """Adam's step size after the ramp; it falls along a cosine to a hundredth."""
    repeat_steps: Steps = 1000
    """Steps that follow, in which the last correction alone learns to correct again what it has corrected."""
    repeat_rate: Rate = 6e-4
    """Adam's step size in these steps; it rises and falls like that of the others."""
    ramp_steps: Steps = 100
    """Steps over which each rate rises from 0."""
    clip: Annotated[float, Range(1e-9, 1_000_000)] = 1.0
    """Largest gradient norm."""
    weights: LossWeights = field(default_factory=lambda: LossWeights(enc=0.5, dec=1.0, opacity=0.1))
    """Weights of L_Enc, of opacities in it, and of L_Dec, which is left out in image space."""
    samples: Annotated[int, Range(1, 4096)] = 32
    """Stratified samples of a ray; each latent pixel is rendered by one."""
    pixels: Annotated[int, Range(1, 1_000_000)] = 4096
    """Random latent pixels of the views asked for by which L_Enc is taken."""
    crop_share: Share = 0.9
    """Share of these pixels from the box around what each view shows; the rest is from everywhere."""
    most_views: Batch = 16
    """Most views that a scene is predicted from; from how many is drawn for each step, few more often than many."""
    asked_views: Batch = 3
    """Further views that the prediction is compared with by L_Enc."""
    decoded_views: Batch = 2
    """How many of them it is compared with by L_Dec."""
    held_out: Annotated[int, Range(0, 1000)] = 4
    """Scenes at the end of the data that are not trained on but measured."""
    measurements: Annotated[int, Range(1, 10_000)] = 20
    """How often they are measured."""

    @property
    def pixel_counts(self) -> PixelCounts:
        """How many random pixels of each set of views L_Enc is taken on."""
        return PixelCounts.shared_out(self.pixels, self.crop_share)

    def schedule(self, steps: int) -> Schedule:
        """What the rate of so many steps is multiplied by."""
        return Schedule(steps, ramp=self.ramp_steps, final=0.01, decay="cosine")
