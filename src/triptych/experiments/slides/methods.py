"""The methods that are compared, each an ordinary configuration of stage 1 and stage 2.

ours         micro and macro planes in the 3D-aware latent space of an autoencoder that was pre-trained elsewhere
ours_micro   no macro planes; as many features, all of them the scene's own
ours_macro   no micro planes; a scene is M numbers
no_prior     the autoencoder starts from random weights
one_base     a single base plane, M = 1
plain        the pre-trained autoencoder stays as it was: a latent space that is not 3D-aware
rgb          tri-planes in image space, each scene by itself
rgb_macro    macro planes alone, in image space
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from triptych.autoencoder import ConvolutionalConfig
from triptych.experiments.methods import Method, PerSceneMethod, SharedMethod, normalization_of, starting_from
from triptych.experiments.slides.scales import Scale
from triptych.training.autoencoder_config import AutoencoderConfig, NewAutoencoder
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.phase import LossWeights


def slide_methods(scale: Scale, prior: Path | None) -> Mapping[str, Method]:
    """All methods at one scale, by name.

    Args:
        scale: sizes and settings.
        prior: the model whose autoencoder ours starts from; None where the scale's configuration names one.
    """
    stage1, stage2 = scale.stage1, scale.stage2
    if prior is not None:
        stage1 = starting_from(stage1, prior)
    planes = stage1.planes
    micro_only = replace(planes, micro_features=planes.features, macro_features=0)
    macro_only = replace(planes, micro_features=0, macro_features=planes.features)
    random = replace(stage1, autoencoder=_from_random_weights(scale))
    image_planes = replace(scale.image_stage1.planes, micro_features=0, macro_features=planes.features)
    return {
        "rgb": PerSceneMethod("Tri-Planes (RGB)", scale.rgb),
        "rgb_macro": SharedMethod(
            "Tri-Planes-Macro (RGB)", replace(scale.image_stage1, planes=image_planes), scale.image_stage2
        ),
        "ours": SharedMethod("Ours", stage1, stage2),
        "ours_micro": SharedMethod("Ours-Micro", replace(stage1, planes=micro_only), stage2),
        "ours_macro": SharedMethod("Ours-Macro", replace(stage1, planes=macro_only), stage2),
        "no_prior": SharedMethod("Ours-No-Prior", random, stage2),
        "one_base": SharedMethod("Ours, M = 1", replace(stage1, planes=replace(planes, base_planes=1)), stage2),
        "plain": SharedMethod("Latent space not 3D-aware", _frozen_autoencoder(stage1), _latent_only(stage2)),
    }


def _from_random_weights(scale: Scale) -> AutoencoderConfig:
    before = scale.stage1.autoencoder
    network = before.network if isinstance(before, NewAutoencoder) else ConvolutionalConfig()
    return NewAutoencoder(network=network, normalization=normalization_of(before))


def _frozen_autoencoder(stage1: Stage1Config) -> Stage1Config:
    """Scenes, base planes and MLP learn from the latents as they are, for as long as ours."""
    joint = stage1.joint
    return replace(
        stage1,
        joint=replace(
            joint,
            rates=replace(joint.rates, encoder=0.0, decoder=0.0),
            weights=LossWeights(enc=1.0, tv=joint.weights.tv),
            shift_views=False,
        ),
    )


def _latent_only(stage2: Stage2Config) -> Stage2Config:
    """As many epochs as ours, all of L_Enc."""
    image = replace(stage2.image, weights=LossWeights(enc=1.0), shift_views=False)
    return replace(stage2, image=image)
