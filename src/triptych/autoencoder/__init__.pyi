from .added import AddedAutoencoder
from .base import Autoencoder
from .config import ConvolutionalConfig, NormalizationKind
from .convolutional import ConvolutionalAutoencoder
from .identity import IdentityAutoencoder
from .normalization import LatentNormalization
from .own import OwnAutoencoder
from .pretrained import DiffusersAutoencoder

__all__ = [
    "AddedAutoencoder",
    "Autoencoder",
    "ConvolutionalAutoencoder",
    "ConvolutionalConfig",
    "DiffusersAutoencoder",
    "IdentityAutoencoder",
    "LatentNormalization",
    "NormalizationKind",
    "OwnAutoencoder",
]
