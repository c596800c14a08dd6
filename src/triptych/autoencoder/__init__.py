"""Autoencoders: images to small latents and back, and the scale in which the latents are rendered."""

from triptych.autoencoder.base import Autoencoder
from triptych.autoencoder.config import ConvolutionalConfig, NormalizationKind
from triptych.autoencoder.convolutional import ConvolutionalAutoencoder
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.autoencoder.normalization import LatentNormalization
from triptych.autoencoder.own import OwnAutoencoder
from triptych.autoencoder.pretrained import DiffusersAutoencoder

__all__ = [
    "Autoencoder",
    "ConvolutionalAutoencoder",
    "ConvolutionalConfig",
    "DiffusersAutoencoder",
    "IdentityAutoencoder",
    "LatentNormalization",
    "NormalizationKind",
    "OwnAutoencoder",
]
