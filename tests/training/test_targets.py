from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.autoencoder import ConvolutionalAutoencoder, ConvolutionalConfig, LatentNormalization
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.geometry import Window
from triptych.geometry.silhouettes import object_windows
from triptych.model import CategoryModel
from triptych.model.config import ModelConfig
from triptych.model.encoding import encode_objects
from triptych.model.latent_windows import render_windows
from triptych.model.reach import Reach, reach_of
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.sampler import Sampler
from triptych.training.config import SkippingConfig, Stage2Config
from triptych.training.fitting import fit_scenes
from triptych.training.joint import ShuffledViews
from triptych.training.objective import batch_losses
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.scenes import SceneParameters
from triptych.training.step import Work, take_step
from triptych.training.targets import Targets

DEVICE = torch.device("cpu")


def small_model(views: PosedViews) -> CategoryModel:
    """Latents of half the image's size, an encoder that looks one latent pixel far and a decoder that looks two."""
    torch.manual_seed(0)
    network = ConvolutionalAutoencoder(ConvolutionalConfig(4, downscale=2, width=8, blocks=1, precision="float32"))
    planes = PlaneConfig(resolution=8, micro_features=4, macro_features=0)
    sampling = SamplingConfig(coarse=8, importance=0, supersample=2)
    config = ModelConfig(planes, MLPConfig(hidden=16, density_shift=0.0), sampling, 32, 32)
    scale = LatentNormalization("affine", torch.zeros(4), torch.ones(4))
    for parameter in network.parameters():  # a fresh network is next to nothing
        torch.nn.init.normal_(parameter, std=0.3)
    return CategoryModel(config, network, scale, torch.zeros(planes.base_shape), views.dataset.aabb, {})


