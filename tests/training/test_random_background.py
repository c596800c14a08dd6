"""Random colors behind objects while scenes are trained."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from balls import make_balls, tiny_stage1, tiny_stage2
from PIL import Image
from stopping import stop_at_step

from triptych.autoencoder import IdentityAutoencoder
from triptych.cli.main import main
from triptych.data import Dataset, cameras_from_arrays, dataset_from_arrays
from triptych.data.posed_views import PosedViews
from triptych.errors import InputError
from triptych.geometry import hemisphere_cameras
from triptych.model import CategoryModel
from triptych.representation.config import MLPConfig, SamplingConfig
from triptych.training import stage1, stage2
from triptych.training.autoencoder_config import NoAutoencoder, Pretraining
from triptych.training.conditions import Conditions
from triptych.training.config import Stage1Config
from triptych.training.deciding import deciding, with_added
from triptych.training.fitting import Fitting
from triptych.training.phase import LossWeights, Phase, PixelCounts, Rates
from triptych.training.pixels import LatentViews
from triptych.training.random_background import random_colors, require_alpha
from triptych.training.seen import SeenColors
from triptych.training.single.banks import fit_rgb_scenes
from triptych.training.single.config import OwnPlanesConfig, SingleTriPlanes
from triptych.training.single.run import fit_single
from triptych.training.single.targets import image_space, ray_targets
from triptych.training.step import draw_pixels

SIDE = 16
PHASE = Phase(
    epochs=0.0,
    step_count=120,
    batch=32,
    pixels=256,
    crop_share=0.5,
    samples=16,
    rates=Rates(micro=2e-2),
    weights=LossWeights(enc=1.0),
    random_background=True,
)
OVER_WHITE = replace(PHASE, random_background=False)


def disk(color: int, alpha: int) -> np.ndarray:
    """A picture with straight alpha: a disk before nothing."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    rgba = np.full((SIDE, SIDE, 4), color, np.uint8)
    rgba[..., 3] = np.where(x**2 + y**2 < (SIDE / 3) ** 2, alpha, 0)
    return rgba


def scenes(*pictures: np.ndarray, background: str = "white") -> Dataset:
    """One scene for each picture, which all of its views show."""
    cameras = hemisphere_cameras(6, SIDE, seed=0)
    posed = cameras_from_arrays(cameras.c2w, cameras.intrinsics, SIDE, SIDE)
    views = {f"scene_{number}": (np.stack(6 * [picture]), posed) for number, picture in enumerate(pictures)}
    return dataset_from_arrays(views, 0.5, test_views=2, background=background)


def over(rgba: np.ndarray, colors: torch.Tensor) -> torch.Tensor:
    """Pixels with straight alpha over colors, in [0, 1]."""
    alpha = torch.from_numpy(rgba[..., 3:] / 255.0).float()
    return alpha * torch.from_numpy(rgba[..., :3] / 255.0).float() + (1 - alpha) * colors.float() / 255


def views_of(dataset: Dataset, phase: Phase = PHASE) -> LatentViews:
    return Fitting(image_space(dataset), dataset, 0).begin(phase, tiny_stage2().skipping).latent_views


@pytest.mark.parametrize("laid_over", ["white", "#204060"])
@pytest.mark.parametrize("alpha", [255, 128, 1])
def test_pixels_show_what_alpha_over_the_drawn_color_shows(laid_over: str, alpha: int) -> None:
    picture = disk(200, alpha)
    views = views_of(scenes(picture, background=laid_over))
    drawn = views.draw([torch.arange(4)], PixelCounts(300, 150), [torch.Generator().manual_seed(0)])
    assert drawn.colors is not None
    pixels = views.at(drawn, 1)
    assert torch.equal(pixels.background, drawn.colors / 255)
    _, x, y = drawn.places
    expected = over(picture[y, x], drawn.colors)
    assert (pixels.latents - expected).abs().max() <= 0.5 / 255 + 1e-6  # what is stored is rounded
    outside = torch.from_numpy(picture[y, x, 3] == 0)
    assert 0.2 < outside.float().mean() < 0.9
    torch.testing.assert_close(pixels.latents[outside], pixels.background[outside])


@pytest.mark.parametrize("alpha", [255, 128])
def test_rays_of_a_scene_by_itself_see_the_same(alpha: int) -> None:
    picture, generator = disk(90, alpha), torch.Generator().manual_seed(0)
    dataset = scenes(picture, background="black")
    drawn = ray_targets(dataset, image_space(dataset)).draw(PixelCounts(200, 0), 0)
    colors = random_colors(200, generator)
    seen = drawn.over(colors)
    assert drawn.opacities is not None
    own = np.concatenate([np.full((200, 3), 90), 255 * drawn.opacities.numpy()[:, None]], axis=1)
    assert torch.equal(seen.background, colors / 255)
    assert (seen.channels - over(own, colors)).abs().max() <= 0.5 / 255 + 1e-6


