import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from triptych.errors import InputError
from triptych.geometry import hemisphere_cameras
from triptych.model import SHIPPED, CategoryModel, find_model


def test_a_model_comes_back_as_it_was_saved(trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    model.save(tmp_path / "copy")
    copy = CategoryModel.load(tmp_path / "copy")
    assert copy.identity() == model.identity()
    cameras = hemisphere_cameras(3, 32, seed=9)
    views = [m.render_scene(m.start_micro, m.start_coefficients, cameras) for m in (model, copy)]
    assert torch.equal(views[0].images, views[1].images)


def test_a_trained_model_takes_two_bytes_a_number_and_loses_nothing(trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    assert load_file(trained_balls / "model" / "shared.safetensors")["base"].dtype == torch.float16
    model.base.add_(1e-5)  # no longer what half precision holds
    model.save(tmp_path / "finer")
    assert torch.equal(CategoryModel.load(tmp_path / "finer").base, model.base)


def test_a_model_is_found_in_its_run_by_its_folder_or_by_the_name_it_ships_under(
    trained_balls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model(trained_balls) == find_model(trained_balls / "model") == trained_balls / "model"
    assert find_model(Path("cars")) == SHIPPED / "cars"
    assert find_model(Path("boats")) == Path("boats")


@pytest.mark.parametrize("name", ["model.json", "shared.safetensors", "autoencoder.json", "autoencoder.safetensors"])
def test_a_missing_file_is_named(trained_balls: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(trained_balls / "model", tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(InputError, match=name):
        CategoryModel.load(tmp_path / "model")


def test_files_of_two_models_do_not_mix(trained_balls: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_balls / "model", tmp_path / "model")
    shutil.copy(trained_balls / "plain_model" / "shared.safetensors", tmp_path / "model")
    with pytest.raises(InputError, match="not of one model"):
        CategoryModel.load(tmp_path / "model")


def test_an_unknown_version_is_refused(trained_balls: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_balls / "model", tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(InputError, match="version 99"):
        CategoryModel.load(tmp_path / "model")


def test_an_empty_scene_shows_the_background(trained_balls: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    model.mlp.output.bias.data[0] = -100.0
    views = model.render_scene(model.start_micro, model.start_coefficients, hemisphere_cameras(2, 32, seed=0))
    background = model.as_images(model.background())
    assert torch.allclose(views.latents, background.expand_as(views.latents), atol=1e-5)
    assert float(views.opacity.max()) < 1e-5


def test_supersampling_averages_rays_over_each_latent_pixel(trained_balls: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    cameras = hemisphere_cameras(1, 32, seed=0)
    field = model.field(model.start_micro[None], model.start_coefficients[None])
    fine_background = torch.zeros(64, 4)
    coarse = model.render_latents(field, cameras, [1], fine_background)
    object.__setattr__(model.config.sampling, "supersample", 2)
    averaged = model.render_latents(field, cameras, [1], fine_background)
    assert averaged.channels.shape == coarse.channels.shape == (64, 4)
    assert torch.allclose(averaged.opacity.mean(), coarse.opacity.mean(), atol=0.05)
    assert not torch.equal(averaged.opacity, coarse.opacity)
