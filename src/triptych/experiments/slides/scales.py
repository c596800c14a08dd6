"""How large everything of the slides is: on a laptop, and as published."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from triptych.autoencoder import ConvolutionalConfig
from triptych.experiments.config import ScaleName
from triptych.representation.config import MLPConfig, SamplingConfig
from triptych.training.autoencoder_config import NewAutoencoder, NoAutoencoder, Pretraining
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.presets import STAGE1, STAGE2
from triptych.training.single.config import OwnPlanesConfig, SingleTriPlanes


@dataclass(frozen=True)
class Scale:
    """How large everything is.

    Attributes:
        train_scenes: scenes of stage 1, N_train.
        exploit_scenes: never-seen scenes that are fitted and measured.
        stage1: stage 1 of ours, but for where its autoencoder starts.
        stage2: stage 2 of ours.
        image_stage1: stage 1 of the methods with shared parts in image space.
        image_stage2: their stage 2.
        rgb: tri-planes in image space, each scene by itself.
        prior: a stage 1 that stops after the pre-training of the autoencoder; None where ``stage1`` names one.
        latent_budgets: shares of the epochs of stage 2 for quality against time.
        rgb_budgets: the same for the steps of RGB tri-planes.
        budget_scenes: how many exploit scenes quality against time is measured on.
    """

    train_scenes: int
    exploit_scenes: int
    stage1: Stage1Config
    stage2: Stage2Config
    image_stage1: Stage1Config
    image_stage2: Stage2Config
    rgb: SingleTriPlanes
    prior: Stage1Config | None
    latent_budgets: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    rgb_budgets: tuple[float, ...] = (0.125, 0.25, 0.5, 1.0)
    budget_scenes: int = 6


_IMAGE_SPACE = NoAutoencoder()
_LAPTOP_RATES = Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2)

_LATENT = STAGE1["latent"]
_LAPTOP_STAGE1 = replace(
    _LATENT,
    autoencoder=NewAutoencoder(network=ConvolutionalConfig(channels=8, downscale=2, width=64, blocks=2)),
    planes=replace(_LATENT.planes, resolution=48),
    sampling=SamplingConfig(coarse=40, importance=0),
    pretraining=Pretraining(epochs=0.0),
    warmup=replace(_LATENT.warmup, epochs=2.0),
    joint=replace(_LATENT.joint, epochs=8.0),
)

LAPTOP = Scale(
    train_scenes=40,
    exploit_scenes=12,
    stage1=_LAPTOP_STAGE1,
    stage2=STAGE2["latent"],
    image_stage1=replace(
        _LAPTOP_STAGE1,
        autoencoder=_IMAGE_SPACE,
        mlp=MLPConfig(hidden=64, hidden_activation="relu", channel_activation="sigmoid"),
        # L_Enc in image space is the squared error of the picture itself; each view has four times as many rays.
        warmup=Phase(epochs=0.0, batch=4, rates=_LAPTOP_RATES, weights=LossWeights(enc=1.0, tv=1e-4)),
        joint=Phase(epochs=4.0, batch=4, rates=_LAPTOP_RATES, weights=LossWeights(enc=1.0, tv=1e-4), final_factor=0.03),
    ),
    image_stage2=Stage2Config(
        latent=Phase(
            epochs=4.0,
            batch=2,
            rates=Rates(micro=2e-2, coefficients=1e-2),
            weights=LossWeights(enc=1.0),
            final_factor=0.05,
        ),
        image=Phase(epochs=0.0, batch=2, rates=Rates(), weights=LossWeights(enc=1.0)),
    ),
    rgb=SingleTriPlanes(planes=OwnPlanesConfig(48, 32), steps=500),
    prior=replace(
        _LAPTOP_STAGE1,
        pretraining=Pretraining(epochs=4.0, batch=8, rate=8e-3),
        warmup=replace(_LAPTOP_STAGE1.warmup, epochs=0.0),
        joint=replace(_LAPTOP_STAGE1.joint, epochs=0.0),
    ),
)
"""Two cores; 92 minutes for both categories."""

_PAPER_RATES = Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2)
PAPER = Scale(
    train_scenes=500,
    exploit_scenes=100,
    stage1=STAGE1["paper"],
    stage2=STAGE2["paper"],
    image_stage1=replace(
        STAGE1["paper"],
        autoencoder=_IMAGE_SPACE,
        warmup=replace(STAGE1["paper"].warmup, epochs=0.0),
        joint=Phase(epochs=100.0, batch=32, rates=_PAPER_RATES, weights=LossWeights(enc=1.0, tv=1e-4)),
    ),
    image_stage2=Stage2Config(
        latent=Phase(epochs=80.0, batch=32, rates=_PAPER_RATES, weights=LossWeights(enc=1.0)),
        image=Phase(epochs=0.0, batch=32, rates=Rates(), weights=LossWeights(enc=1.0)),
    ),
    rgb=SingleTriPlanes(planes=OwnPlanesConfig(64, 32), sampling=SamplingConfig(48, 48), steps=20000),
    prior=None,
)
"""The published sizes: Stable-Diffusion's autoencoder, a GPU."""

SCALES: Mapping[ScaleName, Scale] = {"laptop": LAPTOP, "paper": PAPER}
