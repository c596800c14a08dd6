"""Pre-trained autoencoders through the diffusers library (an optional extra)."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.autoencoder.base import Autoencoder, check_image_size
from triptych.autoencoder.precision import autocast
from triptych.errors import InputError

_SUPPORTED = ("AutoencoderKL", "AutoencoderTiny")


class DiffusersAutoencoder(Autoencoder):
    """An ``AutoencoderKL`` (the Stable-Diffusion VAE) or ``AutoencoderTiny`` (TAESD) of diffusers.

    Both take and give images in [-1, 1], which is converted here; latents are left raw, so diffusers'
    ``scaling_factor`` is not applied. E gives the mean of the KL posterior. Convolutions compute in bfloat16 where that
    is native (see `has_fast_bfloat16`), else in float32.
    """

    kind: ClassVar[str] = "diffusers"

    def __init__(self, network: nn.Module) -> None:
        """Wrap a diffusers model; `load` and `from_description` make one."""
        super().__init__()
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (missing in its stub)
        self.network: Any = network
        settings = self.network.config
        stages = settings["block_out_channels"]
        if self.is_variational:
            stages = settings["down_block_types"]
        self.channels = settings["latent_channels"]
        self.downscale = 2 ** (len(stages) - 1)

    @property
    def is_variational(self) -> bool:
        """Whether E gives a distribution (AutoencoderKL) rather than latents (AutoencoderTiny)."""
        return type(self.network).__name__ == "AutoencoderKL"

    @property
    def takes_any_size(self) -> bool:
        """Not AutoencoderKL: its middle looks at, and its norms depend on, the whole image."""
        return not self.is_variational

    @classmethod
    def load(cls, source: str) -> "DiffusersAutoencoder":
        """Load from a folder that diffusers' ``save_pretrained`` wrote, or from the Hugging Face hub.

        Args:
            source: a folder (then the network is never touched), or a hub id ``owner/name``, followed by the
                autoencoder's folder inside the repository if it has one: ``owner/name/vae``. Weights must be
                safetensors.

        Raises:
            InputError: diffusers is not installed, or ``source`` holds no autoencoder of a supported class.
        """
        library = _import_diffusers()
        place = _locate(source)
        try:
            settings = library.AutoencoderKL.load_config(**place)
            family = getattr(library, _check_class(settings, source))
            network = family.from_pretrained(**place, use_safetensors=True, low_cpu_mem_usage=False)
        except InputError:
            raise
        except (OSError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{source}: expected a diffusers autoencoder (config.json, safetensors weights), but {reason}"
            ) from None
        return cls(network.float())

    def description(self) -> dict[str, Any]:
        """The diffusers configuration, so that a saved model needs no hub."""
        settings = {name: value for name, value in self.network.config.items() if not name.startswith("_")}
        return {"class": type(self.network).__name__, "config": settings}

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "DiffusersAutoencoder":
        """The network of a saved configuration, with random weights.

        Raises:
            InputError: diffusers is not installed, or refuses the configuration.
        """
        library = _import_diffusers()
        name = _check_class({"_class_name": description.get("class")}, "the field 'class'")
        try:
            return cls(getattr(library, name).from_config(description.get("config")))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise InputError(f"the field 'config' is no configuration of {name}: {error}") from None

    def encode(
        self, images: Float[Tensor, "view 3 height width"]
    ) -> Float[Tensor, "view channel latent_height latent_width"]:
        """E(x), the mean for a variational autoencoder; see `Autoencoder.encode`."""
        check_image_size(images, self.downscale)
        with autocast("auto", images.device):
            (encoded,) = self.network.encode(images * 2 - 1, return_dict=False)
        return (encoded.mean if self.is_variational else encoded).float()

    def decode(
        self, latents: Float[Tensor, "view channel latent_height latent_width"]
    ) -> Float[Tensor, "view 3 height width"]:
        """D(z); see `Autoencoder.decode`."""
        with autocast("auto", latents.device):
            (decoded,) = self.network.decode(latents, return_dict=False)
        return (decoded.float() + 1) / 2

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """The encoder's parameters, and those between it and the latents."""
        yield from self._parameters_of("encoder", "quant_conv")

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """The decoder's parameters, and those between the latents and it."""
        yield from self._parameters_of("decoder", "post_quant_conv")

    def _parameters_of(self, *names: str) -> Iterator[nn.Parameter]:
        for name in names:
            module = getattr(self.network, name, None)
            if module is not None:
                yield from module.parameters()


def _import_diffusers() -> ModuleType:
    try:
        import diffusers
    except ImportError:
        raise InputError(
            "pre-trained autoencoders need the diffusers library; fix: pip install 'triptych[diffusers]'"
        ) from None
    return diffusers


def _locate(source: str) -> dict[str, Any]:
    """The arguments by which diffusers finds ``source``: a folder on this disk, else a hub id."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}
    parts = source.split("/")
    if folder.exists() or len(parts) < 2 or any(part in ("", ".", "..", "~") for part in parts):
        raise InputError(f"{source}: expected a folder, or a Hugging Face id such as 'owner/name/vae'; found neither")
    subfolder = "/".join(parts[2:]) or None
    return {"pretrained_model_name_or_path": "/".join(parts[:2]), "subfolder": subfolder}


def _check_class(settings: dict[str, Any], where: str) -> str:
    name = settings.get("_class_name")
    if name not in _SUPPORTED:
        raise InputError(f"{where}: expected one of {', '.join(_SUPPORTED)}, found {name!r}")
    return name
