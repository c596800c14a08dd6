"""Empty-space skipping: the same picture from fewer samples, and nothing lost for good."""

from dataclasses import replace

import pytest
import torch

from triptych.errors import InputError
from triptych.geometry import SceneRays, bit_grid, hemisphere_cameras
from triptych.representation import kernels
from triptych.representation.config import EMPTY_OPTICAL_DEPTH, MLPConfig, SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.mlp import TinyMLP
from triptych.representation.occupancy import find_occupancy, with_occupancy
from triptych.representation.render import render
from triptych.training.config import SkippingConfig
from triptych.training.scenes import SceneParameters

AABB = torch.tensor([[-0.5, -0.4, -0.3], [0.5, 0.4, 0.3]])


def ball(radius: float = 0.5) -> TriPlaneField:
    """A scene whose density falls off around the center: features are squared distances, the MLP takes them away."""
    centers = (torch.arange(32.0) + 0.5) / 16 - 1
    squares = centers**2
    planes = torch.zeros(1, 3, 32, 32, 2)
    planes[0, 0, ..., 0] = squares[:, None] + squares  # XY: x² + y²
    planes[0, 1, ..., 0] = squares[:, None].expand(32, 32)  # XZ: z²
    mlp = TinyMLP(2, 3, MLPConfig(hidden=16, hidden_activation="relu", density_scale=30.0, density_shift=0.0))
    with torch.no_grad():
        for parameter in mlp.parameters():
            parameter.zero_()
        mlp.hidden.weight[0, 0] = 1.0
        mlp.output.weight[0, 0] = -200.0
        mlp.output.bias[:] = torch.tensor([200.0 * radius**2, 0.9, 0.5, 0.1])
    return TriPlaneField(planes, mlp.requires_grad_(False), AABB)


def distances() -> torch.Tensor:
    """Of the cells [z, y, x] from the center, in half sides of the box."""
    centers = (torch.arange(32.0) + 0.5) / 16 - 1
    z, y, x = torch.meshgrid(centers, centers, centers, indexing="ij")
    return (x**2 + y**2 + z**2).sqrt()


def test_occupied_cells_are_those_of_the_ball_and_what_half_a_cell_around_it_reaches() -> None:
    cells, distance = bit_grid.unpack(find_occupancy(ball()))[0], distances()
    assert cells[distance < 0.5].all()
    assert not cells[distance > 0.7].any()


