"""One stretch of optimization: its length, batch, step sizes, losses, and which rays it looks at."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

from triptych.options import Options, Range
from triptych.representation.config import SamplingConfig
from triptych.training.move import MOMENTUM, Move
from triptych.training.schedule import Schedule

Epochs = Annotated[float, Range(0, 1_000_000)]
Steps = Annotated[int, Range(0, 10_000_000)]
Batch = Annotated[int, Range(1, 65_536)]
Rate = Annotated[float, Range(0, 10)]
Weight = Annotated[float, Range(0, 1_000_000)]
Share = Annotated[float, Range(0, 1)]
FinalFactor = Annotated[float, Range(1e-9, 1)]
Momentum = Annotated[float, Range(0, 0.9999)]


@dataclass(frozen=True)
class Rates(Options):
    """Adam's step sizes; 0 freezes the part."""

    micro: Rate = 0.0
    """Micro planes of the scenes."""
    coefficients: Rate = 0.0
    """Coefficients of the scenes."""
    base: Rate = 0.0
    """Base planes."""
    mlp: Rate = 0.0
    """Tiny MLP."""
    encoder: Rate = 0.0
    """Encoder."""
    decoder: Rate = 0.0
    """Decoder."""
    modes: Rate = 0.0
    """New scenes along the modes of variation of their category, in standard deviations, beside their micro planes'
    own steps; for models that have modes."""


class PixelCounts(NamedTuple):
    """How many random pixels of each scene a step takes.

    Attributes:
        all: of them together.
        in_boxes: those from the boxes around what views show; the others are from everywhere.
        along_edges: those of the boxes that lie where pictures change.
    """

    all: int
    in_boxes: int
    along_edges: int = 0

    @classmethod
    def shared_out(cls, count: int, crop_share: float, edge_share: float = 0.0) -> "PixelCounts":
        """So many, a share of them from the boxes, and a share of those along edges."""
        in_boxes = round(crop_share * count)
        return cls(count, in_boxes, round(edge_share * in_boxes))


@dataclass(frozen=True)
class LossWeights(Options):
    """Weights of the loss terms (means over pixels of squared errors)."""

    ae: Weight = 0.0
    """L_ae: image against its own decoded latent."""
    enc: Weight = 0.0
    """L_Enc: encoded latent against rendered latent."""
    dec: Weight = 0.0
    """L_Dec: image against decoded rendered latent."""
    tv: Weight = 0.0
    """Total variation of the planes of the scenes in the batch."""
    opacity: Weight = 0.0
    """What the squared error of a pixel's opacity counts beside that of its latent in L_Enc, where pictures have alpha
    or masks: matter of the background's color does not pass for nothing. For random pixels alone."""


