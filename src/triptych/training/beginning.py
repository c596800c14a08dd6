"""What stage 1 begins with: an autoencoder, and a category model around it."""

import torch
from torch import nn

from triptych.autoencoder import (
    AddedAutoencoder,
    Autoencoder,
    ConvolutionalAutoencoder,
    DiffusersAutoencoder,
    IdentityAutoencoder,
    LatentNormalization,
)
from triptych.autoencoder.saving import DESCRIPTION_NAME, adopt, load_autoencoder
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.model import CategoryModel, ModelConfig, Origin, find_autoencoder
from triptych.representation.planes import initial_base_planes
from triptych.training.autoencoder_config import (
    AutoencoderConfig,
    InstalledAutoencoder,
    NewAutoencoder,
    NoAutoencoder,
    PretrainedAutoencoder,
)
from triptych.training.conditions import Conditions
from triptych.training.config import Stage1Config
from triptych.training.matching import camera_range

_FIT_NORMALIZATION_ON = 256


def own_or_created(own: nn.Module | None, config: AutoencoderConfig, dataset: Dataset) -> Autoencoder:
    """The autoencoder that stage 1 starts from.

    Args:
        own: one of the user's, if any.
        config: which otherwise.
        dataset: whose pictures it encodes.

    Raises:
        InputError: it cannot be used, or loaded.
    """
    if own is not None:
        return adopt(own, dataset.height, dataset.width)
    if isinstance(config, InstalledAutoencoder):
        return AddedAutoencoder.made(config.name, dataset.height, dataset.width)
    return create_autoencoder(config)


def create_autoencoder(config: NewAutoencoder | PretrainedAutoencoder | NoAutoencoder) -> Autoencoder:
    """The autoencoder of triptych's own that a configuration asks for.

    Raises:
        InputError: a pre-trained one cannot be loaded.
    """
    match config:
        case NoAutoencoder():
            return IdentityAutoencoder()
        case NewAutoencoder():
            return ConvolutionalAutoencoder(config.network)
        case PretrainedAutoencoder():
            ours = find_autoencoder(config.source)
            if (ours / DESCRIPTION_NAME).is_file():
                return load_autoencoder(ours)
            return DiffusersAutoencoder.load(config.source)


def new_model(
    dataset: Dataset,
    config: Stage1Config,
    autoencoder: Autoencoder,
    views: PosedViews,
    generator: torch.Generator,
) -> CategoryModel:
    """A category model around an autoencoder.

    Args:
        dataset: the stage-1 scenes.
        config: all settings.
        autoencoder: becomes part of it.
        views: on some of which its latents are normalized.
        generator: of its base planes.
    """
    model = CategoryModel(
        ModelConfig(config.planes, config.mlp, config.sampling, dataset.height, dataset.width),
        autoencoder,
        _fit_normalization(config.autoencoder, autoencoder, views),
        initial_base_planes(config.planes, generator),
        dataset.aabb,
        dict(zip(dataset.names, dataset.fingerprints, strict=True)),
        Origin(camera_range(dataset, range(len(dataset)), dataset.aabb), dataset.background, stage2=config.stage2),
    )
    model.mlp.start_direct(config.direct_gain)
    return model


def untrained(
    dataset: Dataset, config: Stage1Config, autoencoder: Autoencoder, conditions: Conditions
) -> CategoryModel:
    """A category model as stage 1 begins it, for trials of its speed; its latents are normalized on one scene."""
    generator = torch.Generator().manual_seed(conditions.seed)
    views = PosedViews(dataset.subset([0]))
    return new_model(dataset, config, autoencoder, views, generator).to(conditions.device)


@torch.no_grad()
def _fit_normalization(config: AutoencoderConfig, autoencoder: Autoencoder, views: PosedViews) -> LatentNormalization:
    if isinstance(config, NoAutoencoder):  # colors stay as they are
        return LatentNormalization.unit(autoencoder.channels)
    device = next((parameter.device for parameter in autoencoder.parameters()), torch.device("cpu"))
    rows = torch.linspace(0, len(views) - 1, min(len(views), _FIT_NORMALIZATION_ON)).long().unique()
    batches = [views.group(part) for part in rows.split(32)]
    latents = torch.cat([autoencoder.encode(views.images(batch, device)).float() for batch in batches])
    return LatentNormalization.fit(latents, config.normalization)
