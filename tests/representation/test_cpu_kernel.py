"""The fused CPU kernel against the reference, and what only it must hold: determinism, concurrency, one operator."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from kernel_cases import AABB, Case, assert_agrees, make_case, run, shortened, weighted_sum

from triptych.errors import InputError
from triptych.geometry import bit_grid
from triptych.representation import kernels
from triptych.representation.config import SamplingConfig
from triptych.representation.kernels import cpu, reference

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
def test_agrees_with_the_reference(name) -> None:
    case = make_case(**CASES[name])
    outputs, gradients = run(cpu, case)
    expected_outputs, expected_gradients = run(reference, case)
    for actual, expected in zip(outputs + gradients, expected_outputs + expected_gradients, strict=True):
        assert_agrees(actual, expected)
    with torch.no_grad():
        assert_agrees(cpu.densities(*case.arguments()), reference.densities(*case.arguments()))


@pytest.mark.parametrize("sampling", [SamplingConfig(24, 0), SamplingConfig(7, 12), SamplingConfig(1, 1)])
@pytest.mark.parametrize("skipping", [False, True])
def test_places_samples_like_the_reference(sampling, skipping) -> None:
    case = make_case(rays_per_scene=(60, 0, 41), density_shift=0.0)
    generator = torch.Generator().manual_seed(1)
    cells = torch.rand(3, 32, 32, 32, generator=generator) > 0.5
    field = replace(case.field, occupancy=bit_grid.pack(cells) if skipping else None)
    case.rays.flat.directions[::10] *= -1  # these miss the box
    jitter = torch.rand(101, 2, generator=generator)
    actual = cpu.place_samples(field, case.rays, sampling, jitter)
    expected = reference.place_samples(field, case.rays, sampling, jitter)
    assert torch.allclose(actual.starts, expected.starts, atol=1e-4)
    # A middle on the face of a cell may fall to either side of it.
    assert (torch.isclose(actual.ends, expected.ends, atol=1e-4)).float().mean() > 0.999
    assert (actual.ends[::10] == 0).all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("occupied", [None, 0.5, 0.0])
def test_one_pass_renders_what_its_parts_render(name, occupied) -> None:
    case = make_case(**CASES[name])
    scenes, rays = len(case.field.planes), len(case.rays.flat.origins)
    generator, bits = torch.Generator().manual_seed(1), None
    if occupied is not None:
        cells = torch.zeros(scenes, 32, 32, 32, dtype=torch.bool)
        cells[:, 5:20, 9:30, 3:28] = torch.rand(scenes, 15, 21, 25, generator=generator) < occupied
        bits = bit_grid.pack(cells)
    field, sampling = replace(case.field, occupancy=bits), SamplingConfig(30, 0)
    case.rays.flat.directions[::10] *= -1  # these miss the box
    jitter = torch.rand(rays, 2, generator=generator)
    with torch.no_grad():
        found = kernels.render(field, case.rays, sampling, jitter)
        expected = cpu.integrate(field, case.rays, cpu.place_samples(field, case.rays, sampling, jitter))
    for one, other in zip(vars(found).values(), vars(expected).values(), strict=True):
        assert torch.isclose(one, other, rtol=1e-4, atol=1e-5).float().mean() > 0.999  # see above
    assert (found.opacity[::10] == 0).all()
    assert occupied is None or found.opacity.any() == (occupied > 0)


def test_what_is_rendered_has_gradients_where_asked_for() -> None:
    case = make_case()
    jitter = torch.full((len(case.rays.flat.origins), 2), 0.5)
    assert kernels.render(case.field, case.rays, SamplingConfig(12, 0), jitter).channels.requires_grad


@pytest.mark.parametrize("shape", [(1, 3, 5, 5, 7), (3, 3, 4, 6, 16), (2, 3, 1, 1, 3)])
def test_total_variation_agrees_with_the_reference(shape) -> None:
    planes = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = []
    for kernel in (cpu, reference):
        value = kernel.total_variation(planes)
        (gradient,) = torch.autograd.grad(3.0 * value, planes)
        found.append((value.detach(), gradient))
    if shape[2] == 1:  # a mean of nothing: the reference gives no number
        assert found[0][0] == 0
        assert (found[0][1] == 0).all()
    else:
        assert_agrees(found[0][0], found[1][0])
        assert_agrees(found[0][1], found[1][1])


def test_two_calls_give_the_same_bits() -> None:
    case = make_case(rays_per_scene=(300, 40))
    first, second = run(cpu, case), run(cpu, case)
    assert all(torch.equal(a, b) for a, b in zip(first[0] + first[1], second[0] + second[1], strict=True))


def test_several_python_threads_may_render_at_once() -> None:
    cases = [make_case(rays_per_scene=(150, 30), seed=seed) for seed in range(4)]
    alone = [run(cpu, case) for case in cases]
    with ThreadPoolExecutor(4) as pool:
        counts = set(pool.map(lambda _: torch.get_num_threads(), range(8)))
        together = list(pool.map(lambda case: run(cpu, case), cases * 5))
    assert counts == {torch.get_num_threads()}  # scenes are cut into parts by it, and sums of parts round
    for place, (outputs, gradients) in enumerate(together):
        expected = alone[place % 4]
        assert all(torch.equal(a, b) for a, b in zip(outputs + gradients, expected[0] + expected[1], strict=True))


def test_a_call_without_rays_gives_zero_gradients() -> None:
    case = make_case(rays_per_scene=(0, 0))
    outputs, gradients = run(cpu, case)
    assert outputs[0].shape == (0, 4)
    assert all((gradient == 0).all() for gradient in gradients)


def test_empty_intervals_contribute_nothing() -> None:
    case = make_case()
    gaps = shortened(case, torch.arange(20) % 3 == 0)
    (outputs, gradients), (expected_outputs, expected_gradients) = run(cpu, gaps), run(reference, gaps)
    for actual, expected in zip(outputs + gradients, expected_outputs + expected_gradients, strict=True):
        assert_agrees(actual, expected)


def test_a_frozen_mlp_leaves_the_gradient_of_the_planes_alone() -> None:
    case = make_case()
    _, (expected, *_) = run(cpu, case)
    case.field.mlp.requires_grad_(False)
    (actual,) = torch.autograd.grad(weighted_sum(cpu.integrate(*case.arguments())), case.field.planes)
    assert torch.equal(actual, expected)


def test_a_gradient_of_one_output_alone_agrees() -> None:
    case = make_case()
    gradients = [
        torch.autograd.grad(kernel.integrate(*case.arguments()).depth.sum(), case.parameters())
        for kernel in (cpu, reference)
    ]
    for actual, expected in zip(*gradients, strict=True):
        assert_agrees(actual, expected)


def test_not_a_number_spreads_to_its_rays_alone() -> None:
    case = make_case(rays_per_scene=(12, 9))
    with torch.no_grad():
        case.field.planes[0].fill_(torch.nan)
        case.rays.flat.origins[15] = torch.nan
    (channels, _, _), (planes_gradient, *_) = run(cpu, case)
    assert channels[:12].isnan().all()
    assert channels[[12, 13, 14, 16, 17, 18, 19, 20]].isfinite().all()
    assert planes_gradient[0].isnan().any()


def test_input_it_cannot_handle_is_refused() -> None:
    case = make_case()
    with pytest.raises(InputError, match="rays_per_scene"):
        cpu.integrate(case.field, replace(case.rays, per_scene=[*case.rays.per_scene, 1]), case.intervals)
    doubles = replace(case.field, planes=case.field.planes.double())
    with pytest.raises(InputError, match="float32"):
        cpu.integrate(doubles, case.rays, case.intervals)
    assert not cpu.supports(replace(case.field, planes=case.field.planes[:, :, 1:]))


def scene_arguments(case: Case):
    planes, *mlp = (parameter.detach().requires_grad_() for parameter in case.parameters())
    constants = False, False, case.field.mlp.config.density_scale, case.field.mlp.config.density_shift
    return planes, *mlp, AABB, case.rays.flat.origins, case.rays.flat.directions, case.rays.per_scene, *constants


def test_the_operators_are_sound() -> None:
    case = make_case(rays_per_scene=(5, 4), samples=9)
    scenes, intervals = scene_arguments(case), (case.intervals.starts, case.intervals.ends)
    torch.library.opcheck(torch.ops.triptych.integrate.default, (*scenes, *intervals, True))
    without_gradient = ("test_schema", "test_faketensor")
    torch.library.opcheck(torch.ops.triptych.densities.default, (*scenes, *intervals), test_utils=without_gradient)
    placing = (*scenes, None, torch.rand(9, 2), 4, 3)
    torch.library.opcheck(torch.ops.triptych.total_variation.default, (scenes[0],))
    torch.library.opcheck(torch.ops.triptych.place_samples.default, placing, test_utils=without_gradient)
    torch.library.opcheck(torch.ops.triptych.render.default, placing[:-1], test_utils=without_gradient)


def test_compile_sees_one_graph() -> None:
    case = make_case(rays_per_scene=(5, 4), samples=9)
    planes, *others = scene_arguments(case)
    intervals = case.intervals.starts, case.intervals.ends

    def loss(planes):
        channels, _, depth, _, _ = torch.ops.triptych.integrate(planes, *others, *intervals, True)
        return channels.square().sum() + depth.sum()

    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    (actual,) = torch.autograd.grad(compiled(planes), planes)
    (expected,) = torch.autograd.grad(loss(planes), planes)
    assert torch.equal(actual, expected)