def test_colors_are_drawn_anew_for_each_pixel_and_step_and_follow_from_the_seed() -> None:
    dataset = scenes(disk(0, 255), disk(9, 255))
    fitting = Fitting(image_space(dataset), dataset, 0)
    work = fitting.begin(PHASE, tiny_stage2().skipping)
    drawn = [draw_pixels(work, fitting.everyone.choose(step, PHASE.batch), step) for step in (0, 1, 0)]
    colors = [each.colors for each in drawn]
    assert colors[0] is not None
    assert torch.equal(colors[0], colors[2])
    assert (colors[0] != colors[1]).float().mean() > 0.9
    assert len(colors[0].unique(dim=0)) > 500
    assert colors[0].float().mean(dim=0).tolist() == pytest.approx([127.5] * 3, abs=15)
    without = draw_pixels(fitting.begin(OVER_WHITE, tiny_stage2().skipping), fitting.everyone.choose(0, PHASE.batch), 0)
    assert torch.equal(without.jitter, drawn[0].jitter)  # each scene has random numbers of its own
    assert without.colors is None


def test_a_part_of_a_step_draws_what_the_whole_step_does() -> None:
    views = views_of(scenes(disk(0, 255), disk(9, 255)))
    rows, shared = [torch.arange(4), torch.arange(4, 8)], torch.Generator().manual_seed(0)
    whole = views.draw(rows, PixelCounts(64, 32), [shared, shared])
    shared.manual_seed(0)
    parts = [views.draw([each], PixelCounts(64, 32), [shared]) for each in rows]
    for name in ("jitter", "colors"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))


def test_the_mean_error_is_that_over_gray_and_a_twelfth_of_that_of_opacities() -> None:
    dataset = scenes(disk(230, 160))
    model, views = image_space(dataset), views_of(dataset)
    fitting = Fitting(model, dataset, 0)
    work = fitting.begin(PHASE, tiny_stage2().skipping)
    drawn = views.draw([torch.zeros(1, dtype=torch.long)], PixelCounts(40_000, 0), [torch.Generator().manual_seed(0)])
    assert drawn.colors is not None
    scene = model.field(torch.full((1, *model.start_micro.shape), 0.3), fitting.scenes.coefficients.values)
    work.model.config = replace(model.config, sampling=SamplingConfig(8, 0))
    sampler = work.sampler(0, 1)
    found = views.at(drawn, 1).error(scene, sampler)
    gray = views.at(drawn._replace(colors=torch.full_like(drawn.colors, 128)), 1)
    known = replace(gray, opacities=torch.from_numpy(disk(230, 160)[drawn.places[2], drawn.places[1], 3] / 255).float())
    over_gray, of_opacities = (
        gray.error(scene, sampler),
        known.error(scene, sampler, 1 / 12) - gray.error(scene, sampler),
    )
    assert float(found - over_gray) == pytest.approx(float(of_opacities), rel=0.1)


def opacity_error(dataset: Dataset, out: Path, **settings: Any) -> float:
    """That of a scene by itself, over all views that it is fitted to."""
    mlp = MLPConfig(hidden=32, hidden_activation="relu", channel_activation="sigmoid")
    config = SingleTriPlanes(
        planes=OwnPlanesConfig(16, 8), mlp=mlp, sampling=SamplingConfig(24, 0), rays=512, steps=60, **settings
    )
    scene = fit_single(dataset, out, config, image_space(dataset), Conditions())
    views = PosedViews(dataset)
    whole = views.group(range(len(views)))
    rendered = scene.render(views.cameras(whole, torch.device("cpu")))
    return float((rendered.opacity - views.opacities(whole)).square().mean())


def test_a_white_object_over_white_is_found(tmp_path: Path) -> None:
    dataset = scenes(disk(255, 255))
    found = opacity_error(dataset, tmp_path / "random", random_background=True)
    assert found < 0.5 * opacity_error(dataset, tmp_path / "white")


def in_colors(**changes: Any) -> Stage1Config:
    warmup = replace(PHASE, rates=Rates(1e-2, 1e-2, 1e-2, 1e-2), step_count=8, pixels=24)
    joint = replace(tiny_stage1().joint, epochs=0.0, rates=Rates(), weights=LossWeights(enc=1.0))
    no_pretraining = Pretraining(epochs=0.0)
    autoencoder = NoAutoencoder()
    changes = {"warmup": warmup, "joint": joint, "pretraining": no_pretraining, "autoencoder": autoencoder} | changes
    return tiny_stage1(**changes)


