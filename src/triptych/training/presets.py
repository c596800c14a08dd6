"""Settings that are known to work (what mattered is in docs/trials.md).

``colors`` is for objects of any kind, in image space, in a quarter of an hour, ``best`` the same in an hour;
``general`` is in the latent space of an autoencoder that is trained already; ``quick`` is a first look with an
autoencoder of the scenes' own, ``latent`` an hour with one, and ``paper`` the published recipe on a GPU.
"""

from dataclasses import replace
from typing import get_args

from triptych.autoencoder import ConvolutionalConfig
from triptych.errors import InputError
from triptych.representation.config import EMPTY_OPTICAL_DEPTH, MLPConfig, PlaneConfig, SamplingConfig
from triptych.text import shown
from triptych.training.autoencoder_config import NewAutoencoder, NoAutoencoder, PretrainedAutoencoder, Pretraining
from triptych.training.config import Preset, SkippingConfig, Stage1Config, Stage2Config
from triptych.training.phase import LossWeights, Phase, Rates

_DECAY_OVER_50_EPOCHS = 0.94157**50
_TO_THE_END = 4.0
"""How many times as many steps as ``colors`` ``best`` takes, in both stages."""
_OPACITY = 0.1
"""Weights from 0.03 to 1 were tried."""
_IN_BOXES, _ALONG_EDGES = 0.95, 0.7
"""Where scenes show colors: of pixels, those from the boxes around them; of these, those along edges (0.6 to 0.95 do as
well)."""
_SCENES_ON_PIXELS = Phase(
    epochs=0.0,
    step_count=2000,
    batch=32,
    pixels=160,
    rates=Rates(micro=2e-2, coefficients=1e-2, base=1e-2, mlp=5e-3),
    weights=LossWeights(enc=1.0, tv=1e-4),
    ramp_steps=50,
    final_factor=0.05,
)
_NEW_SCENES_ON_PIXELS = Phase(
    epochs=0.0,
    step_count=256,
    batch=32,
    pixels=1024,
    crop_share=0.15,
    rates=Rates(micro=2e-2, coefficients=1e-2),
    weights=LossWeights(enc=1.0),
    final_factor=0.5,
)

_COLORS = Stage1Config(
    autoencoder=NoAutoencoder(),
    planes=PlaneConfig(resolution=64, micro_features=10, macro_features=22, base_planes=16),
    mlp=MLPConfig(hidden=64, hidden_activation="relu", channel_activation="sigmoid"),
    sampling=SamplingConfig(coarse=96, importance=0),
    pretraining=Pretraining(epochs=0.0),
    warmup=replace(
        _SCENES_ON_PIXELS,
        weights=replace(_SCENES_ON_PIXELS.weights, opacity=_OPACITY),
        samples=64,
        crop_share=_IN_BOXES,
        edge_share=_ALONG_EDGES,
        edge_ramp=200,
    ),
    joint=Phase(epochs=0.0, batch=32, rates=Rates(), weights=LossWeights(enc=1.0)),
    skipping=SkippingConfig(update_every=32),
    stage2="colors",
    direct_gain=4.0,
    freed_features=14,
    modes=32,
)
_NEW_IN_COLORS = Stage2Config(
    latent=replace(
        _NEW_SCENES_ON_PIXELS,
        rates=Rates(micro=3e-2, coefficients=1e-2, modes=0.3),
        weights=replace(_NEW_SCENES_ON_PIXELS.weights, opacity=_OPACITY),
        final_factor=0.1,
        momentum=0.3,
        smoothing=1.5,
        coefficient_steps=16,
        steps_if_learned=6,
        suited_side=128,
        suited_texels=64,
        suited_steps=128,
        suited_views=16,
        samples=64,
        crop_share=_IN_BOXES,
        edge_share=_ALONG_EDGES,
        edge_fade=256,
    ),
    image=Phase(epochs=0.0, batch=32, rates=Rates(), weights=LossWeights(enc=1.0)),
    skipping=SkippingConfig(8, 16, everywhere=False, empty_optical_depth=EMPTY_OPTICAL_DEPTH),
)

