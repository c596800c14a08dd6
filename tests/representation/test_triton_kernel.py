"""The GPU kernel against the reference: run by Triton's interpreter on the CPU, or with TRITON_INTERPRET=0 on a GPU."""

import itertools
from dataclasses import replace

import pytest
import torch
from kernel_cases import AABB, DEVICE, Case, assert_agrees, make_case, run, shortened, weighted_sum

from triptych.errors import InputError
from triptych.geometry import Intervals, bit_grid
from triptych.representation import kernels
from triptych.representation.config import SamplingConfig
from triptych.representation.kernels import reference
from triptych.representation.occupancy import find_occupancy

pytest.importorskip("triton", reason="the GPU kernel needs Triton, which is made for Linux alone")
triton = pytest.importorskip("triptych.representation.kernels.triton")
call = pytest.importorskip("triptych.representation.kernels.triton.call")

CASES = {
    "softplus": {},
    "relu": {"hidden_activation": "relu"},
    "sigmoid channels": {"channel_activation": "sigmoid", "channels": 3},
    "wide": {"features": 64, "hidden": 128, "channels": 33},
    "odd sizes": {"features": 5, "hidden": 19, "channels": 8, "resolution": 7, "samples": 13},
    "one texel": {"resolution": 1},
    "one sample": {"samples": 1},
    "more samples than a block": {"samples": 40, "rays_per_scene": (1, 1)},
    "uneven scenes": {"rays_per_scene": (0, 1, 4, 0, 2), "samples": 6},
    "dense, rays end early": {"density_scale": 300.0, "density_shift": 2.0, "samples": 50},
}
Run = tuple[list[torch.Tensor], list[torch.Tensor]]
"""Outputs and gradients."""
SMALL = {"rays_per_scene": (2, 2), "samples": 10, "features": 8, "hidden": 16}


@pytest.fixture(autouse=True)
def fresh_inputs(request: pytest.FixtureRequest) -> int:
    """A seed that differs from run to run; the report of a failure tells it."""
    seed = int(torch.seed() % 2**31)
    request.node.add_report_section("setup", "seed", str(seed))
    return seed


def assert_runs_agree(case: Case) -> None:
    assert_agree(run(triton, case), run(reference, case))


def assert_agree(actual: Run, expected: Run) -> None:
    for of_kernel, of_reference in zip(itertools.chain(*actual), itertools.chain(*expected), strict=True):
        assert_agrees(of_kernel, of_reference)


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_the_reference(name: str, fresh_inputs: int) -> None:
    case = make_case(**{"rays_per_scene": (2, 1), "samples": 10, **CASES[name]}, seed=fresh_inputs)
    assert_runs_agree(case)
    assert_agrees(triton.densities(*case.arguments()), reference.densities(*case.arguments()).detach())


@pytest.mark.parametrize("sampling", [SamplingConfig(24, 0), SamplingConfig(7, 12), SamplingConfig(1, 1)])
@pytest.mark.parametrize("skipping", [False, True])
def test_places_samples_like_the_reference(sampling: SamplingConfig, skipping: bool, fresh_inputs: int) -> None:
    case = make_case(rays_per_scene=(7, 0, 4), density_shift=0.0, features=8, hidden=16, seed=fresh_inputs)
    generator = torch.Generator().manual_seed(fresh_inputs)
    cells = (torch.rand(3, 32, 32, 32, generator=generator) > 0.5).to(DEVICE)
    field = replace(case.field, occupancy=bit_grid.pack(cells) if skipping else None)
    case.rays.flat.directions[::10] *= -1  # these miss the box
    jitter = torch.rand(11, 2, generator=generator).to(DEVICE)
    actual = triton.place_samples(field, case.rays, sampling, jitter)
    expected = reference.place_samples(field, case.rays, sampling, jitter)
    assert torch.allclose(actual.starts, expected.starts, atol=1e-4)
    # A middle on the face of a cell may fall to either side of it.
    assert (torch.isclose(actual.ends, expected.ends, atol=1e-4)).float().mean() > 0.98
    assert (actual.ends[::10] == 0).all()