def test_a_stage_1_that_was_stopped_ends_as_one_that_was_not(
    balls: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, often = balls.select("train", "all"), Conditions(checkpoint_seconds=0.0)
    whole = stage1.train(chosen, tmp_path / "whole", in_colors(), often)
    with monkeypatch.context() as patched:
        stop_at_step(4, patched)
        with pytest.raises(KeyboardInterrupt):
            stage1.train(chosen, tmp_path / "run", in_colors(), often)
    resumed = stage1.train(chosen, tmp_path / "run", in_colors(), often)
    assert resumed.identity() == whole.identity()
    other = replace(in_colors(), warmup=replace(in_colors().warmup, random_background=False))
    assert stage1.train(chosen, tmp_path / "other", other, often).identity() != whole.identity()
    assert whole.origin.background == (255, 255, 255)


def test_runs_of_versions_without_random_colors_go_on(balls: Dataset, tmp_path: Path) -> None:
    config = replace(in_colors(), warmup=replace(in_colors().warmup, random_background=False))
    assert "random_background" not in json.dumps(deciding(config))
    assert deciding(in_colors())["warmup"]["random_background"] is True
    rgb = SingleTriPlanes(steps=2, rays=16)
    assert "random_background" not in deciding(rgb)
    assert "everywhere" not in deciding(rgb)["skipping"]
    assert with_added(deciding(rgb), asdict(rgb)) == asdict(rgb)
    ball = balls.subset([3])
    fit_rgb_scenes(ball, tmp_path, rgb, Conditions())
    fit_rgb_scenes(ball, tmp_path, rgb, Conditions())
    with pytest.raises(InputError, match=r"fitted with rgb.random_background = False, not True"):
        fit_rgb_scenes(ball, tmp_path, replace(rgb, random_background=True), Conditions())


def test_an_rgb_scene_with_random_colors_is_not_taken_for_one_without(balls: Dataset, tmp_path: Path) -> None:
    rgb, ball = SingleTriPlanes(steps=2, rays=16, random_background=True), balls.subset([3])
    fit_rgb_scenes(ball, tmp_path, rgb, Conditions())
    with pytest.raises(InputError, match=r"fitted with rgb.random_background = True, not False"):
        fit_rgb_scenes(ball, tmp_path, replace(rgb, random_background=False), Conditions())


def test_phases_on_whole_views_have_no_random_colors() -> None:
    with pytest.raises(InputError, match="random_background is for phases on random pixels"):
        replace(PHASE, pixels=None)


def test_latents_have_no_color_behind_them(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    config = tiny_stage2(latent=PHASE)
    for refused in (
        lambda: stage2.fit(model, balls.select("test"), tmp_path / "bank", config, Conditions()),
        lambda: stage2.plan(model, balls.select("test"), tmp_path / "bank", config, Conditions()),
        lambda: stage1.train(balls, tmp_path / "run", tiny_stage1(warmup=PHASE), Conditions()),
        lambda: stage1.plan(balls, tmp_path / "run", tiny_stage1(warmup=PHASE), Conditions()),
    ):
        with pytest.raises(InputError, match="no color can be laid behind its latents"):
            refused()
    assert not any(tmp_path.iterdir())


def test_pictures_without_alpha_are_named() -> None:
    mixed = scenes(disk(0, 255), disk(0, 255)[..., :3])
    with pytest.raises(InputError, match=r"1 of 2 scene\(s\) have pictures without alpha and masks.*\(scene_1\)"):
        require_alpha([PHASE], IdentityAutoencoder(), mixed)
    require_alpha([PHASE], IdentityAutoencoder(), mixed.subset([0]))
    require_alpha([OVER_WHITE], IdentityAutoencoder(), mixed)


def test_the_command_refuses_data_without_alpha_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in make_balls(tmp_path / "data", train=1, test=0).rglob("*.png"):
        Image.open(file).convert("RGB").save(file)
    data, out = str(tmp_path / "data"), tmp_path / "out"
    where = ["--scenes", "all", "--cache", str(tmp_path / "cache"), "--out", str(out)]
    for command in (
        ["train", data, *where, "--warmup.random-background"],
        ["train", data, *where, "--warmup.random-background", "--dry-run"],
        ["rgb", data, *where, "--random-background"],
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == 2
        *_, line = capsys.readouterr().err.splitlines()
        assert "random_background: 1 of 1 scene(s) have pictures without alpha" in line
        assert not out.exists()


def test_what_pictures_show_is_looked_up_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = scenes(disk(7, 255))
    model = image_space(dataset).to("meta")  # stands for a GPU
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: torch.zeros(self.shape))
    seen = SeenColors.of(model, PosedViews(dataset), opacities=True)
    places = torch.zeros(3, 5, dtype=torch.long)
    assert seen.at(*places).latents.device == seen.over(random_colors(5, torch.Generator()), *places).behind.device
