"""The adapter to diffusers, on tiny networks made here; nothing is downloaded."""

import sys
from pathlib import Path

import pytest
import torch

from triptych.autoencoder.pretrained import DiffusersAutoencoder
from triptych.autoencoder.saving import load_autoencoder, save_autoencoder
from triptych.errors import InputError

diffusers = pytest.importorskip("diffusers", reason="the optional extra 'diffusers' is not installed")
KL, TINY = "AutoencoderKL", "AutoencoderTiny"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was touched")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the processor has bfloat16."""
    monkeypatch.setattr("triptych.autoencoder.precision.has_fast_bfloat16", lambda device: False)


def tiny_network(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if name == KL:
        stages = 3
        return diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * stages,
            up_block_types=("UpDecoderBlock2D",) * stages,
            block_out_channels=(8,) * stages,
            norm_num_groups=4,
            latent_channels=6,
        )
    sizes = (8,) * 4
    return diffusers.AutoencoderTiny(
        encoder_block_out_channels=sizes,
        decoder_block_out_channels=sizes,
        num_encoder_blocks=(1,) * 4,
        num_decoder_blocks=(1,) * 4,
        latent_channels=5,
    )


@pytest.mark.parametrize(("name", "channels", "downscale"), [(KL, 6, 4), (TINY, 5, 8)])
def test_folder_of_save_pretrained(tmp_path: Path, name: str, channels: int, downscale: int):
    network = tiny_network(name)
    network.save_pretrained(tmp_path)
    autoencoder = DiffusersAutoencoder.load(str(tmp_path))
    images = torch.rand(2, 3, 16, 24)
    latents = autoencoder.encode(images)
    assert (autoencoder.channels, autoencoder.downscale) == (channels, downscale)
    assert latents.shape == (2, channels, 16 // downscale, 24 // downscale)
    assert autoencoder.decode(latents).shape == images.shape
    torch.testing.assert_close(autoencoder.encode(images), latents, rtol=0, atol=0)


def test_variational_latents_are_the_mean_of_signed_images():
    network = tiny_network(KL)
    images = torch.rand(1, 3, 16, 16)
    autoencoder = DiffusersAutoencoder(network)
    latents = network.encode(2 * images - 1).latent_dist.mode()
    torch.testing.assert_close(autoencoder.encode(images), latents)
    torch.testing.assert_close(autoencoder.decode(latents), network.decode(latents).sample / 2 + 0.5)


def test_tiny_network_sees_images_in_the_unit_interval():
    """TAESD's layers work in [0, 1]; the library's own conversions to and from [-1, 1] must cancel ours."""
    network = tiny_network(TINY)
    autoencoder = DiffusersAutoencoder(network)
    images = torch.rand(1, 3, 16, 16)
    latents = network.encoder.layers(images)
    torch.testing.assert_close(autoencoder.encode(images), latents, atol=1e-5, rtol=1e-5)
    expected = network.decoder.layers(3 * torch.tanh(latents / 3))
    torch.testing.assert_close(autoencoder.decode(latents), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [KL, TINY])
def test_convolutions_run_in_bfloat16_where_that_is_native(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    autoencoder, images = DiffusersAutoencoder(tiny_network(name)), torch.rand(2, 3, 16, 16)
    latents = autoencoder.encode(images)
    decoded = autoencoder.decode(latents)
    monkeypatch.setattr("triptych.autoencoder.precision.has_fast_bfloat16", lambda device: True)
    for rounded, exact in ((autoencoder.encode(images), latents), (autoencoder.decode(latents), decoded)):
        assert rounded.dtype == torch.float32
        assert not torch.equal(rounded, exact)
        assert (rounded - exact).norm() < 0.03 * exact.norm()
    rounded.mean().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in autoencoder.decoder_parameters())


@pytest.mark.parametrize("name", [KL, TINY])
def test_saved_with_the_category_model_without_its_source(tmp_path: Path, name: str):
    autoencoder = DiffusersAutoencoder(tiny_network(name))
    save_autoencoder(autoencoder, tmp_path)
    loaded = load_autoencoder(tmp_path)
    images = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(loaded.encode(images), autoencoder.encode(images), rtol=0, atol=0)


@pytest.mark.parametrize("name", [KL, TINY])
def test_encoder_and_decoder_parameters_are_disjoint_and_complete(name: str):
    autoencoder = DiffusersAutoencoder(tiny_network(name))
    encoder = {id(parameter) for parameter in autoencoder.encoder_parameters()}
    decoder = {id(parameter) for parameter in autoencoder.decoder_parameters()}
    assert not encoder & decoder
    assert encoder | decoder == {id(parameter) for parameter in autoencoder.parameters()}


@pytest.mark.parametrize("source", ["no_such_folder", "/no/such/folder", "./a/b", "../a/b"])
def test_source_that_is_neither_folder_nor_hub_id(source: str):
    with pytest.raises(InputError, match="expected a folder, or a Hugging Face id"):
        DiffusersAutoencoder.load(source)


def test_folder_without_configuration(tmp_path: Path):
    with pytest.raises(InputError, match=f"{tmp_path}: expected a diffusers autoencoder"):
        DiffusersAutoencoder.load(str(tmp_path))


def test_pickled_weights_are_not_read(tmp_path: Path):
    tiny_network(TINY).save_pretrained(tmp_path, safe_serialization=False)
    with pytest.raises(InputError, match="safetensors"):
        DiffusersAutoencoder.load(str(tmp_path))


def test_other_classes_are_refused(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"_class_name": "UNet2DModel"}')
    with pytest.raises(InputError, match="expected one of AutoencoderKL, AutoencoderTiny, found 'UNet2DModel'"):
        DiffusersAutoencoder.load(str(tmp_path))


def test_missing_library_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(InputError, match="pip install 'triptych\\[diffusers\\]'"):
        DiffusersAutoencoder.load("owner/name")
