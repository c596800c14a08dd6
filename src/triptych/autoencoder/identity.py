"""No autoencoder at all: the latent of an image is the image."""

from collections.abc import Iterator
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from triptych.autoencoder.base import Autoencoder


class IdentityAutoencoder(Autoencoder):
    """E(x) = D(x) = x, with three channels at full size: makes RGB tri-planes out of latent ones."""

    kind: ClassVar[str] = "identity"

    def __init__(self) -> None:
        super().__init__()
        self.channels = 3
        self.downscale = 1

    def encode(
        self, images: Float[Tensor, "view 3 height width"]
    ) -> Float[Tensor, "view channel latent_height latent_width"]:
        return images

    def decode(
        self, latents: Float[Tensor, "view channel latent_height latent_width"]
    ) -> Float[Tensor, "view 3 height width"]:
        return latents

    @property
    def takes_any_size(self) -> bool:
        return True

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        return iter(())

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        return iter(())

    def description(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "IdentityAutoencoder":
        return cls()
