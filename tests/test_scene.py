"""Scenes of a bank as a user of the Python interface meets them."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import triptych
from triptych.bank import compare_views
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.metrics import psnr
from triptych.model import SHIPPED
from triptych.model.rendering import render_views
from triptych.representation.config import SamplingConfig
from triptych.representation.occupancy import with_occupancy


@pytest.fixture
def scenes(trained_balls: Path) -> triptych.Scenes:
    return triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)


def test_a_scene_renders_as_its_model_renders_its_field(scenes: triptych.Scenes) -> None:
    scene, model = scenes["ball_1"], scenes.model
    cameras = triptych.orbit_cameras(3, 32)
    field = model.field(scene.micro[None], scene.coefficients[None])
    expected = render_views(model, with_occupancy(field), cameras, model.background())
    found = scene.render(cameras)
    for name in ("images", "latents", "opacity", "depth"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=0, atol=1e-6)


def test_finer_sampling_changes_a_view_a_little(scenes: triptych.Scenes) -> None:
    camera = triptych.orbit_cameras(1, 32)
    usual = scenes["ball_1"].render(camera).images
    finer = scenes["ball_1"].render(camera, SamplingConfig(coarse=32, importance=0, supersample=2)).images
    assert 0 < (usual - finer).square().mean().sqrt() < 0.1


def test_a_blend_goes_from_one_scene_to_the_other(scenes: triptych.Scenes) -> None:
    one, other = scenes["ball_0"], scenes["ball_1"]
    assert torch.equal(one.blend(other, 0.0).micro, one.micro)
    assert torch.equal(one.blend(other, 1.0).coefficients, other.coefficients)
    torch.testing.assert_close(one.blend(other, 0.25).micro, 0.75 * one.micro + 0.25 * other.micro)


@pytest.mark.parametrize(("height", "width"), [(32, 48), (48, 32), (64, 64), (33, 47), (2, 5)])
def test_cameras_may_have_pictures_of_any_size(scenes: triptych.Scenes, height: int, width: int) -> None:
    scene, side = scenes["ball_0"], scenes.model.autoencoder.downscale
    views = scene.render(triptych.Orbit(2).cameras(height, width))
    latent_size = (-(-height // side), -(-width // side))
    assert views.images.shape == (2, 3, height, width)
    assert views.latents.shape[2:] == views.opacity.shape[1:] == views.depth.shape[1:] == latent_size


def test_a_larger_picture_shows_the_same_and_more_around_it(scenes: triptych.Scenes) -> None:
    scene, camera = scenes["ball_0"], scenes.model.along(triptych.Orbit(1))
    usual = scene.render(camera)
    around = camera.shifted(torch.tensor([[-8, -8]]))
    wider = scene.render(triptych.Cameras(around.c2w, around.intrinsics, 48, 48))
    at, side = 8 // scenes.model.autoencoder.downscale, usual.latents.shape[-1]
    inner = wider.latents[..., at : at + side, at : at + side]
    torch.testing.assert_close(inner, usual.latents, rtol=0, atol=0.05)
    # The decoder knows no more than zeros beyond the edges of a picture.
    middle = (slice(None), slice(None), slice(16, 32), slice(16, 32))
    shown = scene.render(camera).images[:, :, 8:24, 8:24]
    torch.testing.assert_close(wider.images[middle], shown, rtol=0, atol=0.05)


def test_an_odd_size_is_cut_from_a_picture_that_the_autoencoder_divides(scenes: triptych.Scenes) -> None:
    scene, camera = scenes["ball_0"], scenes.model.along(triptych.Orbit(1))
    odd = scene.render(triptych.Cameras(camera.c2w, camera.intrinsics, 31, 30))
    assert torch.equal(odd.images, scene.render(camera).images[:, :, :31, :30])


def test_scenes_are_a_mapping_by_name(scenes: triptych.Scenes) -> None:
    assert list(scenes) == ["ball_0", "ball_1", "ball_2"]
    assert "ball_2" in scenes
    assert "nobody" not in scenes
    with pytest.raises(KeyError):
        scenes["nobody"]


def test_some_scenes_of_a_bank_are_a_mapping_too(scenes: triptych.Scenes) -> None:
    assert list(scenes.only("ball_2", "ball_0", "ball_2")) == ["ball_2", "ball_0"]
    assert list(scenes.select("1:3")) == ["ball_1", "ball_2"]
    assert list(scenes.select(None)) == list(scenes)
    assert "ball_1" not in scenes.only("ball_2")
    with pytest.raises(KeyError):
        scenes.only("ball_2")["ball_1"]
    with pytest.raises(InputError, match="no scene 'ball_9'"):
        scenes.only("ball_9")


def test_an_empty_bank_says_so(scenes: triptych.Scenes, tmp_path: Path) -> None:
    empty = triptych.Scenes(triptych.SceneBank.create(tmp_path / "bank", scenes.model), scenes.model)
    for ask in (empty.names, lambda: empty.select("all")):
        with pytest.raises(InputError, match="bank: the bank is empty; fit scenes first"):
            ask()


def test_a_scene_is_one_line(scenes: triptych.Scenes) -> None:
    identity = scenes.model.identity()
    assert repr(scenes["ball_1"]) == f"Scene('ball_1', model {identity}, 32x32 pixels, on cpu)"
    assert repr(scenes) == f"Scenes(3 of {scenes.bank.folder}, model {identity}, on cpu)"


def test_a_scene_beside_its_pictures(scenes: triptych.Scenes, balls: Dataset) -> None:
    views = compare_views(scenes["ball_1"], balls, 1, [3, 0])
    expected = balls.images(1, [3, 0]).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(views.target, expected, rtol=0, atol=1e-6)
    assert torch.equal(views.rendered.images, scenes["ball_1"].render(balls.cameras(1)[[3, 0]]).images)
    assert views.psnr() == psnr(views.rendered.images, views.target)
    other = triptych.Scene.start_of(triptych.CategoryModel.load(SHIPPED / "cars"))
    assert compare_views(other, balls, 1, [0]).rendered.images.shape == (1, 3, 32, 32)  # its own are 128x128


def test_a_notebook_shows_a_picture(scenes: triptych.Scenes) -> None:
    assert Image.open(io.BytesIO(scenes["ball_0"]._repr_png_())).size == (32, 32)


def test_a_bank_of_the_shipped_model_finds_it(tmp_path: Path) -> None:
    model = triptych.CategoryModel.load(triptych.model.find_model(Path("cars")))
    bank = triptych.SceneBank.create(tmp_path / "bank", model)
    bank.add("mean", triptych.StoredScene(model.start_micro, model.start_coefficients, "f", {}))
    scene = triptych.open_scenes(tmp_path / "bank")["mean"]
    assert scene.render(triptych.orbit_cameras(1, 128)).opacity.max() > 0.5
