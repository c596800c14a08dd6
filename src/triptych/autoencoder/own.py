"""An autoencoder of your own: any module with ``encode`` and ``decode``, handed in from Python.

A saved model keeps its weights, but no code: opening the model needs the module again.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.autoencoder.base import Autoencoder
from triptych.errors import InputError
from triptych.files import dataclass_of

_HANDED_IN = "hand it in from Python: triptych.open_model(path, autoencoder=...)"


class ModuleNeededError(InputError):
    """A saved autoencoder is a module of the user's own, which is not at hand."""


@dataclass(frozen=True)
class OwnShape:
    """What is written about a module of one's own, its weights apart.

    Attributes:
        name: name of its class.
        channels: channels of a latent pixel.
        downscale: image size divided by latent size.
        height: height of the images it was measured on, in pixels.
        width: width of the images it was measured on, in pixels.
    """

    name: str
    channels: int
    downscale: int
    height: int
    width: int


class OwnAutoencoder(Autoencoder):
    """A copy of a module with two methods:

    - ``encode(images [view, 3, height, width] in [0, 1])`` gives latents [view, channel, height / n, width / n];
    - ``decode(latents)`` gives images, around [0, 1].

    Both are functions of their argument alone: the module stays in evaluation mode, without dropout and with the batch
    statistics that it came with. Its numbers are made single precision.
    """

    kind: ClassVar[str] = "own"

    def __init__(self, network: nn.Module, shape: OwnShape) -> None:
        """Take a module whose sizes are known; `measured` finds them.

        Raises:
            InputError: it has no ``encode`` or no ``decode``, or two of its tensors are one.
        """
        super().__init__()
        _check_module(network)
        self.network: Any = deepcopy(network).float().requires_grad_(True).eval()
        self.shape = shape
        self.channels, self.downscale = shape.channels, shape.downscale

    @classmethod
    def measured(cls, network: nn.Module, height: int, width: int) -> "OwnAutoencoder":
        """Try a module on a white image of this size.

        Raises:
            InputError: it is no module with ``encode`` and ``decode``, or what these give has the wrong shape.
        """
        _check_module(network)
        probe = cls(network, OwnShape(type(network).__name__, 1, 1, height, width))
        with torch.no_grad():
            latents = probe.network.encode(probe._white())
        channels, downscale = _sizes(latents, height, width)
        measured = cls(network, OwnShape(type(network).__name__, channels, downscale, height, width))
        with torch.no_grad():
            measured.decode(measured.encode(measured._white()))
        return measured

    def train(self, mode: bool = True) -> "OwnAutoencoder":
        """Stay in evaluation mode, so that latents follow from the image alone."""
        return super().train(False)

    def encode(
        self, images: Float[Tensor, "view 3 height width"]
    ) -> Float[Tensor, "view channel latent_height latent_width"]:
        """E(x); see `Autoencoder.encode`."""
        views, _, height, width = images.shape
        expected = [views, self.channels, height // self.downscale, width // self.downscale]
        return _checked(self.network.encode(images), "encode", expected)

    def decode(
        self, latents: Float[Tensor, "view channel latent_height latent_width"]
    ) -> Float[Tensor, "view 3 height width"]:
        """D(z); see `Autoencoder.decode`."""
        views, _, height, width = latents.shape
        return _checked(
            self.network.decode(latents), "decode", [views, 3, height * self.downscale, width * self.downscale]
        )

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters that latents depend on."""
        return (parameter for name, parameter in self.network.named_parameters() if name in self._encoding)

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """All others."""
        return (parameter for name, parameter in self.network.named_parameters() if name not in self._encoding)

    def description(self) -> dict[str, Any]:
        """Its sizes, and the name of its class."""
        return asdict(self.shape)

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "OwnAutoencoder":
        """Refuse: no code is saved.

        Raises:
            ModuleNeededError: always.
        """
        shape = dataclass_of(OwnShape, description, "autoencoder")
        raise ModuleNeededError(f"the autoencoder is a module of your own (class {shape.name}), {_HANDED_IN}")

    @classmethod
    def from_module(cls, network: nn.Module, description: dict[str, Any]) -> "OwnAutoencoder":
        """What ``description`` says, from the module that it was; the weights are yet to be loaded.

        Raises:
            InputError: it is no such module.
        """
        return cls(network, dataclass_of(OwnShape, description, "autoencoder"))

    @cached_property
    def _encoding(self) -> frozenset[str]:
        """The names of the parameters that latents depend on, as their gradients tell."""
        named = dict(self.network.named_parameters())
        trained = [parameter.requires_grad for parameter in named.values()]
        self.network.requires_grad_(True)
        with torch.enable_grad():
            latents = self.encode(self._white())
        gradients: tuple[Tensor | None, ...] = (None,) * len(named)
        if latents.requires_grad:
            gradients = torch.autograd.grad(latents.sum(), list(named.values()), allow_unused=True)
        for parameter, was_trained in zip(named.values(), trained, strict=True):
            parameter.requires_grad_(was_trained)
        return frozenset(name for name, gradient in zip(named, gradients, strict=True) if gradient is not None)

    def _white(self) -> Float[Tensor, "1 3 height width"]:
        device = next((tensor.device for tensor in self.network.state_dict().values()), torch.device("cpu"))
        return torch.ones(1, 3, self.shape.height, self.shape.width, device=device)


def _check_module(network: object) -> None:
    missing = [name for name in ("encode", "decode") if not callable(getattr(network, name, None))]
    if not isinstance(network, nn.Module) or missing:
        without = f" without {' and '.join(missing)}" if missing else ""
        raise InputError(
            f"autoencoder: expected a torch.nn.Module with encode and decode, found {type(network).__name__}{without}"
        )
    places: dict[int, str] = {}
    for name, tensor in network.state_dict().items():
        other = places.setdefault(tensor.data_ptr(), name) if tensor.numel() else name
        if other != name:
            raise InputError(f"autoencoder: {other} and {name} are one tensor, which cannot be saved; separate them")


def _sizes(latents: object, height: int, width: int) -> tuple[int, int]:
    """Channels of latents, and by how much they are smaller than the image."""
    shape = list(latents.shape) if isinstance(latents, Tensor) else []
    if len(shape) == 4 and shape[0] == 1 and all(shape):
        _, channels, rows, columns = shape
        downscale = height // rows
        if (rows * downscale, columns * downscale) == (height, width):
            return channels, downscale
    raise InputError(
        f"autoencoder: encode makes {_named(latents)} of an image [1, 3, {height}, {width}], expected latents "
        "[1, channel, height / n, width / n] with a whole number n"
    )


def _checked(found: object, method: str, expected: list[int]) -> Tensor:
    if not isinstance(found, Tensor) or list(found.shape) != expected:
        raise InputError(f"autoencoder: {method} gives {_named(found)}, expected a tensor {expected}")
    return found.float()


def _named(found: object) -> str:
    return str(list(found.shape)) if isinstance(found, Tensor) else f"a value of type {type(found).__name__}"
