"""Training on random latent pixels of many views."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from balls import tiny_stage2

from triptych.bank import Scene, compare_views
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.errors import InputError
from triptych.geometry import Cameras, SceneRays, hemisphere_cameras
from triptych.model import CategoryModel
from triptych.model.encoding import shrunk_opacities
from triptych.representation.config import SamplingConfig
from triptych.training.config import Stage2Config
from triptych.training.fitting import Fitting, fit_scenes
from triptych.training.phase import LossWeights, Phase, PixelCounts, Rates
from triptych.training.pixels import LatentViews
from triptych.training.scenes import SceneParameters
from triptych.training.seen import SeenColors, SeenLatents
from triptych.training.step import take_step

PHASE = Phase(60.0, 32, Rates(micro=2e-2, coefficients=1e-2), LossWeights(enc=1.0), pixels=128, samples=16)


def on_pixels_alone(epochs: float) -> Stage2Config:
    config = tiny_stage2(latent=replace(PHASE, epochs=epochs))
    return replace(config, image=replace(config.image, epochs=0.0))


def latent_error(model: CategoryModel, scenes: SceneParameters, dataset: Dataset, number: int) -> float:
    """L_Enc on the test views of a scene."""
    scene = Scene(model, scenes.micro.values[number], scenes.coefficients.values[number], dataset.names[number])
    compared = compare_views(scene, dataset, number, list(dataset.views(number).test))
    return float((compared.rendered.latents - model.encode(compared.target)).square().mean())


def test_scenes_come_closer_to_views_that_they_are_not_fitted_to(balls: Dataset, trained_balls: Path) -> None:
    model, dataset = CategoryModel.load(trained_balls / "model"), balls.select("test", "all")
    shared = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    start, fitted = (fit_scenes(model, dataset, on_pixels_alone(epochs), seed=0) for epochs in (0.0, 60.0))
    for number in range(len(dataset)):
        assert latent_error(model, fitted, dataset, number) < 0.8 * latent_error(model, start, dataset, number)
    assert all(torch.equal(tensor, shared[name]) for name, tensor in model.state_dict().items())


def test_a_scene_does_not_depend_on_its_neighbors(balls: Dataset, trained_balls: Path) -> None:
    model, dataset = CategoryModel.load(trained_balls / "model"), balls.select("test", "all")
    together = fit_scenes(model, dataset, on_pixels_alone(5.0), seed=0)
    alone = fit_scenes(model, dataset.subset([1]), on_pixels_alone(5.0), seed=0)
    assert torch.allclose(together.micro.values[1], alone.micro.values[0], atol=2e-3)
    assert not torch.equal(together.micro.values[0], together.micro.values[1])


def opacity_errors(model: CategoryModel, scenes: SceneParameters, dataset: Dataset) -> list[float]:
    """The squared error of each scene's opacities on its fitted views."""
    views = PosedViews(dataset)
    alpha = shrunk_opacities(views, model.autoencoder.downscale, precision=torch.float32)
    assert alpha is not None
    errors = []
    for number in range(len(dataset)):
        scene = Scene(model, scenes.micro.values[number], scenes.coefficients.values[number], dataset.names[number])
        rendered = compare_views(scene, dataset, number, list(dataset.views(number).train)).rendered
        errors.append(float((rendered.opacity - alpha[views.rows_of(number)]).square().mean()))
    return errors


def test_opacities_come_closer_to_the_pictures_alpha(balls: Dataset, trained_balls: Path) -> None:
    model, dataset = CategoryModel.load(trained_balls / "model"), balls.select("test", "all")
    without = on_pixels_alone(0.0)
    without = replace(without, latent=replace(without.latent, step_count=100))
    weighted = replace(without.latent, weights=LossWeights(enc=1.0, opacity=1.0))
    fitted = [fit_scenes(model, dataset, config, seed=0) for config in (without, replace(without, latent=weighted))]
    plain, better = (opacity_errors(model, scenes, dataset) for scenes in fitted)
    assert all(error < 0.9 * before for error, before in zip(better, plain, strict=True))


