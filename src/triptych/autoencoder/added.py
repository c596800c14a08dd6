"""An autoencoder that another installed package adds, by an entry point of the group ``triptych.autoencoders``.

The entry point names what makes the module when it is called without arguments: its class, for instance. A model that
was trained with it opens wherever the package is installed.
"""

from dataclasses import replace
from typing import Any, ClassVar

from torch import nn

from triptych.autoencoder.own import OwnAutoencoder, OwnShape
from triptych.errors import InputError
from triptych.files import dataclass_of
from triptych.runtime.entry_points import Group, broken, load_added

_GROUP: Group = "triptych.autoencoders"


class AddedAutoencoder(OwnAutoencoder):
    """A module of another package, under the name of its entry point; see `OwnAutoencoder` for what it has to have."""

    kind: ClassVar[str] = "installed"

    @classmethod
    def made(cls, name: str, height: int, width: int) -> "AddedAutoencoder":
        """A fresh one, for images of this size; its initial weights follow from torch's seed.

        Raises:
            InputError: no package adds it, it fails, or it is no module with ``encode`` and ``decode``.
        """
        module = _module(name)
        try:
            shape = OwnAutoencoder.measured(module, height, width).shape
        except InputError as error:
            raise InputError(f"the autoencoder {name!r} of another package: {error}") from None
        return cls(module, replace(shape, name=name))

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "AddedAutoencoder":
        """What ``description`` says, of the package that is installed; the weights are yet to be loaded.

        Raises:
            InputError: no package adds it, or it is no such module.
        """
        shape = dataclass_of(OwnShape, description, "autoencoder")
        return cls(_module(shape.name), shape)


def _module(name: str) -> nn.Module:
    make = load_added(_GROUP, name)
    try:
        return make()
    except Exception as error:  # of the other package's code
        raise broken(_GROUP, name, error) from None
