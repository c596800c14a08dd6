"""A small convolutional autoencoder that a CPU trains from scratch in minutes.

Images become 4x4 space-to-depth blocks (2x2 with ``downscale=2``), residual blocks (depthwise 3x3, then two 1x1
convolutions: ConvNeXt, arXiv 2201.03545, without normalization) run on them, and with ``downscale=8`` more of them at
H/8. The decoder mirrors the encoder.

No step is coarser than the latents: shift the image by one latent pixel, and the latents shift along, as they do when
scenes are rendered. What depends on where in a larger block a pixel lies (a checkerboard) no scene can learn.

A linear path runs beside each network: E(x) = DCT(x) + network(x), and its mirror image for D. It starts as
the C smoothest color patterns of the block discrete cosine transform (see `triptych.autoencoder.dct`); the
networks' last layers start near zero, so that training starts from a working transform code and refines it.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, ClassVar, get_args, get_type_hints

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from triptych.autoencoder.base import Autoencoder, check_image_size
from triptych.autoencoder.config import ConvolutionalConfig
from triptych.autoencoder.dct import color_dct_patterns
from triptych.autoencoder.precision import autocast
from triptych.errors import InputError

_LARGEST_BLOCK = 4
_BRANCH_GAIN = 0.1
_LAST_LAYER_DEVIATION = 1e-3


class ConvolutionalAutoencoder(Autoencoder):
    """The autoencoder trained from scratch; image sides must be multiples of ``downscale``. See the module's text."""

    kind: ClassVar[str] = "convolutional"

    def __init__(self, config: ConvolutionalConfig = ConvolutionalConfig()) -> None:
        """Random networks beside the transform; seed torch before for reproducible weights."""
        super().__init__()
        self.config = config
        self.channels = config.channels
        self.downscale = config.downscale
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (missing in its stub)

    def encode(
        self, images: Float[Tensor, "view 3 height width"]
    ) -> Float[Tensor, "view channel latent_height latent_width"]:
        """E(x); see `Autoencoder.encode`."""
        check_image_size(images, self.downscale)
        with autocast(self.config.precision, images.device):
            return self.encoder(2 * images - 2).float()

    def decode(
        self, latents: Float[Tensor, "view channel latent_height latent_width"]
    ) -> Float[Tensor, "view 3 height width"]:
        """D(z); see `Autoencoder.decode`."""
        with autocast(self.config.precision, latents.device):
            return self.decoder(latents).float() / 2 + 1

    @property
    def takes_any_size(self) -> bool:
        """Convolutions alone: yes."""
        return True

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Everything that turns images into latents."""
        return self.encoder.parameters()

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """Everything that turns latents into images."""
        return self.decoder.parameters()

    def description(self) -> dict[str, Any]:
        """The configuration's fields."""
        return asdict(self.config)

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "ConvolutionalAutoencoder":
        """The network of a saved configuration.

        Raises:
            InputError: a field is missing, unknown, of another type or out of its range.
        """
        types = get_type_hints(ConvolutionalConfig)
        for name in sorted(types.keys() ^ description.keys()):
            raise InputError(f"the field {name!r} is {'missing' if name in types else 'unknown'}")
        for name, value in description.items():
            choices = get_args(types[name])
            if value not in choices if choices else type(value) is not types[name]:
                expected = f"one of {choices}" if choices else f"a value of type {types[name].__name__}"
                raise InputError(f"the field {name!r} is {value!r}, expected {expected}")
        return cls(ConvolutionalConfig(**description))


class _Encoder(nn.Module):
    """White-is-zero images [view, 3, height, width] to latents."""

    def __init__(self, config: ConvolutionalConfig) -> None:
        super().__init__()
        self.block = min(config.downscale, _LARGEST_BLOCK)
        self.linear = nn.Conv2d(3, config.channels, config.downscale, config.downscale, bias=False)
        self.stem = nn.Conv2d(3 * self.block**2, config.width, 1)
        self.body = _blocks(config.width, config.blocks, config.expansion)
        last_width = config.width
        if config.downscale > _LARGEST_BLOCK:
            last_width = config.inner_width
            self.body.append(nn.Conv2d(config.width, config.inner_width, 2, 2))
            self.body.extend(_blocks(config.inner_width, config.inner_blocks, config.expansion))
        self.last = nn.Conv2d(last_width, config.channels, 1)
        _start_near_zero(self.last)
        with torch.no_grad():
            self.linear.weight.copy_(color_dct_patterns(config.downscale, config.channels))

    def forward(self, images: Tensor) -> Tensor:
        blocks = F.pixel_unshuffle(images, self.block).contiguous(memory_format=torch.channels_last)
        return self.linear(images) + self.last(self.body(self.stem(blocks)))


class _Decoder(nn.Module):
    """Latents to white-is-zero images [view, 3, height, width]."""

    def __init__(self, config: ConvolutionalConfig) -> None:
        super().__init__()
        self.block = min(config.downscale, _LARGEST_BLOCK)
        patch = 3 * config.downscale**2
        self.linear = nn.Conv2d(config.channels, patch, 1, bias=False)
        self.from_patch = nn.PixelShuffle(config.downscale)
        self.body = nn.Sequential()
        if config.downscale > _LARGEST_BLOCK:
            self.stem = nn.Conv2d(config.channels, config.inner_width, 3, padding=1)
            self.body.extend(_blocks(config.inner_width, config.inner_blocks, config.expansion))
            self.body.append(nn.Conv2d(config.inner_width, 4 * config.width, 1))
            self.body.append(nn.PixelShuffle(2))
        else:
            self.stem = nn.Conv2d(config.channels, config.width, 3, padding=1)
        self.body.extend(_blocks(config.width, config.blocks, config.expansion))
        self.last = nn.Conv2d(config.width, 3 * self.block**2, 1)
        _start_near_zero(self.last)
        with torch.no_grad():
            patterns = color_dct_patterns(config.downscale, config.channels).reshape(config.channels, patch)
            self.linear.weight.copy_(patterns.T[:, :, None, None])

    def forward(self, latents: Tensor) -> Tensor:
        latents = latents.contiguous(memory_format=torch.channels_last)
        refinement = F.pixel_shuffle(self.last(self.body(self.stem(latents))), self.block)
        return self.from_patch(self.linear(latents)) + refinement


class _ResidualBlock(nn.Module):
    """x + contract(relu(expand(depthwise(x)))). ReLU costs a third of SiLU's time here at equal quality."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.expand = nn.Conv2d(width, width * expansion, 1)
        self.contract = nn.Conv2d(width * expansion, width, 1)
        nn.init.normal_(self.depthwise.weight, std=1 / 3)
        nn.init.kaiming_normal_(self.expand.weight, nonlinearity="relu")
        # A small branch stands in for normalization layers: the stack starts near the identity.
        nn.init.normal_(self.contract.weight, std=_BRANCH_GAIN * (2 / (width * expansion)) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.contract(F.relu(self.expand(self.depthwise(x)), inplace=True))


def _blocks(width: int, count: int, expansion: int) -> nn.Sequential:
    return nn.Sequential(*(_ResidualBlock(width, expansion) for _ in range(count)))


def _start_near_zero(convolution: nn.Conv2d) -> None:
    nn.init.normal_(convolution.weight, std=_LAST_LAYER_DEVIATION)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
