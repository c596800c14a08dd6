"""The fused CPU kernel against the reference, and what only it must hold: determinism, concurrency, one operator."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from triptych.geometry import Rays, intersect_aabb
from triptych.representation.kernels import cpu, reference
from triptych.representation.mlp import MLPConfig, TinyMLP

AABB = torch.tensor([[-0.5, -0.4, -0.6], [0.5, 0.6, 0.4]])


@dataclass(frozen=True)
class Case:
    """One call of a kernel."""

    planes: Tensor
    mlp: TinyMLP
    rays: Rays
    t_starts: Tensor
    t_ends: Tensor
    rays_per_scene: list[int]

    def arguments(self):
        return self.planes, self.mlp, AABB, self.rays, self.t_starts, self.t_ends, self.rays_per_scene

    def parameters(self):
        return [self.planes, *self.mlp.parameters()]


def make_case(*, rays_per_scene=(12, 9), samples=20, resolution=11, features=32, channels=4, seed=0, **config) -> Case:
    generator = torch.Generator().manual_seed(seed)
    planes = torch.randn(len(rays_per_scene), 3, resolution, resolution, features, generator=generator) / 2
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        mlp = TinyMLP(features, channels, MLPConfig(**config))
    count = sum(rays_per_scene)
    origins = torch.randn(count, 3, generator=generator)
    targets = torch.rand(count, 3, generator=generator) / 2 - 0.25
    origins = 1.5 * origins / origins.norm(dim=-1, keepdim=True)
    rays = Rays(origins, torch.nn.functional.normalize(targets - origins, dim=-1))
    near, far = intersect_aabb(rays, AABB)
    places = torch.rand(count, samples + 1, generator=generator).sort(dim=-1).values
    edges = near[:, None] + (far - near)[:, None] * places
    return Case(planes.requires_grad_(), mlp, rays, edges[:, :-1], edges[:, 1:], list(rays_per_scene))


def run(kernel, case: Case) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs, and gradients of a loss that weighs every output differently."""
    integral = kernel.integrate(*case.arguments())
    outputs = [integral.channels, integral.opacity, integral.depth]
    generator = torch.Generator().manual_seed(7)
    loss = sum((torch.randn(out.shape, generator=generator) * out).sum() for out in outputs)
    gradients = torch.autograd.grad(loss, case.parameters())
    return [out.detach() for out in outputs], list(gradients)


def assert_agrees(actual: Tensor, expected: Tensor):
    assert actual.shape == expected.shape
    assert (actual - expected).norm() <= 1e-5 * expected.norm().clamp_min(1e-20)


CASES = {
    "softplus": {},
    "relu": {"hidden_activation": "relu"},
    "sigmoid channels": {"channel_activation": "sigmoid", "channels": 3},
    "wide": {"features": 64, "hidden": 128, "channels": 33},
    "odd sizes": {"features": 5, "hidden": 19, "channels": 8, "resolution": 7, "samples": 13},
    "one texel": {"resolution": 1},
    "one sample": {"samples": 1},
    "one scene, split between threads": {"rays_per_scene": (300,), "samples": 6},
    "uneven scenes": {"rays_per_scene": (0, 1, 190, 0, 3)},
    "dense, rays end early": {"density_scale": 300.0, "density_shift": 2.0, "samples": 40},
}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_the_reference(name):
    case = make_case(**CASES[name])
    outputs, gradients = run(cpu, case)
    expected_outputs, expected_gradients = run(reference, case)
    for actual, expected in zip(outputs + gradients, expected_outputs + expected_gradients, strict=True):
        assert_agrees(actual, expected)
    with torch.no_grad():
        assert_agrees(cpu.interval_weights(*case.arguments()), reference.interval_weights(*case.arguments()))


def test_two_calls_give_the_same_bits():
    case = make_case(rays_per_scene=(300, 40))
    first, second = run(cpu, case), run(cpu, case)
    assert all(torch.equal(a, b) for a, b in zip(first[0] + first[1], second[0] + second[1], strict=True))


def test_several_python_threads_may_render_at_once():
    cases = [make_case(rays_per_scene=(150, 30), seed=seed) for seed in range(4)]
    alone = [run(cpu, case) for case in cases]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda case: run(cpu, case), cases * 5))
    for place, (outputs, gradients) in enumerate(together):
        expected = alone[place % 4]
        assert all(torch.equal(a, b) for a, b in zip(outputs + gradients, expected[0] + expected[1], strict=True))


def test_a_call_without_rays_gives_zero_gradients():
    case = make_case(rays_per_scene=(0, 0))
    outputs, gradients = run(cpu, case)
    assert outputs[0].shape == (0, 4)
    assert all((gradient == 0).all() for gradient in gradients)


def test_empty_intervals_contribute_nothing():
    case = make_case()
    t_ends = torch.where(torch.arange(20) % 3 == 0, case.t_starts, case.t_ends)
    gaps = Case(case.planes, case.mlp, case.rays, case.t_starts, t_ends, case.rays_per_scene)
    (outputs, gradients), (expected_outputs, expected_gradients) = run(cpu, gaps), run(reference, gaps)
    for actual, expected in zip(outputs + gradients, expected_outputs + expected_gradients, strict=True):
        assert_agrees(actual, expected)


def test_autograd_and_compile_see_one_operator():
    case = make_case(rays_per_scene=(5, 4), samples=9)
    inputs = (
        case.planes.detach(),
        *(weight.detach() for weight in cpu._weights_of(case.mlp)),
        AABB,
        case.rays.origins,
        case.rays.directions,
        case.t_starts,
        case.t_ends,
        case.rays_per_scene,
        *cpu._constants(case.mlp),
        True,
    )
    torch.library.opcheck(torch.ops.triptych.integrate.default, inputs, test_utils=("test_schema", "test_faketensor"))
