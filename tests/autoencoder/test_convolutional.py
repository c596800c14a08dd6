"""The autoencoder made from scratch: shapes, its transform start, borders, training, saving."""

import pytest
import torch

from triptych.autoencoder.base import Autoencoder
from triptych.autoencoder.config import ConvolutionalConfig
from triptych.autoencoder.convolutional import ConvolutionalAutoencoder
from triptych.autoencoder.dct import color_dct_patterns
from triptych.errors import InputError


def small(**changes) -> ConvolutionalAutoencoder:
    torch.manual_seed(0)
    return ConvolutionalAutoencoder(ConvolutionalConfig(**({"width": 8, "blocks": 2, "inner_width": 16} | changes)))


@pytest.mark.parametrize("downscale", [2, 4, 8])
def test_shapes_and_types(downscale: int) -> None:
    autoencoder = small(channels=5, downscale=downscale)
    latents = autoencoder.encode(torch.rand(2, 3, 24, 40))
    images = autoencoder.decode(latents)
    assert isinstance(autoencoder, Autoencoder)
    assert (autoencoder.channels, autoencoder.downscale) == (5, downscale)
    assert latents.shape == (2, 5, 24 // downscale, 40 // downscale)
    assert images.shape == (2, 3, 24, 40)
    assert images.dtype == latents.dtype == torch.float32


@pytest.mark.parametrize("downscale", [2, 4, 8])
def test_untrained_autoencoder_is_already_a_transform_code(downscale: int) -> None:
    """With all 3 n² patterns nothing is lost, up to the networks' small start; a flat image needs only 3."""
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    complete = small(channels=3 * downscale**2, downscale=downscale)
    torch.testing.assert_close(complete.decode(complete.encode(images)), images, atol=0.05, rtol=0)
    flat = images[:, :, :1, :1].expand(-1, -1, 16, 16)
    colors = small(channels=3, downscale=downscale)
    torch.testing.assert_close(colors.decode(colors.encode(flat)), flat, atol=0.05, rtol=0)


def test_white_image_has_constant_latents_before_training() -> None:
    latents = small().encode(torch.ones(1, 3, 32, 32))
    assert (latents - latents[..., 4:5, 4:5]).abs().max() < 0.01


@pytest.mark.parametrize("downscale", [2, 4, 8])
def test_latents_follow_shifts_by_a_latent_pixel(downscale: int) -> None:
    """Rendered latents do, so scenes cannot learn what depends on where a pixel lies; nor should decoders add any."""
    autoencoder = small(downscale=downscale, precision="float32")
    for last in (autoencoder.encoder.last, autoencoder.decoder.last):
        torch.nn.init.normal_(last.weight, std=0.1)
    smooth = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    images = torch.nn.functional.interpolate(smooth, size=(129, 129), mode="bilinear")
    before, after = images[..., :128, :128], images.roll((-downscale, -downscale), (2, 3))[..., :128, :128]

    border = slice(40 // downscale, -40 // downscale)
    latents = autoencoder.encode(before).roll((-1, -1), (2, 3))[..., border, border]
    found = autoencoder.encode(after)[..., border, border]
    assert (latents - found).std() < 0.02 * latents.std()
    decoded = autoencoder.decode(autoencoder.encode(before)).roll((-downscale, -downscale), (2, 3))[..., 40:-40, 40:-40]
    found = autoencoder.decode(autoencoder.encode(before).roll((-1, -1), (2, 3)))[..., 40:-40, 40:-40]
    assert (decoded - found).std() < 0.02 * decoded.std()


def test_dct_patterns_are_orthonormal_and_start_with_mean_colors() -> None:
    patterns = color_dct_patterns(4, 48)
    rows = patterns.reshape(48, -1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(48), atol=1e-5, rtol=0)
    assert (patterns[:3] - patterns[:3, :, :1, :1]).abs().max() < 1e-6
    torch.testing.assert_close(color_dct_patterns(4, 5), patterns[:5])


def test_encoder_and_decoder_parameters_are_disjoint_and_complete() -> None:
    autoencoder = small()
    encoder = {id(parameter) for parameter in autoencoder.encoder_parameters()}
    decoder = {id(parameter) for parameter in autoencoder.decoder_parameters()}
    assert not encoder & decoder
    assert encoder | decoder == {id(parameter) for parameter in autoencoder.parameters()}


def test_encoding_trains_encoder_only() -> None:
    autoencoder = small()
    autoencoder.encode(torch.rand(1, 3, 16, 16)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in autoencoder.encoder_parameters())
    assert all(parameter.grad is None for parameter in autoencoder.decoder_parameters())


@pytest.mark.parametrize("downscale", [2, 4, 8])
def test_training_improves_on_the_transform(downscale: int) -> None:
    autoencoder = small(channels=4, downscale=downscale)
    random = torch.Generator().manual_seed(2)
    corners = torch.randint(0, 12, (16, 2), generator=random)
    images = torch.ones(16, 3, 24, 24)
    for image, (row, column) in zip(images, corners, strict=True):
        image[:, row : row + 9, column : column + 10] = torch.rand(3, 1, 1, generator=random)
    optimizer = torch.optim.Adam(autoencoder.parameters(), lr=2e-3)
    losses = []
    for _ in range(60):
        loss = (autoencoder.decode(autoencoder.encode(images)) - images).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(autoencoder.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_same_seed_same_weights() -> None:
    for one, other in zip(small().parameters(), small().parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("downscale", [2, 4, 8])
def test_image_sides_must_be_multiples_of_the_downscale(downscale: int) -> None:
    with pytest.raises(InputError, match=rf"17x16 pixels.*multiples of {downscale}"):
        small(downscale=downscale).encode(torch.rand(1, 3, 16, 17))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"channels": 49}, "at most 48"),
        ({"blocks": -1}, "blocks is -1"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_impossible_shapes_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ConvolutionalConfig(**changes)
