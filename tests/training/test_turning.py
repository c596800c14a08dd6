"""Pieces of pictures, turned: what an autoencoder's latents make of one from the other."""

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from triptych.autoencoder import ConvolutionalAutoencoder, ConvolutionalConfig, IdentityAutoencoder
from triptych.autoencoder.saving import load_autoencoder
from triptych.model import find_autoencoder
from triptych.training.turning import recolored, turned_losses, turned_pairs

WHITE, BLACK = torch.ones(3), torch.zeros(3)


def smooth_pictures(background: Float[Tensor, "3"], side: int = 96) -> Float[Tensor, "view 3 height width"]:
    """Two pictures of a soft blob of three colors, off the middle."""
    along = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(along, along, indexing="ij")
    centers = [(0.2, -0.1), (-0.3, 0.3)]
    blobs = torch.stack([(-6 * ((x - a) ** 2 + (y - b) ** 2)).exp() for a, b in centers])
    colors = torch.stack([0.5 + 0.5 * x, 0.5 + 0.5 * y, 0.5 - 0.3 * x])
    return background[:, None, None] + blobs[:, None] * (colors - background[:, None, None])


@pytest.mark.parametrize("zoom", [0.5, 1.0])
@pytest.mark.parametrize("background", [WHITE, BLACK])
def test_colors_follow_every_map(zoom: float, background: Float[Tensor, "3"]) -> None:
    """Where latents are colors, those of one piece taken to the other are those of the other."""
    pair = turned_pairs(smooth_pictures(background), background, zoom, torch.Generator().manual_seed(0))
    assert (pair.source - pair.target[:, :, :1, :1]).abs().amax() > 0.1  # something is seen
    losses = turned_losses(IdentityAutoencoder(), pair, 0.0, torch.Generator())
    assert float(losses.ae) == 0
    assert float(losses.turned) < 2e-5
    assert float(losses.latents) < 2e-3


def test_patterns_that_depend_on_the_pixels_place_do_not_follow() -> None:
    autoencoder = ConvolutionalAutoencoder(ConvolutionalConfig(channels=8, downscale=2, width=8, blocks=1))
    pair = turned_pairs(smooth_pictures(WHITE), WHITE, 1.0, torch.Generator().manual_seed(0))
    with torch.no_grad():
        losses = turned_losses(autoencoder, pair, 0.0, torch.Generator())
    assert float(losses.latents) > 0.3
    assert float(losses.turned) > float(losses.ae)


def test_beyond_the_pictures_edge_there_is_background() -> None:
    blue = torch.tensor([0.0, 0.0, 1.0])
    pictures = blue[:, None, None].repeat(2, 1, 16, 16)
    pair = turned_pairs(pictures, blue, 2.0, torch.Generator().manual_seed(0))
    for piece in (pair.source, pair.target):
        assert torch.allclose(piece, blue[:, None, None].expand_as(piece), atol=1e-6)


def test_a_seed_decides_the_pieces() -> None:
    pictures = smooth_pictures(WHITE)
    one, same, other = (
        turned_pairs(pictures, WHITE, 1.0, torch.Generator().manual_seed(seed)).target for seed in (0, 0, 1)
    )
    assert one.equal(same)
    assert not one.equal(other)


def test_other_colors_leave_the_background_and_the_rest_of_the_pictures() -> None:
    pictures = smooth_pictures(WHITE).clamp(0, 1)
    pictures[:, :, 0] = 1
    assert torch.allclose(recolored(pictures, WHITE, 0.0, torch.Generator().manual_seed(0)), pictures, atol=1e-6)
    changed = recolored(pictures, WHITE, 1.0, torch.Generator().manual_seed(0))
    assert torch.allclose(changed[:, :, 0], torch.ones(()), atol=1e-6)
    assert (changed - pictures).abs().amax(dim=(1, 2, 3)).min() > 0.05
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_noise_is_as_large_as_the_latents_vary() -> None:
    pair = turned_pairs(smooth_pictures(WHITE), WHITE, 1.0, torch.Generator().manual_seed(0))
    error, doubled = (
        float(turned_losses(IdentityAutoencoder(), pair, noise, torch.Generator().manual_seed(1)).turned)
        for noise in (0.1, 0.2)
    )
    variance = float(pair.target.var(dim=(0, 2, 3)).mean())
    assert 0.2 * 0.01 * variance < error < 0.01 * variance  # of a strength between 0 and 1
    assert doubled == pytest.approx(4 * error, rel=0.1)


def test_the_autoencoder_of_the_package_follows_turns() -> None:
    pictures = smooth_pictures(WHITE).clamp(0, 1)
    pair = turned_pairs(pictures, WHITE, 1.0, torch.Generator().manual_seed(0))
    shipped, untrained = (
        load_autoencoder(find_autoencoder("general")),
        ConvolutionalAutoencoder(ConvolutionalConfig(channels=8, downscale=2)),
    )
    with torch.no_grad():
        ours, theirs = (turned_losses(each, pair, 0.0, torch.Generator()) for each in (shipped, untrained))
    assert float(ours.latents) < 0.25 * float(theirs.latents)
    assert float(ours.turned) < 1e-3