STAGE1 = {
    "quick": Stage1Config(
        autoencoder=NewAutoencoder(network=ConvolutionalConfig(channels=8, downscale=4)),
        planes=PlaneConfig(resolution=32, micro_features=10, macro_features=22, base_planes=16),
        mlp=MLPConfig(hidden=64, hidden_activation="relu"),
        sampling=SamplingConfig(coarse=32, importance=0),
        pretraining=Pretraining(epochs=1.25, batch=8, rate=8e-3),
        warmup=Phase(
            epochs=4.5,
            batch=16,
            rates=Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2),
            weights=LossWeights(enc=1.0, tv=1e-4),
        ),
        joint=Phase(
            epochs=5.0,
            batch=16,
            rates=Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=3e-3, encoder=5e-4, decoder=5e-4),
            weights=LossWeights(ae=0.1, enc=0.1, dec=1.0, tv=1e-4),
            ramp_steps=60,
            final_factor=0.1,
        ),
    ),
    "colors": _COLORS,
    "best": replace(_COLORS, warmup=_COLORS.warmup.longer(_TO_THE_END), stage2="best"),
    "general": Stage1Config(
        autoencoder=PretrainedAutoencoder("general"),
        planes=PlaneConfig(resolution=48, micro_features=10, macro_features=22, base_planes=16),
        mlp=MLPConfig(hidden=64, hidden_activation="relu"),
        sampling=SamplingConfig(coarse=32, importance=0, supersample=2),
        pretraining=Pretraining(epochs=0.0),
        warmup=_SCENES_ON_PIXELS,
        joint=Phase(
            epochs=0.0,
            step_count=300,
            batch=6,
            rates=Rates(micro=1e-2, coefficients=5e-3, base=5e-3, mlp=2e-3, decoder=1e-3),
            weights=LossWeights(ae=0.1, enc=0.05, dec=1.0, tv=1e-4),
            ramp_steps=60,
            final_factor=0.05,
            one_ray_share=1.0,
            whole_share=0.25,
        ),
        stage2="general",
    ),
    "latent": Stage1Config(
        autoencoder=NewAutoencoder(network=ConvolutionalConfig(channels=8, downscale=2, width=64, blocks=4)),
        planes=PlaneConfig(resolution=64, micro_features=10, macro_features=22, base_planes=16),
        mlp=MLPConfig(hidden=64, hidden_activation="relu"),
        sampling=SamplingConfig(coarse=48, importance=0, supersample=2),
        pretraining=Pretraining(epochs=0.5, batch=8, rate=8e-3),
        warmup=Phase(
            epochs=1.0,
            batch=16,
            rates=Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2),
            weights=LossWeights(enc=1.0, tv=1e-4),
            one_ray_share=1.0,
        ),
        joint=Phase(
            epochs=11.0,
            batch=16,
            rates=Rates(micro=2e-2, coefficients=1e-2, base=1e-2, mlp=5e-3, encoder=1.5e-3, decoder=1.5e-3),
            weights=LossWeights(ae=0.1, enc=0.05, dec=1.0, tv=1e-4),
            ramp_steps=60,
            final_factor=0.03,
            one_ray_share=0.65,
            shift_views=True,
        ),
        stage2="latent",
        modes=32,
    ),
    "paper": Stage1Config(
        autoencoder=PretrainedAutoencoder("stable-diffusion-v1-5/stable-diffusion-v1-5/vae", normalization="tanh"),
        planes=PlaneConfig(resolution=64, micro_features=10, macro_features=22, base_planes=50),
        mlp=MLPConfig(hidden=64, hidden_activation="softplus", channel_activation="sigmoid"),
        sampling=SamplingConfig(coarse=48, importance=48),
        pretraining=Pretraining(epochs=0.0),
        warmup=Phase(
            epochs=50.0,
            batch=32,
            rates=Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2),
            weights=LossWeights(enc=1.0, tv=1e-4),
            freeze_mlp_from=45.0,
        ),
        joint=Phase(
            epochs=50.0,
            batch=32,
            rates=Rates(micro=1e-3, coefficients=1e-2, base=1e-2, mlp=1e-3, encoder=1e-4, decoder=1e-4),
            weights=LossWeights(ae=0.1, enc=1.0, dec=1.0, tv=1e-4),
        ),
        stage2="paper",
    ),
}
"""Stage 1 by preset."""

STAGE2 = {
    "quick": Stage2Config(
        latent=Phase(
            epochs=8.0,
            batch=2,
            least_views=32,
            rates=Rates(micro=1e-2, coefficients=1e-2),
            weights=LossWeights(enc=1.0),
            final_factor=0.2,
        ),
        image=Phase(
            epochs=4.0,
            batch=2,
            least_views=32,
            rates=Rates(micro=5e-3, coefficients=5e-3),
            weights=LossWeights(dec=1.0),
            final_factor=0.1,
        ),
    ),
    "colors": _NEW_IN_COLORS,
    "best": _NEW_IN_COLORS.longer(_TO_THE_END),
    "general": Stage2Config(
        latent=_NEW_SCENES_ON_PIXELS,
        image=Phase(epochs=0.0, batch=2, rates=Rates(micro=1e-2, coefficients=5e-3), weights=LossWeights(dec=1.0)),
    ),
    "latent": Stage2Config(
        latent=Phase(
            epochs=4.0,
            batch=2,
            least_views=8,
            rates=Rates(micro=2e-2, coefficients=1e-2, modes=0.3),
            weights=LossWeights(enc=1.0),
            final_factor=0.5,
            one_ray_share=1.0,
            samples=24,
        ),
        image=Phase(
            epochs=4.0,
            batch=2,
            least_views=32,
            rates=Rates(micro=2e-2, coefficients=1e-2),
            weights=LossWeights(dec=1.0),
            final_factor=0.05,
            one_ray_share=0.5,
            shift_views=True,
            samples=32,
            diagonal_rays=True,
            whole_share=0.25,
        ),
    ),
    "paper": Stage2Config(
        latent=Phase(
            epochs=50.0,
            batch=32,
            rates=Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2),
            weights=LossWeights(enc=1.0),
            final_factor=_DECAY_OVER_50_EPOCHS,
        ),
        image=Phase(
            epochs=50.0,
            batch=32,
            rates=Rates(micro=1e-3, coefficients=1e-2, base=1e-2, mlp=1e-3, decoder=1e-4),
            weights=LossWeights(dec=1.0),
            final_factor=_DECAY_OVER_50_EPOCHS,
        ),
        finetune_shared=True,
    ),
}
"""Stage 2 by preset; ``paper`` fine-tunes the shared parts, as published."""


def stage2_preset(named: str | None, where: object) -> Preset:
    """The preset of stage 2 that a model asks for: ``quick`` where it asks for none, as those of earlier versions.

    Args:
        named: what the model says.
        where: the model, for the message.

    Raises:
        InputError: there is no such preset.
    """
    for preset in get_args(Preset):
        if preset == (named or "quick"):
            return preset
    raise InputError(
        f"{where}: its scenes are to be fitted with the preset {shown(named)}, which is unknown; update "
        "triptych, or choose another preset"
    )