def test_the_loss_is_that_of_whole_views_on_average(balls: Dataset, trained_balls: Path) -> None:
    model, dataset = CategoryModel.load(trained_balls / "model"), balls.select("test", "all")
    model.config = replace(model.config, sampling=SamplingConfig(16, 0))
    still = replace(PHASE, rates=Rates(), pixels=20_000, crop_share=0.0)
    fitting = Fitting(model, dataset, seed=0)
    views = len(PosedViews(dataset)) // len(dataset)
    losses = [
        float(take_step(fitting.begin(phase, tiny_stage2().skipping), 0, fitting.everyone).enc.detach())
        for phase in (still, replace(still, pixels=None, batch=views))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def numbered(cameras: Cameras) -> LatentViews:
    """Views whose latents tell the view, the column and the row."""
    view, y, x = torch.meshgrid(*(torch.arange(float(size)) for size in (len(cameras), 6, 8)), indexing="ij")
    boxes = torch.tensor([[2, 1, 3, 4], [0, 0, 8, 6], [5, 5, 1, 1]])
    latents, background = torch.stack([view, x, y], dim=1), torch.arange(48.0)[:, None].expand(48, 3)
    seen = SeenLatents(latents, (view + x + y) / 100)
    return LatentViews(cameras, seen, background, boxes, torch.tensor([0, 1, 0]))


def test_pixels_are_drawn_from_the_boxes_of_each_scenes_views_with_the_rays_through_them() -> None:
    cameras = hemisphere_cameras(3, 48, seed=0).resized(6, 8)
    views, generators = numbered(cameras), [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    drawn = views.at(views.draw([torch.tensor([0, 1]), torch.tensor([2])], PixelCounts(200, 150), generators), 2)
    assert isinstance(drawn.rays, SceneRays)
    assert drawn.rays.per_scene == [200, 200]
    view, x, y = drawn.latents.long().T
    assert view[:200].unique().tolist() == [0, 1]
    assert view[200:].unique().tolist() == [2]
    assert drawn.opacities is not None
    assert drawn.opacities.equal((view + x + y) / 100)
    assert drawn.background[:, 0].equal((8 * y + x).float())
    of_first = torch.arange(150)[view[:150] == 0]
    assert abs(len(of_first) - 75) <= 1
    assert (x[of_first].unique().tolist(), y[of_first].unique().tolist()) == ([2, 3, 4], [1, 2, 3, 4])
    assert (x[200:350] == 5).all()
    assert (x[350:] != 5).any()
    whole = cameras.rays()
    assert torch.allclose(drawn.rays.flat.directions, whole.directions[view, 8 * y + x], atol=1e-6)
    assert torch.equal(drawn.rays.flat.origins, whole.origins[view, 8 * y + x])


def test_pixels_along_edges_are_the_first_of_each_scene_and_the_rest_is_as_without() -> None:
    cameras = hemisphere_cameras(2, 64, seed=0)
    pictures = torch.full((2, 64, 64, 3), 255, dtype=torch.uint8)
    pictures[:, 20:40, 20:40] = 0
    levels = torch.arange(256.0)[:, None].expand(256, 3) / 255
    seen = SeenColors(pictures, levels, None, torch.ones(3))
    boxes, numbers = torch.tensor([[20, 20, 20, 20], [20, 20, 20, 20]]), torch.tensor([0, 0])
    views = LatentViews(cameras, seen, torch.ones(4096, 3), boxes, numbers, seen.edges())
    rows = [torch.tensor([0]), torch.tensor([1])]
    plain, edged = (
        views.draw(rows, counts, [torch.Generator()] * 2, passes=3).places.reshape(3, 2, 100)
        for counts in (PixelCounts(100, 80), PixelCounts(100, 80, 60))
    )
    assert plain[..., 60:].equal(edged[..., 60:])
    x, y = edged[1:, :, :60].flatten(1)
    within = ((x >= 19) & (x <= 40)) & ((y >= 19) & (y <= 40))
    inside = ((x >= 21) & (x <= 38)) & ((y >= 21) & (y <= 38))
    assert (within & ~inside).all()
    assert edged[0].tolist() == [[0] * 100, [1] * 100]


def test_pass_after_pass_every_pixel_is_drawn_before_any_is_drawn_often() -> None:
    cameras = hemisphere_cameras(2, 64, seed=0)
    whole = torch.tensor([[0, 0, 64, 64], [0, 0, 64, 64]])
    seen = SeenLatents(torch.zeros(2, 1, 64, 64), None)
    views = LatentViews(cameras, seen, torch.zeros(4096, 1), whole, torch.tensor([0, 1]))
    drawn = torch.zeros(2, 64, 64)
    for passes in range(4096 // 64):
        places = views.draw([torch.tensor([1, 0])], PixelCounts(128, 0), [torch.Generator()], passes).places
        drawn.index_put_(tuple(places), torch.ones(128), accumulate=True)
    assert drawn.sum() == 8192
    assert (drawn == 0).float().mean() < 0.25  # of independent ones exp(-1) = 0.37
    assert (torch.nn.functional.avg_pool2d(drawn, 8) - 1).abs().max() < 0.15


def test_the_box_of_a_view_is_around_what_differs_from_the_background() -> None:
    background = torch.randn(5 * 7, 2, generator=torch.Generator().manual_seed(0))
    latents = background.T.reshape(2, 5, 7).repeat(3, 1, 1, 1)
    latents[0, 1, 2, 3] += 1
    latents[0, 0, 3, 4] -= 1
    latents[1, 0, 4, 6] += 1
    assert SeenLatents(latents, None).boxes(background).tolist() == [[3, 2, 2, 2], [6, 4, 1, 1], [0, 0, 7, 5]]


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": LossWeights(enc=1.0, dec=1.0)},
        {"weights": LossWeights(tv=1.0)},
        {"shift_views": True},
        {"rates": Rates(micro=1e-2, encoder=1e-3)},
    ],
)
def test_random_pixels_serve_cached_latents_alone(changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="pixels are for L_Enc alone"):
        replace(PHASE, **changes)


def test_opacities_are_for_random_pixels() -> None:
    with pytest.raises(InputError, match=r"opacity is 0\.1, which is for phases on random pixels"):
        replace(PHASE, pixels=None, weights=LossWeights(enc=1.0, opacity=0.1))
