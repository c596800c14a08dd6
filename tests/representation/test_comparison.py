"""Rendered pixels compared with targets in one pass of the CPU kernel, against the reference in float64."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from kernel_cases import assert_agrees, make_case
from torch import Tensor

from triptych.errors import InputError
from triptych.geometry import Intervals, Rays, SceneRays, bit_grid
from triptych.representation import kernels
from triptych.representation.config import SamplingConfig
from triptych.representation.kernels import Comparison, cpu

CASES = {
    "one ray a pixel": ({}, SamplingConfig(20, 0), 1),
    "three rays a pixel": ({}, SamplingConfig(20, 0), 3),
    "importance samples": ({"rays_per_scene": (60, 0, 41)}, SamplingConfig(12, 9), 1),
    "relu": ({"hidden_activation": "relu"}, SamplingConfig(9, 0), 3),
    "wide, sigmoid channels": (
        {"features": 64, "hidden": 128, "channels": 33, "channel_activation": "sigmoid"},
        SamplingConfig(16, 0),
        1,
    ),
    "odd sizes": ({"features": 5, "hidden": 19, "channels": 8, "resolution": 7}, SamplingConfig(13, 0), 3),
    "one texel": ({"resolution": 1}, SamplingConfig(10, 0), 1),
    "one scene, split between threads": ({"rays_per_scene": (400,)}, SamplingConfig(6, 0), 4),
    "dense, rays end early": ({"density_scale": 300.0, "density_shift": 2.0}, SamplingConfig(40, 0), 3),
}


class Call:
    """One comparison: some rays miss the box, with ``skipping`` half of the cells are empty, and opacities are known of
    two pixels in three."""

    def __init__(self, sizes: dict, sampling: SamplingConfig, rays_per_pixel: int, *, skipping: bool = False) -> None:
        case, generator = make_case(**sizes), torch.Generator().manual_seed(3)
        cells = torch.rand(len(case.rays.per_scene), 32, 32, 32, generator=generator) > 0.5
        case.rays.flat.directions[::10] *= -1
        rays = len(case.rays.flat.origins)
        pixels, channels = rays // rays_per_pixel, case.field.mlp.channels
        self.field = replace(case.field, occupancy=bit_grid.pack(cells) if skipping else None)
        self.rays, self.sampling, self.jitter = case.rays, sampling, torch.rand(rays, 2, generator=generator)
        targets, behind = torch.randn(pixels, channels, generator=generator), torch.randn(1, channels)
        opacities = torch.rand(pixels, generator=generator)
        opacities[::3] = -1
        self.comparison = Comparison(targets, behind, rays_per_pixel, opacities, 0.7, cutoff=1e-6)

    def arguments(self):
        return self.field, self.rays, self.sampling, self.jitter, self.comparison

    def in_double(self) -> "Call":
        """The same call in float64, with parameters of its own."""
        other = object.__new__(Call)
        planes, flat = self.field.planes.detach().double().requires_grad_(), self.rays.flat
        other.field = replace(
            self.field, planes=planes, mlp=deepcopy(self.field.mlp).double(), aabb=self.field.aabb.double()
        )
        other.rays = SceneRays(Rays(flat.origins.double(), flat.directions.double()), self.rays.per_scene)
        other.sampling, other.jitter = self.sampling, self.jitter.double()
        compared = self.comparison
        other.comparison = replace(
            compared,
            targets=compared.targets.double(),
            background=compared.background.double(),
            opacities=compared.opacities.double(),
        )
        return other

    def gradients(self, error: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(error, [self.field.planes, *self.field.mlp.parameters()]))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("skipping", [False, True])
def test_one_pass_agrees_with_the_reference_in_double_precision(name: str, skipping: bool) -> None:
    call = Call(*CASES[name], skipping=skipping)
    # Placing is rounded to float32 and not differentiable: the definition starts from the samples placed.
    placed = kernels.place_samples(*call.arguments()[:4], "reference")
    intervals = Intervals(placed.starts.double(), placed.ends.double())
    exact = call.in_double()
    error = cpu.squared_error(*call.arguments())
    expected = exact.comparison.error(kernels.integrate(exact.field, exact.rays, intervals, "reference"))
    assert torch.isclose(error.double(), expected, rtol=1e-6)
    for actual, true in zip(call.gradients(3 * error), exact.gradients(3 * expected), strict=True):
        assert_agrees(actual, true.float())


@torch.no_grad()
def test_the_definition_is_the_mean_over_pixels_of_means_over_rays() -> None:
    call = Call({"rays_per_scene": (4, 2)}, SamplingConfig(8, 0), 2)
    intervals = kernels.place_samples(*call.arguments()[:4], "reference")
    integral = kernels.integrate(call.field, call.rays, intervals, "reference")
    behind, targets = call.comparison.background[0], call.comparison.targets
    expected = 0.0
    for pixel in range(3):
        seen = [integral.channels[ray] + (1 - integral.opacity[ray]) * behind for ray in (2 * pixel, 2 * pixel + 1)]
        expected += float(((seen[0] + seen[1]) / 2 - targets[pixel]).square().mean()) / 3
        opacity = float(integral.opacity[2 * pixel : 2 * pixel + 2].mean())
        target = float(call.comparison.opacities[pixel])
        expected += 0 if pixel == 0 else 0.7 * (opacity - target) ** 2 / 3
    assert float(kernels.squared_error(*call.arguments(), "reference")) == pytest.approx(expected, rel=1e-5)


def test_two_calls_give_the_same_bits_and_a_frozen_mlp_the_same_planes() -> None:
    call = Call({"rays_per_scene": (300, 40)}, SamplingConfig(8, 0), 1)
    first, second = (cpu.squared_error(*call.arguments()) for _ in range(2))
    planes, *mlp = call.gradients(first)
    assert torch.equal(first, second)
    assert all(torch.equal(a, b) for a, b in zip([planes, *mlp], call.gradients(second), strict=True))
    call.field.mlp.requires_grad_(False)
    (alone,) = torch.autograd.grad(cpu.squared_error(*call.arguments()), call.field.planes)
    assert torch.equal(alone, planes)


def test_rows_of_background_belong_to_pixel_after_pixel() -> None:
    call = Call({"rays_per_scene": (8, 4)}, SamplingConfig(8, 0), 2)
    rows = torch.randn(3, 4)
    short, long = (replace(call.comparison, background=behind) for behind in (rows, rows.repeat(2, 1)))
    errors = [cpu.squared_error(*call.arguments()[:4], comparison) for comparison in (short, long)]
    assert torch.equal(*errors)
    assert torch.isclose(errors[0], kernels.squared_error(*call.arguments()[:4], short, "reference"), rtol=1e-5)


def test_where_no_opacity_is_known_none_counts() -> None:
    call = Call({"rays_per_scene": (8, 4)}, SamplingConfig(8, 0), 2)
    unknown, none = (replace(call.comparison, opacities=opacities) for opacities in (torch.full((6,), -1.0), None))
    errors = [cpu.squared_error(*call.arguments()[:4], compared) for compared in (unknown, none)]
    assert torch.equal(*errors)
    assert errors[0] < cpu.squared_error(*call.arguments())


@pytest.mark.parametrize("density", [10.0, 20.0])
def test_rays_may_end_where_little_light_is_left_which_changes_as_little(density: float) -> None:
    call = Call({"density_scale": density, "density_shift": 2.0, "channels": 3}, SamplingConfig(40, 0), 1)
    exact, usual = (replace(call.comparison, cutoff=cutoff) for cutoff in (1e-6, Comparison.cutoff))
    errors = [cpu.squared_error(*call.arguments()[:4], comparison) for comparison in (exact, usual)]
    gradients = [call.gradients(error) for error in errors]
    assert torch.isclose(*errors, rtol=3e-3)
    assert not torch.equal(*errors)
    for actual, expected in zip(*gradients, strict=True):
        assert (actual - expected).norm() <= 5e-2 * expected.norm()


@pytest.mark.parametrize("cell", [(0, 0, 0), (15, 16, 17), (31, 31, 31), None])
def test_a_few_occupied_cells_are_sampled_as_if_all_were_looked_at(cell: tuple[int, int, int] | None) -> None:
    call, cells = Call({"rays_per_scene": (400,)}, SamplingConfig(60, 0), 1), torch.zeros(1, 32, 32, 32)
    if cell is not None:
        cells[0, *cell] = 1
        cells[0, 16, 14:18, 12:20] = 1
    call.field = replace(call.field, occupancy=bit_grid.pack(cells > 0))
    intervals = cpu.place_samples(*call.arguments()[:4])
    error, expected = (
        cpu.squared_error(*call.arguments()),
        call.comparison.error(kernels.integrate(call.field, call.rays, intervals, "reference")),
    )
    assert torch.isclose(error, expected, rtol=1e-6)
    assert_agrees(call.gradients(error)[0], call.gradients(expected)[0])


def test_a_gradient_without_autograd_is_that_of_autograd() -> None:
    call = Call({"rays_per_scene": (80, 30)}, SamplingConfig(16, 0), 1, skipping=True)
    found = torch.full_like(call.field.planes, torch.nan)
    assert kernels.renders_in_place(call.field, call.sampling)
    kernels.fill_gradient(*call.arguments(), found)
    assert torch.equal(found, call.gradients(cpu.squared_error(*call.arguments()))[0])
    assert not kernels.renders_in_place(call.field, call.sampling, "reference")
    assert not kernels.renders_in_place(Call(*CASES["odd sizes"]).field, call.sampling)


def test_auto_compares_in_one_pass_where_planes_get_gradients_and_pixels_keep_few_samples() -> None:
    call = Call({}, SamplingConfig(20, 0), 1)
    assert cpu.fuses_comparison(call.field, call.sampling, 1)
    assert not cpu.fuses_comparison(call.field, call.sampling, 1000)
    assert torch.equal(kernels.squared_error(*call.arguments()), cpu.squared_error(*call.arguments()))
    with torch.no_grad():
        assert not cpu.fuses_comparison(call.field, call.sampling, 1)
        assert_agrees(kernels.squared_error(*call.arguments()), cpu.squared_error(*call.arguments()))


def test_not_a_number_spreads_to_its_scene_alone() -> None:
    call = Call({"rays_per_scene": (12, 9)}, SamplingConfig(8, 0), 1)
    with torch.no_grad():
        call.field.planes[0].fill_(torch.nan)
    error = cpu.squared_error(*call.arguments())
    planes, *_ = call.gradients(error)
    assert error.isnan()
    assert planes[0].isnan().any()
    assert planes[1].isfinite().all()


def test_rays_of_other_scenes_are_refused() -> None:
    call = Call({}, SamplingConfig(8, 0), 1)
    rays = replace(call.rays, per_scene=[*call.rays.per_scene, 1])
    with pytest.raises(InputError, match="rays_per_scene"):
        cpu.squared_error(call.field, rays, *call.arguments()[2:])


def test_the_operator_is_sound() -> None:
    call = Call({"rays_per_scene": (6, 4)}, SamplingConfig(5, 3), 2)
    config, mlp = call.field.mlp.config, call.field.mlp
    parameters = [call.field.planes, mlp.hidden.weight, mlp.hidden.bias, mlp.output.weight, mlp.output.bias]
    leaves = [parameter.detach().requires_grad_() for parameter in parameters]
    flat, compared = call.rays.flat, call.comparison
    scenes = call.field.aabb, flat.origins, flat.directions, call.rays.per_scene
    constants = False, False, config.density_scale, config.density_shift
    further = None, call.jitter, 5, 3, compared.targets, compared.background, compared.opacities, 0.7, 1e-3, 2, True
    operator = torch.ops.triptych.squared_error.default
    torch.library.opcheck(operator, (*leaves, *scenes, *constants, *further))
