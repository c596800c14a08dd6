"""Autoencoders on disk: round trips and refusals."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from triptych.autoencoder.config import ConvolutionalConfig
from triptych.autoencoder.convolutional import ConvolutionalAutoencoder
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.autoencoder.saving import DESCRIPTION_NAME, WEIGHTS_NAME, load_autoencoder, save_autoencoder
from triptych.errors import InputError

CONFIG = ConvolutionalConfig(channels=4, downscale=8, width=8, blocks=1, inner_width=8)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_autoencoder(ConvolutionalAutoencoder(CONFIG), tmp_path)
    return tmp_path


def edit_description(folder: Path, **changes) -> None:
    """By hand: without the checksums."""
    path = folder / DESCRIPTION_NAME
    description = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in description.items() if "sha256" not in key}))


def test_round_trip(tmp_path: Path) -> None:
    autoencoder = ConvolutionalAutoencoder(CONFIG)
    save_autoencoder(autoencoder, tmp_path)
    loaded = load_autoencoder(tmp_path)
    images = torch.rand(1, 3, 16, 16)
    latents = autoencoder.encode(images)
    assert isinstance(loaded, ConvolutionalAutoencoder)
    assert loaded.config == CONFIG
    torch.testing.assert_close(loaded.encode(images), latents, rtol=0, atol=0)
    torch.testing.assert_close(loaded.decode(latents), autoencoder.decode(latents), rtol=0, atol=0)


def test_identity_round_trip(tmp_path: Path) -> None:
    save_autoencoder(IdentityAutoencoder(), tmp_path)
    assert isinstance(load_autoencoder(tmp_path), IdentityAutoencoder)


@pytest.mark.parametrize("name", [DESCRIPTION_NAME, WEIGHTS_NAME])
def test_missing_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(InputError, match=f"{name}: no such file"):
        load_autoencoder(saved)


@pytest.mark.parametrize("name", [DESCRIPTION_NAME, WEIGHTS_NAME])
@pytest.mark.parametrize("summed", [True, False])
def test_damaged_file(saved: Path, name: str, summed: bool) -> None:
    if not summed:
        edit_description(saved)
    (saved / name).write_bytes((saved / name).read_bytes()[:50])
    with pytest.raises(InputError, match=f"{name}: (expected|its bytes)"):
        load_autoencoder(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "transformer"}, "'kind' is one of convolutional"),
        ({"depth": 3}, "'depth' is unknown"),
        ({"channels": "four"}, "'channels' is 'four'"),
        ({"downscale": 3}, "'downscale' is 3"),
        ({"precision": "float8"}, "'precision' is 'float8'"),
    ],
)
def test_description_of_no_autoencoder(saved: Path, changes: dict, message: str) -> None:
    edit_description(saved, **changes)
    with pytest.raises(InputError, match=f"{DESCRIPTION_NAME}: .*{message}"):
        load_autoencoder(saved)


def test_missing_field(saved: Path) -> None:
    edit_description(saved)
    path = saved / DESCRIPTION_NAME
    description = json.loads(path.read_text())
    del description["width"]
    path.write_text(json.dumps(description))
    with pytest.raises(InputError, match="'width' is missing"):
        load_autoencoder(saved)


def test_weights_of_another_model(saved: Path) -> None:
    edit_description(saved, channels=5)
    with pytest.raises(InputError, match=f"{WEIGHTS_NAME}: tensor 'decoder.linear.weight' has shape"):
        load_autoencoder(saved)


def test_superfluous_tensor(saved: Path) -> None:
    edit_description(saved)
    save_file(load_file(saved / WEIGHTS_NAME) | {"zzz": torch.zeros(2)}, saved / WEIGHTS_NAME)
    with pytest.raises(InputError, match="tensor 'zzz' has shape \\[2\\], expected None"):
        load_autoencoder(saved)
