"""The renderer alone, reference against fused."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from triptych.benchmark.measure import time_in_turn
from triptych.benchmark.sizes import Sizes
from triptych.geometry import SceneRays, hemisphere_cameras
from triptych.representation import kernels
from triptych.representation.config import MLPConfig, SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.mlp import TinyMLP

BOX = torch.tensor([[-0.65, -0.65, -0.65], [0.65, 0.65, 0.65]])
"""A box that every ray of the cameras meets, so that there are as many samples as the sizes say."""


PARTS = ("forward", "forward + backward", "L_Enc with placing")
"""What is measured of each backend."""


def fused_against_reference(sizes: Sizes, repeats: int) -> dict[str, float]:
    """Median seconds of both backends: of forward, and of forward and backward, on the same samples; and of L_Enc with
    its gradients, samples placed (half of them where there is matter), rendered and compared.

    Every view is of another scene, as in stage 1, and the scenes are as at the start of a training: half transparent,
    so that every sample counts, which is the fused kernel's worst case.
    """
    calls: dict[str, Callable[[], object]] = {}
    for backend in ("fused", "reference"):
        for part, call in zip(PARTS, _calls(sizes, backend), strict=True):
            calls[f"{backend} {part}"] = call
    return time_in_turn(calls, repeats)


def growth(sizes: Sizes, ranges: Mapping[str, tuple[int, ...]], repeats: int) -> dict[str, dict[int, float]]:
    """Median seconds of the fused renderer, forward and backward, as one size varies."""
    found = {}
    for name, values in ranges.items():
        calls = {str(value): _calls(replace(sizes, **{name: value}), "fused")[1] for value in values}
        found[name] = {int(value): seconds for value, seconds in time_in_turn(calls, repeats).items()}
    return found


def _calls(sizes: Sizes, name: str) -> tuple[Callable[[], object], ...]:
    """The parts of one backend on a batch of random scenes."""
    backend: kernels.Backend = "cpu" if name == "fused" else "reference"
    torch.manual_seed(0)
    mlp = TinyMLP(sizes.features, sizes.channels, MLPConfig())
    planes = 0.1 * torch.randn(sizes.views, 3, sizes.resolution, sizes.resolution, sizes.features)
    field = TriPlaneField(planes.requires_grad_(), mlp, BOX)
    rays = SceneRays.of_views(hemisphere_cameras(sizes.views, sizes.side, seed=0).rays(), [1] * sizes.views)
    jitter = torch.rand(len(rays.flat.origins), 2)
    intervals = kernels.place_samples(field, rays, SamplingConfig(sizes.samples, 0), jitter, backend)

    def forward() -> kernels.Integral:
        with torch.no_grad():
            return kernels.integrate(field, rays, intervals, backend)

    def forward_backward() -> None:
        integral = kernels.integrate(field, rays, intervals, backend)
        loss = integral.channels.square().mean() + integral.opacity.square().mean()
        torch.autograd.grad(loss, [planes, *mlp.parameters()])

    pixels = len(rays.flat.origins)
    targets = torch.rand(pixels, sizes.channels)
    comparison = kernels.Comparison(targets, torch.rand(pixels // sizes.views, sizes.channels))

    def latent_error() -> None:
        error = kernels.squared_error(field, rays, sizes.sampling(), jitter, comparison, backend)
        torch.autograd.grad(error, [planes, *mlp.parameters()])

    return forward, forward_backward, latent_error