def losses_and_gradient(
    model: CategoryModel, targets: Targets, weights: LossWeights, occupancy: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    planes = torch.randn(2, 3, 8, 8, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    field = TriPlaneField(planes, model.mlp, model.aabb, occupancy)
    total = batch_losses(model, field, targets, weights, Sampler(model.config.sampling)).total(weights)
    total.backward()
    assert planes.grad is not None
    return total.detach(), planes.grad


@pytest.fixture
def views(balls: Dataset) -> PosedViews:
    return PosedViews(balls.subset([0, 3]))


def whole_targets(model: CategoryModel, views: PosedViews) -> Targets:
    batch = views.group([0, 1, 2, 5])
    cameras, images = views.cameras(batch, DEVICE), views.images(batch, DEVICE)
    return Targets(cameras, batch.views_per_scene, images, None, model.background().detach())


def test_the_reach_of_an_autoencoder_is_found_by_asking_it(views: PosedViews, trained_balls: Path) -> None:
    model = small_model(views)
    reach = reach_of(model)
    assert reach == Reach(encoder=1, decoder=2)
    latent = torch.randn(1, 4, 16, 16)
    changed = latent.clone()
    changed[..., 8, 8] += 1
    differs = (model.decode(latent) != model.decode(changed)).any(dim=1)[0].nonzero() // 2
    assert (differs.min(dim=0).values.tolist(), differs.max(dim=0).values.tolist()) == ([6, 6], [10, 10])
    assert reach_of(CategoryModel.load(trained_balls / "model")) is None  # four blocks, latent images of 8x8


def step_with_bias(views: PosedViews, bias: float) -> tuple[float, float]:
    """L_Enc of a joint step with this added to what the encoder gives, and how far plain descent then moves that."""
    model = small_model(views)
    added = list(model.autoencoder.encoder_parameters())[-1]
    assert added.shape == (4,)
    with torch.no_grad():
        added += bias
    before = added.detach().clone()
    phase = Phase(epochs=1.0, batch=4, rates=Rates(encoder=1.0), weights=LossWeights(enc=1.0))
    drawn = torch.Generator().manual_seed(1)
    scenes = SceneParameters.fresh(model.config.planes, 2, drawn, DEVICE)
    work = Work(phase, model, scenes, views, SkippingConfig())
    work.optimizer = torch.optim.SGD(work.optimizer.param_groups)
    loss = take_step(work, 0, ShuffledViews(views, 0)).enc
    return float(loss), float((added.detach() - before).sum())


def test_a_joint_step_goes_down_its_loss_where_the_background_moves_along(views: PosedViews) -> None:
    (below, _), (_, moved), (above, _) = (step_with_bias(views, bias) for bias in (-1.0, 0.0, 1.0))
    slope = (above - below) / 2  # exact: L_Enc is a parabola in what is added to all latents
    assert moved == pytest.approx(-slope, rel=1e-3)


def test_a_window_shows_what_the_whole_latent_image_shows_there(views: PosedViews) -> None:
    model = small_model(views)
    targets = whole_targets(model, views)
    field = TriPlaneField(torch.randn(2, 3, 8, 8, 4), model.mlp, model.aabb)
    of_views = (field, targets.cameras, targets.views_per_scene, targets.background)
    windows = [Window(0, 3, 5, 6), Window(2, 2, 8, 4), Window(0, 0, 16, 16), Window(15, 15, 1, 1)]
    for diagonal in (None, 1):
        sampler = Sampler(model.config.sampling, diagonal=diagonal)
        whole = model.as_images(model.render_latents(*of_views, sampler).channels)
        for view, part in enumerate(render_windows(model, *of_views, sampler, windows)):
            expected = windows[view].cut(whole[view].permute(1, 2, 0)).permute(2, 0, 1)
            torch.testing.assert_close(part, expected)


@pytest.mark.parametrize("weights", [LossWeights(enc=1.0), LossWeights(dec=1.0), LossWeights(ae=1.0, enc=0.5, dec=2.0)])
def test_windows_compare_their_inner_pixels_as_whole_views_do(views: PosedViews, weights: LossWeights) -> None:
    """Against the whole views' squared errors, of which only the windows' inner pixels are counted."""
    model, reach = small_model(views), Reach(1, 2)
    targets = whole_targets(model, views)
    assert targets.images is not None
    windows = object_windows(targets.images, model.background_color, 2, 3, 2)
    assert len({window.size for window in windows}) > 1
    total, gradient = losses_and_gradient(model, replace(targets, windows=windows, reach=reach), weights)

    def masked(result: torch.Tensor, target: torch.Tensor, inset: int) -> torch.Tensor:
        mask = torch.zeros(4, 16, 16)
        for view, at in enumerate(windows):
            mask[view, at.top : at.top + at.height, at.left : at.left + at.width] = at.inner(inset, 16, 16).float()
        block = result.shape[-1] // 16
        fine = mask.repeat_interleave(block, 1).repeat_interleave(block, 2)[:, None]
        return ((result - target).square() * fine).mean()

    planes = torch.randn(2, 3, 8, 8, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    field = TriPlaneField(planes, model.mlp, model.aabb)
    rendered = model.as_images(
        model.render_latents(field, targets.cameras, targets.views_per_scene, targets.background).channels
    )
    latents = model.encode(targets.images)
    expected = (
        weights.enc * masked(rendered, latents, 1)
        + weights.dec * masked(model.decode(rendered), targets.images, 2)
        + weights.ae * masked(model.decode(latents), targets.images, 3)
    )
    torch.testing.assert_close(total, expected.detach())
    expected.backward()
    torch.testing.assert_close(gradient, planes.grad)


def test_windows_give_the_gradient_of_whole_views_where_all_else_is_background(views: PosedViews) -> None:
    """Rays see nothing but the background outside the balls: twice the decoder's reach around them nothing is missing,
    and what whole views add to the loss is what the decoder makes of the background."""
    model, weights = small_model(views), LossWeights(dec=1.0)
    targets = whole_targets(model, views)
    assert targets.images is not None
    middle = torch.zeros(2, 32, 32, dtype=torch.int32)
    middle[:, 13:19, 13:19] = 63 << 13  # the cells in the middle of the box
    whole, gradient = losses_and_gradient(model, targets, weights, middle)
    parts = replace(targets, windows=[Window(2, 2, 12, 12)] * 4, reach=Reach(1, 2))
    total, of_windows = losses_and_gradient(model, parts, weights, middle)
    assert gradient.abs().max() > 0
    torch.testing.assert_close(of_windows, gradient)
    background = model.decode(model.as_images(model.background()))
    outside = torch.ones(32, 32)
    outside[8:24, 8:24] = 0  # what the windows count
    added = ((background - targets.images).square() * outside).mean()
    torch.testing.assert_close(whole, total + added.detach())


def test_a_scene_fitted_by_parts_of_its_views_does_not_depend_on_its_neighbors(balls: Dataset) -> None:
    weights = LossWeights(dec=1.0)
    image = Phase(2.0, 2, Rates(micro=2e-2), weights, shift_views=True, diagonal_rays=True, whole_share=0.5, samples=6)
    latent = Phase(1.0, 2, Rates(micro=2e-2), LossWeights(enc=1.0), whole_share=0.0)
    config = Stage2Config(latent, image)

    def fitted(scenes: list[int], config: Stage2Config = config) -> torch.Tensor:
        chosen = balls.subset(scenes)
        return fit_scenes(small_model(PosedViews(chosen)), chosen, config, seed=0).micro.values[-1]

    alone = fitted([3])
    torch.testing.assert_close(fitted([0, 3]), alone, atol=1e-3, rtol=0)
    whole = replace(config, latent=replace(latent, whole_share=1.0), image=replace(image, whole_share=1.0))
    assert (fitted([3], whole) - alone).abs().max() > 1e-2


def test_whole_views_are_spread_evenly_over_the_steps() -> None:
    phase = Phase(1.0, 1, Rates(), LossWeights(), whole_share=0.25)
    assert [step for step in range(12) if phase.compares_whole_views(step)] == [3, 7, 11]
    assert all(replace(phase, whole_share=1.0).compares_whole_views(step) for step in range(9))
    assert not any(replace(phase, whole_share=0.0).compares_whole_views(step) for step in range(9))


def test_a_phase_chooses_its_samples_and_its_diagonals() -> None:
    of_model = SamplingConfig(48, 0, supersample=2)
    phase = Phase(1.0, 1, Rates(), LossWeights(), one_ray_share=0.5, samples=24, diagonal_rays=True)
    assert phase.sampling(of_model, 0, views=8) == SamplingConfig(24, 0, supersample=1)
    assert phase.sampling(of_model, 4, views=8) == SamplingConfig(24, 0, supersample=2)
    assert [phase.diagonal(step, of_model) for step in range(4)] == [0, 1, 0, 1]
    assert replace(phase, diagonal_rays=False).diagonal(1, of_model) is None


def test_encoding_objects_alone_gives_the_latents_of_whole_views(views: PosedViews) -> None:
    model = small_model(views)
    images = views.images(views.group([0, 1, 2, 5]), DEVICE)
    images[0, :, :, 16:] = 1  # one object is cut off, so that its window ends within the picture
    encoded = encode_objects(model, images, Reach(1, 2))
    torch.testing.assert_close(encoded, model.encode(images))
    assert {window.size for window in object_windows(images, model.background_color, 2, 2)} != {(16, 16)}
