"""Settings of a few steps each, so that whole experiments take seconds; what they reach is nobody's test."""

from dataclasses import replace

from balls import tiny_stage1, tiny_stage2

from triptych.experiments.slides.scales import Scale
from triptych.representation.config import SamplingConfig
from triptych.training.autoencoder_config import NoAutoencoder, Pretraining
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.phase import Phase
from triptych.training.single.config import OwnPlanesConfig, SingleTriPlanes

RGB = SingleTriPlanes(planes=OwnPlanesConfig(8, 8), sampling=SamplingConfig(8, 0), steps=4, rays=64)


def short(phase: Phase, epochs: float = 0.2) -> Phase:
    return replace(phase, epochs=epochs, batch=4)


def stage1() -> Stage1Config:
    config = replace(tiny_stage1(), pretraining=Pretraining(epochs=0.0))
    return replace(config, warmup=short(config.warmup), joint=short(config.joint))


def stage2() -> Stage2Config:
    config = tiny_stage2()
    return replace(config, latent=short(config.latent, 1.0), image=short(config.image, 1.0))


def scale() -> Scale:
    return Scale(
        train_scenes=2,
        exploit_scenes=2,
        stage1=stage1(),
        stage2=stage2(),
        image_stage1=replace(stage1(), autoencoder=NoAutoencoder()),
        image_stage2=stage2(),
        rgb=RGB,
        prior=replace(
            stage1(),
            pretraining=Pretraining(epochs=0.5, batch=4),
            warmup=short(stage1().warmup, 0.0),
            joint=short(stage1().joint, 0.0),
        ),
        latent_budgets=(0.5, 1.0),
        rgb_budgets=(0.5, 1.0),
        budget_scenes=1,
    )
