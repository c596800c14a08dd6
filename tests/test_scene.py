"""Scenes of a bank as a user of the Python interface meets them."""

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

import triptych
from triptych.errors import InputError
from triptych.representation.config import SamplingConfig


@pytest.fixture
def scenes(trained_balls: Path) -> triptych.Scenes:
    return triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)


def test_a_scene_renders_as_its_model_renders_its_field(scenes: triptych.Scenes) -> None:
    scene, model = scenes["ball_1"], scenes.model
    cameras = triptych.orbit_cameras(3, 32)
    field = model.field(scene.micro[None], scene.coefficients[None])
    expected = model.render_views(field, cameras, model.background())
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


def test_cameras_of_another_size_are_refused(scenes: triptych.Scenes) -> None:
    with pytest.raises(InputError, match=r"32x32.*got 64x64"):
        scenes["ball_0"].render(triptych.orbit_cameras(1, 64))


def test_scenes_are_a_mapping_by_name(scenes: triptych.Scenes) -> None:
    assert list(scenes) == ["ball_0", "ball_1", "ball_2"]
    assert "ball_2" in scenes
    assert "nobody" not in scenes
    with pytest.raises(KeyError):
        scenes["nobody"]


def test_a_notebook_shows_a_picture(scenes: triptych.Scenes) -> None:
    assert Image.open(io.BytesIO(scenes["ball_0"]._repr_png_())).size == (32, 32)


def test_a_bank_of_the_shipped_model_finds_it(tmp_path: Path) -> None:
    model = triptych.CategoryModel.load(triptych.model.find_model(Path("cars")))
    bank = triptych.SceneBank.create(tmp_path / "bank", model)
    bank.add("mean", triptych.StoredScene(model.start_micro, model.start_coefficients, "f", {}))
    scene = triptych.open_scenes(tmp_path / "bank")["mean"]
    assert scene.render(triptych.orbit_cameras(1, 128)).opacity.max() > 0.5