def test_empty_intervals_and_empty_rays_contribute_nothing(fresh_inputs: int) -> None:
    case = make_case(**SMALL, seed=fresh_inputs)
    empty = (torch.arange(10) % 3 == 0) | (torch.arange(4) == 2)[:, None]
    assert_runs_agree(shortened(case, empty.to(DEVICE)))


def test_a_scene_in_which_every_interval_is_empty_has_no_gradient() -> None:
    case = make_case(**SMALL)
    nothing = shortened(case, torch.tensor(True, device=DEVICE))
    outputs, gradients = run(triton, nothing)
    assert all((tensor == 0).all() for tensor in outputs + gradients)


def test_a_call_without_rays_gives_zero_gradients() -> None:
    outputs, gradients = run(triton, make_case(rays_per_scene=(0, 0)))
    assert outputs[0].shape == (0, 4)
    assert all((gradient == 0).all() for gradient in gradients)


def test_finds_the_occupied_cells_that_the_reference_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bit_grid, "SIDE", 4)  # the interpreter is slow
    field = make_case(**SMALL, resolution=5, density_shift=1.0, density_scale=2.0).field
    assert torch.equal(find_occupancy(field, "triton"), find_occupancy(field, "reference"))


def test_deterministic_gradients_agree_and_do_not_depend_on_the_order_of_rays(fresh_inputs: int) -> None:
    case = make_case(rays_per_scene=(5,), samples=8, features=6, hidden=16, seed=fresh_inputs)
    order = torch.randperm(5, device=DEVICE)
    intervals = Intervals(case.intervals.starts[order], case.intervals.ends[order])
    shuffled = replace(case, rays=replace(case.rays, flat=case.rays.flat[order]), intervals=intervals)
    expected = run(reference, case)  # on a GPU, it has no deterministic way
    torch.use_deterministic_algorithms(True)
    try:
        assert_agree(run(triton, case), expected)
        first, second = (
            torch.autograd.grad(triton.integrate(*c.arguments()).opacity.sum(), case.field.planes)[0]
            for c in (case, shuffled)
        )
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(first, second)


def test_a_frozen_mlp_leaves_the_gradient_of_the_planes_alone(fresh_inputs: int) -> None:
    case = make_case(**SMALL, seed=fresh_inputs)
    case.field.mlp.requires_grad_(False)
    actual, expected = (
        torch.autograd.grad(weighted_sum(kernel.integrate(*case.arguments())), case.field.planes)[0]
        for kernel in (triton, reference)
    )
    assert_agrees(actual, expected)


def test_a_gradient_of_one_output_alone_agrees(fresh_inputs: int) -> None:
    case = make_case(**SMALL, seed=fresh_inputs)
    gradients = [
        torch.autograd.grad(kernel.integrate(*case.arguments()).depth.sum(), case.parameters())
        for kernel in (triton, reference)
    ]
    for actual, expected in zip(*gradients, strict=True):
        assert_agrees(actual, expected)


def test_not_a_number_spreads_to_its_scene_alone() -> None:
    case = make_case(**SMALL)
    with torch.no_grad():
        case.field.planes[0].fill_(torch.nan)
    (channels, _, _), (planes_gradient, *_) = run(triton, case)
    assert channels[:2].isnan().all()
    assert channels[2:].isfinite().all()
    assert planes_gradient[0].isnan().any()


@pytest.mark.parametrize("shape", [(1, 3, 5, 5, 7), (2, 3, 4, 6, 16), (1, 3, 3, 40, 32), (2, 3, 1, 1, 3)])
def test_total_variation_agrees_with_the_reference(shape: tuple[int, ...], fresh_inputs: int) -> None:
    planes = torch.randn(shape, generator=torch.Generator().manual_seed(fresh_inputs)).to(DEVICE)
    planes.requires_grad_()
    found = []
    for kernel in (triton, reference):
        value = kernel.total_variation(planes)
        (gradient,) = torch.autograd.grad(3.0 * value, planes)
        found.append((value.detach(), gradient))
    if shape[2] == 1:  # a mean of nothing: the reference gives no number
        assert found[0][0] == 0
        assert (found[0][1] == 0).all()
    else:
        assert_agrees(found[0][0], found[1][0])
        assert_agrees(found[0][1], found[1][1])


