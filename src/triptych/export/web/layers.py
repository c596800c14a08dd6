"""The decoder of a category model as steps that the page computes in WebGL2 (page/steps-decoder.js).

Features lie in layers of four channels. A step reads its source, which is an earlier step's target or the rendered
latents, and writes its target. What is left in ``linear``, and in ``refinement`` where there is one, are the blocks of
pixels that the picture is the sum of.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from triptych.autoencoder import ConvolutionalAutoencoder, LatentNormalization
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.model import CategoryModel

_CHANNELS_PER_DRAW = 16
"""A shader of WebGL2 can count on writing to four textures of four channels."""
_MOST_ROWS = 1024
"""Of four numbers each: a block of uniforms can count on 16 KiB."""
_ALIGNED_ROWS = 16
"""A block of uniforms begins at a multiple of 256 bytes, everywhere."""


@dataclass(frozen=True)
class Step:
    """One step of the decoder.

    Attributes:
        kind: ``dense`` and ``depthwise`` are convolutions, ``shuffle`` is `torch.nn.PixelShuffle`.
        source: what it reads.
        target: what it writes, which no later step needs as it was; of one shape throughout.
        side: of the convolution's window, or of the shuffle's block.
        channels: of the source for a convolution, of the target for a shuffle.
        added: what a convolution is added to, if to anything.
        relu: whether negative results become 0.
    """

    kind: Literal["dense", "depthwise", "shuffle"]
    source: str
    target: str
    side: int
    channels: int
    added: str | None = None
    relu: bool = False


@dataclass(frozen=True)
class StepsDecoder:
    """A decoder for the page.

    Attributes:
        description: the steps, and how they become the picture: JSON values.
        tensors: the weights of each step that has some, by its number.
    """

    description: dict[str, Any]
    tensors: dict[str, Float[Tensor, "draw row 4"]]


def decoder_in_steps(model: CategoryModel) -> StepsDecoder | None:
    """The model's decoder, from normalized latents on; None if steps cannot tell it: others', or too wide."""
    steps = _steps(model)
    if steps is None:
        return None
    tensors = {str(number): _packed(layer) for number, (_, layer) in enumerate(steps) if layer is not None}
    if any(tensor.shape[1] > _MOST_ROWS for tensor in tensors.values()):
        return None
    convolutional = isinstance(model.autoencoder, ConvolutionalAutoencoder)
    description = {
        "tanh": model.normalization.kind == "tanh",
        "sides": {"linear": model.autoencoder.downscale}
        | ({"refinement": model.autoencoder.decoder.block} if convolutional else {}),
        "steps": [asdict(step) for step, _ in steps],
    }
    return StepsDecoder(description, tensors)


_Steps = Iterator[tuple[Step, nn.Conv2d | None]]


def _steps(model: CategoryModel) -> list[tuple[Step, nn.Conv2d | None]] | None:
    autoencoder = model.autoencoder
    first = _convolution("latents", "raw", _denormalizing(model.normalization))
    if isinstance(autoencoder, IdentityAutoencoder):
        return [first, _convolution("raw", "linear", _diagonal(torch.ones(3), torch.zeros(3)))]
    if isinstance(autoencoder, ConvolutionalAutoencoder):
        return [first, *_network(autoencoder)]
    return None


def _network(autoencoder: ConvolutionalAutoencoder) -> _Steps:
    """What `ConvolutionalAutoencoder.decode` does, its last scaling within the weights."""
    decoder = autoencoder.decoder
    yield _convolution("raw", "linear", _scaled(decoder.linear, 0.5, 1.0))
    features = "stem"
    yield _convolution("raw", features, decoder.stem)
    for number, part in enumerate(decoder.body):
        if isinstance(part, nn.PixelShuffle):
            channels = decoder.last.in_channels
            yield Step("shuffle", features, "shuffled", part.upscale_factor, channels), None
            features = "shuffled"
        elif isinstance(part, nn.Conv2d):
            yield _convolution(features, "unshuffled", part)
            features = "unshuffled"
        else:
            size, before = part.depthwise.in_channels, features
            features = f"features {size} {number % 2}"
            yield _convolution(before, f"near {size}", part.depthwise)
            yield _convolution(f"near {size}", f"hidden {size}", part.expand, relu=True)
            yield _convolution(f"hidden {size}", features, part.contract, added=before)
    yield _convolution(features, "refinement", _scaled(decoder.last, 0.5, 0.0))


def _convolution(
    source: str, target: str, layer: nn.Conv2d, *, added: str | None = None, relu: bool = False
) -> tuple[Step, nn.Conv2d]:
    kind = "dense" if layer.groups == 1 else "depthwise"
    return Step(kind, source, target, layer.kernel_size[0], layer.in_channels, added, relu), layer


def _denormalizing(normalization: LatentNormalization) -> nn.Conv2d:
    return _diagonal(normalization.scale, normalization.shift)


def _diagonal(scale: Float[Tensor, " channel"], shift: Float[Tensor, " channel"]) -> nn.Conv2d:
    layer = nn.Conv2d(len(scale), len(scale), 1)
    layer.weight.data, layer.bias.data = torch.diag(scale)[:, :, None, None], shift
    return layer


def _scaled(layer: nn.Conv2d, factor: float, shift: float) -> nn.Conv2d:
    """The layer, its results times ``factor`` plus ``shift``."""
    scaled = nn.Conv2d(layer.in_channels, layer.out_channels, 1)
    bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias.data
    scaled.weight.data, scaled.bias.data = factor * layer.weight.data, factor * bias + shift
    return scaled


def _packed(layer: nn.Conv2d) -> Float[Tensor, "draw row 4"]:
    """Biases and weights of 16 output channels per draw, in the order in which convolution.glsl reads them."""
    weight, bias = layer.weight.detach(), layer.bias.detach()
    more_outputs, more_inputs = -len(weight) % _CHANNELS_PER_DRAW, -weight.shape[1] % 4 if layer.groups == 1 else 0
    weight = F.pad(weight, (0, 0, 0, 0, 0, more_inputs, 0, more_outputs)).float().cpu()
    biases = F.pad(bias, (0, more_outputs)).float().cpu().reshape(-1, 4, 4)
    draws, inputs, side = len(biases), weight.shape[1], weight.shape[-1]
    if layer.groups == 1:
        rows = weight.reshape(draws, 4, 4, inputs // 4, 4, side, side).permute(0, 5, 6, 3, 1, 4, 2)
    else:
        rows = weight.reshape(draws, 4, 4, side, side).permute(0, 3, 4, 1, 2)
    block = torch.cat([biases, rows.reshape(draws, -1, 4)], dim=1)
    return F.pad(block, (0, 0, 0, -block.shape[1] % _ALIGNED_ROWS)).contiguous()
