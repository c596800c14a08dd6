"""What triptych needs of any autoencoder."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from triptych.errors import InputError


class Autoencoder(nn.Module, ABC):
    """Images to small latent images and back: z = E(x), x = D(z).

    Images are RGB in [0, 1], shaped [view, 3, height, width]; latents are [view, channel, height / downscale,
    width / downscale], deterministic, and not normalized (see `LatentNormalization`).
    """

    kind: ClassVar[str]
    """The name under which `save_autoencoder` writes this class."""
    channels: int
    """Channels C of a latent pixel."""
    downscale: int
    """Image size divided by latent size."""

    @property
    def takes_any_size(self) -> bool:
        """Whether it does the same to every part of an image, so that images of any size whose sides ``downscale``
        divides come out as well as those that it was trained on."""
        return False

    @abstractmethod
    def encode(
        self, images: Float[Tensor, "view 3 height width"]
    ) -> Float[Tensor, "view channel latent_height latent_width"]:
        """E(x): the latents of ``images``; for a variational autoencoder, the mean.

        Raises:
            InputError: the images' sides are not multiples of what the network divides them by.
        """

    @abstractmethod
    def decode(
        self, latents: Float[Tensor, "view channel latent_height latent_width"]
    ) -> Float[Tensor, "view 3 height width"]:
        """D(z): float32 images around [0, 1], not clamped, so that a loss keeps its gradient outside."""

    @abstractmethod
    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters phi of E."""

    @abstractmethod
    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters psi of D."""

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """JSON values from which ``from_description`` rebuilds the network, weights apart."""

    @classmethod
    @abstractmethod
    def from_description(cls, description: dict[str, Any]) -> "Autoencoder":
        """The network that ``description`` says, with weights yet to be loaded.

        Raises:
            InputError: the description does not describe such a network.
        """


def check_image_size(images: Float[Tensor, "view 3 height width"], multiple: int) -> None:
    """Refuse images whose sides the network cannot divide.

    Raises:
        InputError: height or width is not a multiple of ``multiple``.
    """
    height, width = images.shape[-2:]
    if height % multiple or width % multiple:
        raise InputError(
            f"images of {width}x{height} pixels: this autoencoder needs sides that are "
            f"multiples of {multiple}; resize or pad them"
        )