def test_products_in_bfloat16_cost_as_much_accuracy_as_is_told(fresh_inputs: int) -> None:
    case = make_case(rays_per_scene=(4, 4), samples=20, seed=fresh_inputs)
    expected_outputs, expected_gradients = run(reference, case)
    torch.set_float32_matmul_precision("medium")
    try:
        outputs, gradients = run(triton, case)
    finally:
        torch.set_float32_matmul_precision("highest")
    errors = [
        float((actual - expected).norm() / expected.norm())
        for actual, expected in zip(outputs + gradients, expected_outputs + expected_gradients, strict=True)
    ]
    assert 1e-4 < max(errors) < 5e-2


def test_input_it_cannot_handle_is_refused() -> None:
    case = make_case(**SMALL)
    with pytest.raises(InputError, match="rays_per_scene"):
        triton.integrate(case.field, replace(case.rays, per_scene=[*case.rays.per_scene, 1]), case.intervals)
    doubles = replace(case.field, planes=case.field.planes.double())
    with pytest.raises(InputError, match="backend triton: expected float32"):
        kernels.integrate(doubles, case.rays, case.intervals, "triton")
    assert not triton.supports(replace(case.field, planes=case.field.planes[:, :, 1:]))


def test_a_machine_without_triton_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_HAS_TRITON", False)
    case = make_case(**SMALL)
    with pytest.raises(InputError, match="needs the package triton"):
        kernels.densities(*case.arguments(), "triton")
    assert kernels._module("auto", replace(case.field, planes=case.field.planes.double())) is reference


def scene_arguments(case: Case):
    planes, *mlp = (parameter.detach().requires_grad_() for parameter in case.parameters())
    constants = False, False, case.field.mlp.config.density_scale, case.field.mlp.config.density_shift
    return planes, *mlp, AABB, case.rays.flat.origins, case.rays.flat.directions, case.rays.per_scene, *constants


def test_the_operators_are_sound() -> None:
    case = make_case(rays_per_scene=(2, 1), samples=4, features=4, hidden=16, resolution=4)
    scenes, intervals = scene_arguments(case), (case.intervals.starts, case.intervals.ends)
    operators = torch.ops.triptych
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(
        operators.triton_integrate.default, (*scenes, *intervals, True, False, "ieee"), test_utils=checks
    )
    without_gradient = ("test_schema", "test_faketensor")
    placing = (*scenes, None, torch.rand(3, 2, device=DEVICE), 3, 2, "ieee")
    torch.library.opcheck(operators.triton_place_samples.default, placing, test_utils=without_gradient)
    query = (*scenes, *intervals, "ieee")
    torch.library.opcheck(operators.triton_densities.default, query, test_utils=without_gradient)
    torch.library.opcheck(operators.triton_total_variation.default, (scenes[0],), test_utils=checks)


def test_compile_sees_one_graph() -> None:
    case = make_case(rays_per_scene=(2, 1), samples=4, features=4, hidden=16, resolution=4)
    planes, *others = scene_arguments(case)
    intervals = case.intervals.starts, case.intervals.ends
    options = True, False, "ieee"

    def loss(planes: torch.Tensor) -> torch.Tensor:
        found = torch.ops.triptych.triton_integrate(planes, *others, *intervals, *options)
        return found[0].square().sum() + found[2].sum()

    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    (actual,) = torch.autograd.grad(compiled(planes), planes)
    (expected,) = torch.autograd.grad(loss(planes), planes)
    assert_agrees(actual, expected)


def test_kernels_read_the_number_of_each_rays_scene_from_memory_of_their_own() -> None:
    for counts, expected in (([3], [0, 0, 0]), ([2, 2], [0, 0, 1, 1]), ([1, 0, 2], [0, 2, 2]), ([0, 0], [])):
        numbers = call._scene_of_ray(counts, torch.device(DEVICE))
        assert numbers.tolist() == expected
        assert numbers.is_contiguous()
        assert numbers.dtype == torch.int32
