"""The decoder of a category model as steps that the page computes (page/steps-decoder.js).

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

from triptych.autoencoder import ConvolutionalAutoencoder
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
    tensors = {str(number): _packed(weights) for number, (_, weights) in enumerate(steps) if weights is not None}
    if any(tensor.shape[1] > _MOST_ROWS for tensor in tensors.values()):
        return None
    sides = {"linear": model.autoencoder.downscale}
    if isinstance(model.autoencoder, ConvolutionalAutoencoder):
        sides["refinement"] = model.autoencoder.decoder.block
    described = [asdict(step) for step, _ in steps]
    description = {"tanh": model.normalization.kind == "tanh", "sides": sides, "steps": described}
    return StepsDecoder(description, tensors)


@dataclass(frozen=True)
class _Weights:
    """Of a convolution: of all inputs for each output, or of one for each."""

    weight: Float[Tensor, "output input side side"]
    bias: Float[Tensor, " output"]
    depthwise: bool = False

    @classmethod
    def of(cls, layer: nn.Conv2d) -> "_Weights":
        bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias.detach()
        return cls(layer.weight.detach().float().cpu(), bias.float().cpu(), layer.groups > 1)

    @classmethod
    def diagonal(cls, scale: Float[Tensor, " channel"], shift: Float[Tensor, " channel"]) -> "_Weights":
        return cls(torch.diag(scale.float().cpu())[:, :, None, None], shift.float().cpu())

    def halved(self, shift: float = 0.0) -> "_Weights":
        return _Weights(self.weight / 2, self.bias / 2 + shift, self.depthwise)


_Steps = Iterator[tuple[Step, _Weights | None]]


def _steps(model: CategoryModel) -> list[tuple[Step, _Weights | None]] | None:
    autoencoder, normalization = model.autoencoder, model.normalization
    first = _convolution("latents", "raw", _Weights.diagonal(normalization.scale, normalization.shift))
    if isinstance(autoencoder, IdentityAutoencoder):
        return [first, _convolution("raw", "linear", _Weights.diagonal(torch.ones(3), torch.zeros(3)))]
    if isinstance(autoencoder, ConvolutionalAutoencoder):
        return [first, *_network(autoencoder)]
    return None


def _network(autoencoder: ConvolutionalAutoencoder) -> _Steps:
    """What `ConvolutionalAutoencoder.decode` does, its last scaling within the weights."""
    decoder = autoencoder.decoder
    yield _convolution("raw", "linear", _Weights.of(decoder.linear).halved(shift=1.0))
    features = "stem"
    yield _convolution("raw", features, _Weights.of(decoder.stem))
    for number, part in enumerate(decoder.body):
        if isinstance(part, nn.PixelShuffle):
            yield Step("shuffle", features, "shuffled", part.upscale_factor, decoder.last.in_channels), None
            features = "shuffled"
        elif isinstance(part, nn.Conv2d):
            yield _convolution(features, "unshuffled", _Weights.of(part))
            features = "unshuffled"
        else:
            depthwise, expand, contract = (_Weights.of(each) for each in part.children() if isinstance(each, nn.Conv2d))
            size, before = len(depthwise.bias), features
            features = f"features {size} {number % 2}"
            yield _convolution(before, f"near {size}", depthwise)
            yield _convolution(f"near {size}", f"hidden {size}", expand, relu=True)
            yield _convolution(f"hidden {size}", features, contract, added=before)
    yield _convolution(features, "refinement", _Weights.of(decoder.last).halved())


def _convolution(
    source: str, target: str, weights: _Weights, *, added: str | None = None, relu: bool = False
) -> tuple[Step, _Weights]:
    outputs, inputs, side, _ = weights.weight.shape
    kind, channels = ("depthwise", outputs) if weights.depthwise else ("dense", inputs)
    return Step(kind, source, target, side, channels, added, relu), weights


def _packed(weights: _Weights) -> Float[Tensor, "draw row 4"]:
    """Biases and weights of 16 output channels per draw, in the order in which the shaders `convolution` read them."""
    outputs, inputs, side, _ = weights.weight.shape
    more_outputs, more_inputs = -outputs % _CHANNELS_PER_DRAW, 0 if weights.depthwise else -inputs % 4
    weight = F.pad(weights.weight, (0, 0, 0, 0, 0, more_inputs, 0, more_outputs))
    biases = F.pad(weights.bias, (0, more_outputs)).reshape(-1, 4, 4)
    draws = len(biases)
    if weights.depthwise:
        rows = weight.reshape(draws, 4, 4, side, side).permute(0, 3, 4, 1, 2)
    else:
        rows = weight.reshape(draws, 4, 4, -1, 4, side, side).permute(0, 5, 6, 3, 1, 4, 2)
    block = torch.cat([biases, rows.reshape(draws, -1, 4)], dim=1)
    return F.pad(block, (0, 0, 0, -block.shape[1] % _ALIGNED_ROWS)).contiguous()