@dataclass(frozen=True)
class Phase(Options):
    """One stretch of optimization."""

    epochs: Epochs
    """Passes over all training views; 0 leaves the phase out."""
    batch: Batch
    """Views in a step."""
    rates: Rates
    """Step sizes at the start."""
    weights: LossWeights
    """Which losses count, and how much."""
    momentum: Momentum = MOMENTUM
    """What Adam's running mean of the micro planes' gradients keeps per step (beta1); that of all others keeps 0.9.
    With few random pixels, most texels see no ray in most steps; momentum would move them on by one pixel's word."""
    smoothing: Annotated[float, Range(0, 64)] = 0.0
    """Deviation, in texels, of a Gaussian that smooths the gradients of micro planes: what a pixel says holds for its
    neighbors at first. It falls to 0, with the cube of the share of the phase that is left."""
    mode_steps: Steps = 16
    """Steps from the start in which scenes move along modes of variation, while that rate falls to its `final_factor`:
    they are a quick way to where single texels decide."""
    coefficient_steps: Steps | None = None
    """Steps from the start in which coefficients move; all if not given. Where micro planes move far faster, the base
    planes of a new scene are found by then, and a step without them is shorter."""
    steps_if_learned: Steps = 0
    """Where the category has learned the first step of new scenes along modes and base planes (`triptych rehearse`
    teaches it): take it, and go on along both for so many steps at most; 0 to do without it."""
    ramp_steps: Steps = 0
    """Steps over which the rates rise from 0."""
    final_factor: FinalFactor = 1.0
    """The rates fall exponentially to this share of their start."""
    milestones: tuple[Epochs, ...] = ()
    """Epochs at which the rates are multiplied by `milestone_factor`."""
    milestone_factor: Share = 0.3
    """What each milestone multiplies the rates by."""
    freeze_mlp_from: Epochs | None = None
    """Epoch from which the tiny MLP is frozen; never if not given."""
    one_ray_share: Share = 0.0
    """Share of the phase, from its start, in which a latent pixel is rendered by one ray, through its middle, even
    where the model's sampling has several: much faster, and less accurate between the views."""
    shift_views: bool = False
    """Move each picture by a random part of a latent pixel, in whole image pixels, so that rays pass everywhere
    between those through the middles of the latent pixels; latents are then encoded in each step, not cached."""
    samples: Annotated[int, Range(1, 4096)] | None = None
    """Stratified samples of a ray; as many as the model renders with if not given."""
    diagonal_rays: bool = False
    """Where a latent pixel has several rays, render those on one of its diagonals, on another one in each step."""
    whole_share: Share = 1.0
    """Share of the steps that compare whole views. The others encode, render and decode only the part of each view
    that shows something before the background; where that is none, where the autoencoder looks at all of a picture at
    once, and on a GPU they compare whole views, too."""
    step_count: Steps | None = None
    """Steps of the phase, however many views there are; if not given, `epochs` decide."""
    pixels: Annotated[int, Range(1, 1_000_000)] | None = None
    """Latent pixels of each scene in a step, spread evenly over all of the step's views of it, in place of whole views;
    with a ray through the middle of each. For L_Enc alone, with the encoder frozen: many views in a small step converge
    faster than few in a large one."""
    suited_side: Annotated[int, Range(1, 65_536)] | None = None
    """Side of the latent images that `pixels`, `smoothing` and the rate of micro planes suit. Of larger ones a step
    takes so many times more pixels as their sides are longer, smooths less, by the root of that, and moves micro planes
    further, by its cube root, since more pixels agree on where to; not given, all three hold whatever the size."""
    suited_texels: Annotated[int, Range(1, 4096)] | None = None
    """Texels along a side of the planes that `smoothing` suits. In planes of more texels, such as those that
    `triptych upsample` leaves, it reaches as far across the box, and `suited_side` moves them less far, since fewer
    pixels meet each; not given, it reaches over as many texels. Both are for random pixels alone."""
    suited_steps: Annotated[int, Range(1, 10_000_000)] | None = None
    """Steps that the rate of micro planes suits. It is higher in shorter phases and lower in longer ones, as the power
    -0.2 of their steps, and half as high again at most; not given, it is the same in all. For random pixels alone."""
    suited_views: Annotated[int, Range(1, 1_000_000)] | None = None
    """Views of a scene that the rate of micro planes suits. Of fewer ones, planes move less far, and where the category
    has learned a first step that foretells how new scenes go, less far still, while scenes go along modes and base
    planes for longer: these alone know what no view shows. Not given, it is the same for any number of views. For
    random pixels alone."""
    crop_share: Share = 0.9
    """Share of these pixels from the box around what each view shows; the rest is from everywhere."""
    edge_share: Share = 0.0
    """Share of those from the boxes that lie where pictures change from pixel to pixel instead, in proportion to the
    root of how much: along outlines and in details, which a fit gets right last."""
    edge_ramp: Steps = 16
    """Steps over which that share rises from 0: first, all of an object is to be found."""
    edge_fade: Annotated[int, Range(1, 10_000_000)] | None = None
    """Steps after which half of that share is left; it falls as 1 / (1 + (step / `edge_fade`)^2), since pixels have
    come again and again by then, and plain ones count as much. It does not fall if not given. `suited_side` makes it
    longer on larger pictures, as their pixels are more."""
    random_background: bool = False
    """Lay each of these pixels, and what is rendered there, over a random color of its own, another one in each step:
    matter of the background's color does not pass for nothing. In image space alone, for pictures with alpha or
    masks."""
    least_views: Annotated[int, Range(1, 1_000_000)] = 1
    """Views that an epoch counts as at least: a scene of few views then takes as many steps as one of so many."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        weights = self.weights
        if self.pixels and (not weights.enc or weights.ae or weights.dec or self.rates.encoder or self.shift_views):
            yield "pixels", "are for L_Enc alone, with the encoder frozen and views that stay in place"
        if weights.opacity and not self.pixels:
            yield "weights.opacity", f"is {weights.opacity:g}, which is for phases on random pixels; set pixels, too"
        if self.edge_share and not self.pixels:
            yield "edge_share", f"is {self.edge_share:g}, which is for phases on random pixels; set pixels, too"
        if self.random_background and not self.pixels:
            yield "random_background", "is for phases on random pixels; set pixels, too"

    @property
    def is_empty(self) -> bool:
        """Whether it has no steps at all."""
        return not (self.epochs if self.step_count is None else self.step_count)

    def steps(self, views: int) -> int:
        """Number of steps over ``views`` training views."""
        if self.step_count is not None:
            return self.step_count
        return math.ceil(self.epochs * self._counted(views) / self.batch)

    def sampling(self, of_model: SamplingConfig, step: int, views: int) -> SamplingConfig:
        """How rays are sampled at a step, where scenes are rendered with ``of_model``."""
        one_ray = bool(self.pixels) or step < self.one_ray_share * self.steps(views)
        return replace(
            of_model,
            coarse=of_model.coarse if self.samples is None else self.samples,
            supersample=1 if one_ray else of_model.supersample,
        )

    def pixel_counts(self, step: int) -> PixelCounts:
        """How many random pixels of each scene a step takes."""
        assert self.pixels is not None
        risen = min(step / self.edge_ramp, 1.0) if self.edge_ramp else 1.0
        left = 1 / (1 + (step / self.edge_fade) ** 2) if self.edge_fade else 1.0
        return PixelCounts.shared_out(self.pixels, self.crop_share, risen * left * self.edge_share)

    def diagonal(self, step: int, sampling: SamplingConfig) -> int | None:
        """Which diagonal of the rays of a latent pixel is rendered at a step; None for all rays."""
        return step % sampling.supersample if self.diagonal_rays else None

    def compares_whole_views(self, step: int) -> bool:
        """Whether a step compares whole views, not only the parts that show the objects."""
        return math.floor((step + 1) * self.whole_share) > math.floor(step * self.whole_share)

    def mlp_is_frozen(self, step: int, views: int) -> bool:
        """Whether the tiny MLP stays as it is at a step."""
        return self.freeze_mlp_from is not None and step * self.batch / self._counted(views) >= self.freeze_mlp_from

    def move(self, step: int, views: int) -> Move:
        """How a step over ``views`` training views moves scenes."""
        factor, steps = self.schedule(views).factor(step), self.steps(views)
        most = self.steps_if_learned or steps
        along = min(steps, most, self.mode_steps)
        with_base = most if self.coefficient_steps is None else min(most, self.coefficient_steps)
        return Move(
            factor * self.rates.micro,
            factor * self.rates.coefficients if step < with_base else 0.0,
            self.rates.modes * Schedule(along, final=self.final_factor).factor(step) if step < along else 0.0,
            self.momentum,
            self.smoothing * (1 - step / steps) ** 3,
            as_learned=bool(self.steps_if_learned) and step == 0,
        )

    def schedule(self, views: int) -> Schedule:
        """What the rates are multiplied by over ``views`` training views."""
        milestones = tuple(epoch * self._counted(views) / self.batch for epoch in self.milestones)
        return Schedule(
            self.steps(views),
            ramp=self.ramp_steps,
            final=self.final_factor,
            milestones=milestones,
            milestone_factor=self.milestone_factor,
        )

    def longer(self, factor: float) -> "Phase":
        """The same with so many times the epochs or steps, milestones included."""
        frozen, steps = self.freeze_mlp_from, self.step_count
        return replace(
            self,
            epochs=factor * self.epochs,
            step_count=None if steps is None else round(factor * steps),
            milestones=tuple(factor * epoch for epoch in self.milestones),
            freeze_mlp_from=None if frozen is None else factor * frozen,
        )

    def _counted(self, views: int) -> int:
        return max(views, self.least_views)
