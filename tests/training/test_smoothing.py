"""Smoothed gradients of planes."""

import torch

from triptych.training.smoothing import gaussian, smoothed


def test_a_single_gradient_spreads_like_a_gaussian_on_its_own_plane_and_feature() -> None:
    gradient = torch.zeros(2, 3, 33, 33, 4)
    gradient[1, 2, 16, 16, 3] = 1.0
    spread = smoothed(gradient, gaussian(33, 2.0))
    offsets = torch.arange(33) - 16
    expected = torch.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 2.0**2))
    assert torch.allclose(spread[1, 2, :, :, 3], expected / expected.sum(), atol=1e-5)
    spread[1, 2, :, :, 3] = 0
    assert not spread.any()


def test_smoothing_is_its_own_transpose_up_to_the_borders() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(1, 3, 8, 8, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    assert torch.allclose((a * smoothed(b, gaussian(8, 1.5))).sum(), (smoothed(a, gaussian(8, 1.5)) * b).sum())


def test_gradients_stay_as_they_are_where_there_is_nothing_to_smooth() -> None:
    gradient = torch.randn(1, 3, 8, 8, 2, generator=torch.Generator().manual_seed(0))
    assert smoothed(gradient, gaussian(8, 0.0)) is gradient
    assert torch.allclose(smoothed(gradient, gaussian(8, 0.26)), gradient, atol=0.01)
