"""Random scenes, rays and intervals on which a fused kernel must agree with the reference."""

import os
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from triptych.geometry import Intervals, Rays, SceneRays, intersect_aabb
from triptych.representation.config import MLPConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels.reference import Integral
from triptych.representation.mlp import TinyMLP

DEVICE = torch.device("cuda" if os.environ.get("TRITON_INTERPRET") == "0" and torch.cuda.is_available() else "cpu")
"""Where the cases are: on a GPU, if there is one, with TRITON_INTERPRET=0."""
AABB = torch.tensor([[-0.5, -0.4, -0.6], [0.5, 0.6, 0.4]], device=DEVICE)


@dataclass(frozen=True)
class Case:
    """One call of a kernel."""

    field: TriPlaneField
    rays: SceneRays
    intervals: Intervals

    def arguments(self):
        return self.field, self.rays, self.intervals

    def parameters(self):
        return [self.field.planes, *self.field.mlp.parameters()]


def make_case(*, rays_per_scene=(12, 9), samples=20, resolution=11, features=32, channels=4, seed=0, **config) -> Case:
    generator = torch.Generator().manual_seed(seed)
    planes = torch.randn(len(rays_per_scene), 3, resolution, resolution, features, generator=generator) / 2
    planes = planes.to(DEVICE)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        mlp = TinyMLP(features, channels, MLPConfig(**config)).to(DEVICE)
    count = sum(rays_per_scene)
    origins = torch.randn(count, 3, generator=generator)
    targets = torch.rand(count, 3, generator=generator) / 2 - 0.25
    origins = 1.5 * origins / origins.norm(dim=-1, keepdim=True)
    rays = Rays(origins, torch.nn.functional.normalize(targets - origins, dim=-1)).to(DEVICE)
    near, far = intersect_aabb(rays, AABB)
    places = torch.rand(count, samples + 1, generator=generator).to(DEVICE).sort(dim=-1).values
    edges = near[:, None] + (far - near)[:, None] * places
    field = TriPlaneField(planes.requires_grad_(), mlp, AABB)
    return Case(field, SceneRays(rays, list(rays_per_scene)), Intervals.between(edges))


def shortened(case: Case, empty: Tensor) -> Case:
    """The same call with some intervals of no length."""
    starts, ends = case.intervals.starts, case.intervals.ends
    return replace(case, intervals=Intervals(starts, torch.where(empty, starts, ends)))


def weighted_sum(integral: Integral) -> Tensor:
    """A loss that weighs every output differently."""
    generator = torch.Generator().manual_seed(7)
    outputs = integral.channels, integral.opacity, integral.depth
    return torch.stack([(torch.randn(out.shape, generator=generator).to(out) * out).sum() for out in outputs]).sum()


def run(kernel, case: Case) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs of a kernel, and gradients of their weighted sum."""
    integral = kernel.integrate(*case.arguments())
    outputs = [integral.channels, integral.opacity, integral.depth]
    gradients = torch.autograd.grad(weighted_sum(integral), case.parameters())
    return [out.detach() for out in outputs], list(gradients)


def assert_agrees(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).norm() <= 1e-5 * expected.norm().clamp_min(1e-20)
