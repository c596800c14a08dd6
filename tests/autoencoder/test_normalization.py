"""The latents' scale: its definition, its inverse, its state."""

import pytest
import torch

from triptych.autoencoder.normalization import LatentNormalization
from triptych.errors import InputError


def raw_latents() -> torch.Tensor:
    noise = torch.randn(6, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    return noise * torch.tensor([0.1, 3.0, 20.0])[:, None, None] + torch.tensor([5.0, -2.0, 0.0])[:, None, None]


def test_affine_gives_zero_mean_and_unit_variance() -> None:
    latents = raw_latents()
    normalized = LatentNormalization.fit(latents, "affine").normalize(latents)
    torch.testing.assert_close(normalized.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(normalized.square().mean((0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)


def test_tanh_follows_the_published_recipe() -> None:
    latents = raw_latents()
    normalized = LatentNormalization.fit(latents, "tanh").normalize(latents)
    torch.testing.assert_close(normalized, (torch.tanh(0.02 * latents) + 1) / 2)
    assert 0 < normalized.min() < normalized.max() < 1


@pytest.mark.parametrize("kind", ["affine", "tanh"])
def test_denormalize_inverts_normalize(kind: str) -> None:
    latents = raw_latents().double()
    normalization = LatentNormalization.fit(latents, kind)
    torch.testing.assert_close(normalization.denormalize(normalization.normalize(latents)), latents)


def test_tanh_of_values_outside_the_unit_interval_stays_finite() -> None:
    normalization = LatentNormalization.fit(torch.zeros(1, 2, 1, 1), "tanh")
    assert normalization.denormalize(torch.tensor([-0.5, 1.5]).reshape(1, 2, 1, 1)).isfinite().all()


def test_constant_channel_is_inverted() -> None:
    latents = torch.full((2, 1, 3, 3), 7.0)
    normalization = LatentNormalization.fit(latents)
    torch.testing.assert_close(normalization.denormalize(normalization.normalize(latents)), latents)


def test_state_restores_it_and_nothing_is_trained() -> None:
    latents = raw_latents()
    fitted = LatentNormalization.fit(latents)
    restored = LatentNormalization(fitted.kind, torch.zeros(3), torch.ones(3))
    restored.load_state_dict(fitted.state_dict())
    torch.testing.assert_close(restored.normalize(latents), fitted.normalize(latents), rtol=0, atol=0)
    assert not list(fitted.parameters())


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="kind is 'log'"):
        LatentNormalization("log", torch.zeros(2), torch.ones(2))
