"""The settings of stage 1 and stage 2; ``presets`` has those that are known to work."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from triptych.errors import InputError
from triptych.options import Options, Range
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.training.autoencoder_config import AutoencoderConfig, NewAutoencoder, Pretraining
from triptych.training.phase import Phase

Preset = Literal["quick", "colors", "best", "general", "latent", "paper"]
"""Names of the settings in ``presets``."""
DEFAULT_PRESET: Preset = "colors"
"""Where a user names none."""
Start = Literal["predicted", "mean"]
"""Where new scenes start."""
Moments = Literal["full", "lean"]
"""What Adam keeps for the micro planes of each scene."""
ON_A_CPU = 12
"""Scenes that stage 2 fits side by side where nothing else is asked for."""


@dataclass(frozen=True)
class SkippingConfig(Options):
    """Empty-space skipping while scenes are trained. Updates count the steps that a scene takes part in."""

    first_update: Annotated[int, Range(1, 10**9)] = 32
    """Steps before a scene is first sampled by its own occupancy; until then by that of its category, if any."""
    update_every: Annotated[int, Range(1, 10**9)] = 16
    """Steps between updates."""
    everywhere: bool = True
    """Whether at each update the scene is sampled everywhere once, so that the loss can fill a cell that was empty.
    It takes as long as several usual steps."""
    empty_optical_depth: Annotated[float, Range(0, 1000)] = 0.5
    """A cell is empty where matter of its density, filling the box, would have a smaller optical depth: hardly any for
    scenes that grow out of fog, that of rendering (25) for scenes that begin at a mean or predicted one, whose fog
    it takes away."""


@dataclass(frozen=True)
class Stage1Config(Options):
    """Stage 1: a category model from many scenes."""

    autoencoder: AutoencoderConfig
    planes: PlaneConfig
    mlp: MLPConfig
    sampling: SamplingConfig
    pretraining: Pretraining
    warmup: Phase
    joint: Phase
    skipping: SkippingConfig = field(default_factory=SkippingConfig)
    stage2: Preset = "quick"
    """Preset of stage 2 that suits the model's scenes: the model keeps it, and `triptych fit` starts from it."""
    direct_gain: Annotated[float, Range(0, 1000)] = 0.0
    """How strongly the first features act on density and channels through units of the tiny MLP that begin linear, so
    that a new scene can put matter where no other had any; channels by half of it. 0 begins with random units alone."""
    freed_features: Annotated[int, Range(0, 1024)] = 0
    """Macro features that belong to each scene once stage 1 is done: sharing trains what is shared, new scenes are
    freer. They take more bytes."""
    modes: Annotated[int, Range(0, 4096)] = 0
    """Modes of variation of the trained scenes that the model keeps for new ones: each takes a byte for every number of
    a scene's micro planes."""
    moments: Moments = "full"
    """Adam's moments of micro planes: full, or lean, which takes about half the memory of planes and moments together,
    for very many scenes: the first moment in bfloat16, one second moment for all features of a texel."""

    @property
    def left_planes(self) -> PlaneConfig:
        """The planes that new scenes have."""
        planes, freed = self.planes, self.freed_features
        return replace(
            planes, micro_features=planes.micro_features + freed, macro_features=planes.macro_features - freed
        )

    def contradictions(self) -> Iterator[tuple[str, str]]:
        planes, freed = self.planes, self.freed_features
        if any(planes.contradictions()):  # those come first
            return
        if freed and planes.combine == "sum":
            yield "freed_features", f"is {freed}, but planes that are added have none that could be; concatenate them"
        elif freed >= max(planes.macro_features, 1):
            yield "freed_features", f"is {freed}, expected fewer than the {planes.macro_features} macro_features"

    @property
    def leaves_autoencoder_random(self) -> bool:
        """Whether a new autoencoder would keep the weights that it begins with."""
        learns = self.pretraining.epochs or (self.joint.rates.encoder and not self.joint.is_empty)
        return isinstance(self.autoencoder, NewAutoencoder) and not learns


@dataclass(frozen=True)
class Stage2Config(Options):
    """Stage 2: further scenes, fitted one by one with everything shared frozen (by default)."""

    latent: Phase
    """L_Enc on cached latents."""
    image: Phase
    """L_Dec through the decoder."""
    scenes_at_once: Annotated[int, Range(1, 65_536)] | None = None
    """Scenes fitted side by side; it changes the speed, not the result. If not given, 12, and on a GPU of this process
    as many as half of its free memory holds."""
    skipping: SkippingConfig = field(default_factory=SkippingConfig)
    finetune_shared: bool = False
    """The published recipe: train base planes, MLP and decoder along on all new scenes together."""
    start: Start = "predicted"
    """Where scenes start: where the model's predictor says, if it has one, or at the mean of the trained scenes. With
    finetune_shared, whose tiny MLP is a new one, always at the mean."""

    def longer(self, factor: float) -> "Stage2Config":
        """The same with so many times the epochs of both phases."""
        return replace(self, latent=self.latent.longer(factor), image=self.image.longer(factor))

    def lasting(self, epochs: float) -> "Stage2Config":
        """The same with so many epochs in both phases together, shared out as they are now.

        Raises:
            InputError: there are none to share out.
        """
        now = self.latent.epochs + self.image.epochs
        if not epochs:
            return self.longer(0.0)
        if not now:
            raise InputError(
                f"--epochs shares out the epochs of both phases, and these settings count steps instead: give "
                f"--latent.step-count, which is {self.latent.step_count} now, or --epochs 0 for none"
            )
        return self.longer(epochs / now)