@pytest.mark.parametrize("edge", [0, 17, 63])
def test_an_eighth_of_a_cell_occupies_all_cells_that_it_touches(edge: int, monkeypatch: pytest.MonkeyPatch) -> None:
    densities = torch.zeros(1, 64, 64, 64)
    densities[0, edge, 20, 41] = 1e4
    monkeypatch.setattr(kernels, "grid_densities", lambda *_: densities)
    cells = bit_grid.unpack(find_occupancy(ball()))[0]
    z = [cell for cell in (edge // 2, edge // 2 + (1 if edge % 2 else -1)) if 0 <= cell < 32]
    assert cells.nonzero().tolist() == sorted([each, y, x] for each in z for y in (9, 10) for x in (20, 21))


def test_a_pole_that_passes_between_the_middles_of_cells_is_kept() -> None:
    planes = torch.zeros(1, 3, 64, 64, 1)
    planes[0, 0, 20, 41] = 1.0  # XY: one texel, a quarter of a cell; the middles of cells see a quarter of it
    mlp = TinyMLP(1, 3, MLPConfig(hidden=16, hidden_activation="relu", density_scale=30.0, density_shift=0.0))
    with torch.no_grad():
        for parameter in mlp.parameters():
            parameter.zero_()
        mlp.hidden.weight[0, 0] = 1.0
        mlp.output.weight[0, 0], mlp.output.bias[0] = 200.0, -120.0
    cells = bit_grid.unpack(find_occupancy(TriPlaneField(planes, mlp.requires_grad_(False), AABB)))[0]
    assert cells[:, 10, 20].all()
    assert not cells[:, :8].any()


def test_a_scene_that_is_thin_all_over_keeps_its_cells() -> None:
    field = ball()
    field.mlp.config = replace(field.mlp.config, density_scale=0.1)  # at most 5 per unit of length
    cells, distance = bit_grid.unpack(find_occupancy(field))[0], distances()
    assert cells[distance < 0.45].all()
    assert not cells[distance > 0.75].any()


def test_fog_around_something_dense_is_empty_unless_asked_for() -> None:
    field = ball()
    field.mlp.output.weight[0, 0], field.mlp.output.bias[0] = -20.0, 5.0  # falls off slowly
    fog, surfaces = (
        bit_grid.unpack(find_occupancy(field, empty_optical_depth=depth)) for depth in (0.5, EMPTY_OPTICAL_DEPTH)
    )
    assert (fog | surfaces).equal(fog)
    assert surfaces.sum() < 0.8 * fog.sum()


def test_backends_find_the_same_occupancy() -> None:
    assert torch.equal(find_occupancy(ball(), "cpu"), find_occupancy(ball(), "reference"))


def test_skipping_gives_the_same_picture_from_a_fraction_of_the_samples() -> None:
    field, sampling = ball(), SamplingConfig(96, 0)
    rays = SceneRays.of_one(hemisphere_cameras(3, 24, seed=0).rays())
    jitter = torch.full((len(rays.flat.origins), 2), 0.5)
    pictures, shares = [], []
    for some in (field, with_occupancy(field)):
        pictures.append(render(some, rays, torch.ones(1, 3), sampling).channels)
        lengths = kernels.place_samples(some, rays, sampling, jitter).lengths
        shares.append(float((lengths > 0).float().mean()))
    assert (pictures[0] - pictures[1]).abs().max() < 1e-3
    assert shares[1] < 0.4 * shares[0]


def test_backends_skip_alike() -> None:
    field = with_occupancy(ball())
    rays = SceneRays.of_one(hemisphere_cameras(1, 24, seed=0).rays())
    pictures = [
        render(field, rays, torch.ones(1, 3), SamplingConfig(24, 24), backend=backend).channels
        for backend in ("cpu", "reference")
    ]
    assert torch.allclose(*pictures, atol=1e-4)


def nowhere_and_everywhere() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros_like(bit_grid.everywhere()), bit_grid.everywhere()


@pytest.mark.parametrize("at_times_everywhere", [True, False])
def test_a_scene_is_sampled_by_its_category_then_by_itself(at_times_everywhere: bool) -> None:
    _, everywhere = nowhere_and_everywhere()
    category = everywhere.clone()
    category[:4] = 0
    field, own = ball(), find_occupancy(ball())[0]
    scenes = SceneParameters.started(torch.zeros(3, 4, 4, 1), torch.zeros(0), category, 2)
    config, rows = SkippingConfig(4, 2, at_times_everywhere, EMPTY_OPTICAL_DEPTH), torch.tensor([1])
    seen = [scenes.skip_empty(field, rows, config).occupancy[0] for _ in range(8)]
    expected = [category] * 4 + [everywhere if at_times_everywhere else own, own] * 2
    assert all(torch.equal(found, wanted) for found, wanted in zip(seen, expected, strict=True))
    assert scenes.visits.tolist() == [0, 8]
    assert torch.equal(scenes.occupancy[0], category)


def test_matter_that_was_skipped_by_mistake_comes_back() -> None:
    nowhere, _ = nowhere_and_everywhere()
    scenes = SceneParameters.started(torch.zeros(3, 4, 4, 1), torch.zeros(0), nowhere, 1)
    config, rows = SkippingConfig(2, 2, empty_optical_depth=EMPTY_OPTICAL_DEPTH), torch.tensor([0])
    for _ in range(4):
        field = scenes.skip_empty(ball(), rows, config)
    assert torch.equal(field.occupancy, find_occupancy(ball()))


def test_a_scene_that_is_not_a_number_does_not_vanish() -> None:
    field = ball()
    field.planes[0, 0, 10] = torch.nan
    assert bit_grid.unpack(find_occupancy(field))[0, :, 10].all()


def test_an_occupancy_of_another_shape_is_refused() -> None:
    field = replace(ball(), occupancy=torch.zeros(1, 16, 16, dtype=torch.int32))
    rays = SceneRays.of_one(hemisphere_cameras(1, 4, seed=0).rays())
    with pytest.raises(InputError, match="occupancy: expected int32"):
        render(field, rays, torch.ones(1, 3), SamplingConfig(4, 0))


@pytest.mark.parametrize("wrong", [{"coarse": 0}, {"importance": -1}, {"supersample": 0}])
def test_numbers_of_samples_that_cannot_be_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=f"SamplingConfig: {next(iter(wrong))} is"):
        SamplingConfig(**wrong)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_scene_without_any_density_is_sampled_everywhere(backend: kernels.Backend) -> None:
    field = ball()
    nothing = replace(field, planes=field.planes + 10.0)
    assert kernels.grid_densities(nothing, 16, "cpu").max() < 1e-30
    assert bit_grid.unpack(find_occupancy(nothing, backend)).all()


@pytest.mark.parametrize("activation", ["relu", "softplus"])
@pytest.mark.parametrize(("resolution", "side"), [(9, 16), (16, 16), (40, 16), (9, 21)])
def test_densities_on_a_grid_are_those_in_the_middles_of_its_cells(activation: str, resolution: int, side: int) -> None:
    torch.manual_seed(0)
    mlp = TinyMLP(5, 3, MLPConfig(hidden=19, hidden_activation=activation)).requires_grad_(False)
    field = TriPlaneField(torch.randn(2, 3, resolution, resolution, 5), mlp, AABB)
    fast, true = (kernels.grid_densities(field, side, backend) for backend in ("cpu", "reference"))
    ticks = (torch.arange(side) + 0.5) / side
    z, y, x = torch.meshgrid(ticks, ticks, ticks, indexing="ij")
    points = (AABB[0] + torch.stack([x, y, z], dim=-1) * (AABB[1] - AABB[0])).reshape(-1, 3)
    points = points.repeat(2, 1)
    by_points, _ = field.query(points, torch.zeros_like(points), [len(points) // 2] * 2)
    assert torch.allclose(true.flatten(), by_points, rtol=1e-4, atol=1e-5)
    assert torch.allclose(fast, true, rtol=1e-4, atol=1e-5)
