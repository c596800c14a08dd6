import pytest
import torch

from triptych.errors import InputError
from triptych.geometry import Rays, SceneRays, hemisphere_cameras
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.mlp import TinyMLP
from triptych.representation.planes import compose, initial_base_planes, of_micro
from triptych.representation.render import render

AABB = torch.tensor([[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]])


def scene(density_shift: float = 0.0) -> TriPlaneField:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    mlp = TinyMLP(8, 3, MLPConfig(hidden=16, density_shift=density_shift)).requires_grad_(False)
    return TriPlaneField(torch.randn(1, 3, 8, 8, 8, generator=generator), mlp, AABB)


def test_rays_that_miss_the_box_see_the_background_alone() -> None:
    rays = Rays(torch.tensor([[3.0, 3.0, 3.0], [-2.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]] * 2))
    background = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    rendering = render(scene(), SceneRays.of_one(rays), background, SamplingConfig(16, 0))
    assert torch.equal(rendering.channels[0], background[0])
    assert (float(rendering.opacity[0]), float(rendering.depth[0])) == (0.0, 0.0)
    assert float(rendering.opacity[1]) > 0.5


def test_depth_lies_between_the_faces_of_the_box() -> None:
    rays = SceneRays.of_one(hemisphere_cameras(2, 8, seed=0).rays())
    rendering = render(scene(), rays, torch.zeros(1, 3), SamplingConfig(16, 16))
    depth = rendering.depth[rendering.opacity > 0.1]
    assert ((depth > 1.3 - 0.87) & (depth < 1.3 + 0.87)).all()


def test_importance_samples_come_closer_to_the_limit_than_as_many_even_ones() -> None:
    field = scene(density_shift=2.0)
    rays = SceneRays.of_one(hemisphere_cameras(1, 16, seed=0).rays())
    with torch.no_grad():
        results = [
            render(field, rays, torch.zeros(1, 3), sampling).channels
            for sampling in (SamplingConfig(2048, 0), SamplingConfig(16, 16), SamplingConfig(32, 0))
        ]
    exact, importance, even = results
    assert (importance - exact).square().mean() < (even - exact).square().mean()


def test_the_same_generators_give_the_same_picture() -> None:
    rays = SceneRays.of_one(hemisphere_cameras(1, 8, seed=0).rays())

    def once(seed: int) -> torch.Tensor:
        generators = [torch.Generator().manual_seed(seed)]
        return render(scene(), rays, torch.zeros(1, 3), SamplingConfig(8, 8), generators).channels

    assert torch.equal(once(1), once(1))
    assert not torch.equal(once(1), once(2))


@pytest.mark.parametrize(
    ("micro", "macro", "combine"), [(3, 4, "concat"), (4, 4, "sum"), (0, 4, "concat"), (3, 0, "concat")]
)
def test_composed_planes_agree_with_the_sum_over_bases(micro: int, macro: int, combine: str) -> None:
    config = PlaneConfig(resolution=4, micro_features=micro, macro_features=macro, base_planes=5, combine=combine)
    generator = torch.Generator().manual_seed(0)
    base = initial_base_planes(config, generator)
    own = torch.randn(2, *config.micro_shape, generator=generator).requires_grad_(True)
    coefficients = torch.randn(2, config.coefficients, generator=generator)
    planes = compose(config, own, coefficients, base)
    assert planes.shape == (2, 3, 4, 4, config.features)
    shared = sum(coefficients[1, k] * base[k] for k in range(config.coefficients))
    if combine == "sum":
        expected = own[1] + shared
    else:
        expected = torch.cat([own[1], shared], dim=-1) if micro and macro else own[1] if micro else shared
    assert torch.allclose(planes[1], expected, atol=1e-5)
    if micro:
        weights = torch.randn(planes.shape, generator=generator)
        assert torch.equal(of_micro(config, weights), torch.autograd.grad(planes, own, weights)[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": 1},
        {"micro_features": 0, "macro_features": 0},
        {"micro_features": 3, "macro_features": 4, "combine": "sum"},
        {"base_planes": 0},
    ],
)
def test_planes_that_cannot_be_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=r"PlaneConfig: \w+ is"):
        PlaneConfig(**wrong)
