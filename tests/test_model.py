import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from triptych.bank import Scene, SceneBank
from triptych.errors import InputError
from triptych.geometry import hemisphere_cameras
from triptych.model import SHIPPED, CategoryModel, find_model, find_shipped


def test_a_model_comes_back_as_it_was_saved(trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    model.save(tmp_path / "copy")
    copy = CategoryModel.load(tmp_path / "copy")
    assert copy.identity() == model.identity()
    cameras = hemisphere_cameras(3, 32, seed=9)
    views = [Scene.start_of(each).render(cameras) for each in (model, copy)]
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
    views = Scene.start_of(model).render(hemisphere_cameras(2, 32, seed=0))
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


def as_version_2(folder: Path) -> str:
    """Turn a model folder into what version 2 wrote, without checksums; returns the id that it had: of numbers only."""
    digest = hashlib.sha256()
    for name, tensor in sorted(CategoryModel.load(folder).state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    identity = digest.hexdigest()[:16]
    for file, changes in (("autoencoder.json", {}), ("model.json", {"version": 2, "id": identity})):
        document = json.loads((folder / file).read_text()) | changes
        unknown_then = ("sha256", "weights_sha256", "files", "former_ids")
        kept = {key: value for key, value in document.items() if key not in unknown_then}
        (folder / file).write_text(json.dumps(kept))
    return identity


def test_a_model_of_version_2_keeps_its_banks(trained_balls: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_balls / "model", tmp_path / "old")
    identity = as_version_2(tmp_path / "old")
    old = CategoryModel.load(tmp_path / "old")
    assert old.identity() == CategoryModel.load(trained_balls / "model").identity() != identity
    old.save(tmp_path / "new")
    assert CategoryModel.load(tmp_path / "new").known_ids() == (old.identity(), identity)
    bank = SceneBank.create(tmp_path / "bank", old)
    replace(bank.description, model_id=identity).write(bank.folder)
    bank = SceneBank(tmp_path / "bank")
    for folder in ("old", "new"):
        assert bank.load_model(tmp_path / folder).is_known_as(bank.model_id)
    trained_on = CategoryModel.load(tmp_path / "new")
    trained_on.base.add_(1.0)
    assert not trained_on.is_known_as(identity)

    shutil.copy(trained_balls / "plain_model" / "shared.safetensors", tmp_path / "old")
    with pytest.raises(InputError, match="not of one model"):
        CategoryModel.load(tmp_path / "old")


def test_the_shipped_model_is_known_by_its_former_id() -> None:
    former = "e124795599c54938"  # of the release before checksums
    assert find_shipped(former) == SHIPPED / "cars"
    assert CategoryModel.load(SHIPPED / "cars").is_known_as(former)


def test_the_id_covers_the_configuration(trained_balls: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    identity = model.identity()
    model.config = replace(model.config, sampling=replace(model.config.sampling, coarse=9))
    assert model.identity() != identity
    model = CategoryModel.load(trained_balls / "model")
    model.normalization.kind = "tanh"
    assert model.identity() != identity
