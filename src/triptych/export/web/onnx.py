"""The decoder of a category model as ONNX, the way from normalized latents included, where steps cannot tell it."""

import copy
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import Dim

from triptych.autoencoder import Autoencoder, ConvolutionalAutoencoder, LatentNormalization
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.autoencoder.precision import in_single_precision
from triptych.errors import InputError
from triptych.model import CategoryModel

OPSET = 20


def require_onnx() -> None:
    """Refuse to begin without what ``write_onnx`` needs.

    Raises:
        InputError: onnx or onnxscript is not installed.
    """
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise InputError(f'web: needs {package}; pip install "triptych[web]"')


def write_onnx(path: Path, model: CategoryModel) -> bool:
    """Write the model's decoder in single precision.

    Its input ``latents`` [1, channel, latent_height, latent_width] is normalized, its output ``images`` [1, 3, height,
    width] is RGB around [0, 1], not clamped: what ``CategoryModel.decode`` does for one view.

    Args:
        path: the file.
        model: a model, on any device.

    Returns:
        Whether it takes latents of any height and width; else only those of the model's pictures, as some networks of
        others do.
    """
    decoder = _Decoder(model.autoencoder, model.normalization).cpu().eval()
    latents = torch.zeros(1, model.autoencoder.channels, *model.latent_size)
    any_size = isinstance(model.autoencoder, ConvolutionalAutoencoder | IdentityAutoencoder)
    sizes = {"latents": {2: Dim("latent_height", min=2), 3: Dim("latent_width", min=2)}} if any_size else None
    # Else a machine with bfloat16 instructions would write its own rounding into the file.
    with _quiet(), in_single_precision():
        torch.onnx.export(
            decoder,
            (latents,),
            path,
            input_names=["latents"],
            output_names=["images"],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=sizes,
            external_data=False,
            verbose=False,
        )
    return any_size


class _Decoder(nn.Module):
    def __init__(self, autoencoder: Autoencoder, normalization: LatentNormalization) -> None:
        super().__init__()
        self.autoencoder = copy.deepcopy(autoencoder)
        self.normalization = copy.deepcopy(normalization)

    def forward(self, latents: Float[Tensor, "view channel h w"]) -> Float[Tensor, "view 3 height width"]:
        return self.autoencoder.decode(self.normalization.denormalize(latents))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter says about its own insides and about packages that it does without."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
