"""One scene as one file: what comes back, and what is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save_file

import triptych
from triptych.errors import InputError

ABOUT = {"format": "triptych-scene", "version": "1", "name": "ball", "record": "{}"}


@pytest.fixture
def scene(trained_balls: Path) -> triptych.Scene:
    return triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)["ball_1"]


def test_a_scene_renders_the_same_from_its_own_file(scene: triptych.Scene, trained_balls: Path, tmp_path: Path) -> None:
    path = tmp_path / "ball.triptych-scene"
    triptych.save_scene(path, scene)
    found = triptych.open_scene(path, trained_balls)
    cameras = triptych.orbit_cameras(2, 32)
    assert torch.equal(found.render(cameras).images, scene.render(cameras).images)
    assert (found.name, found.record) == ("ball_1", scene.record)
    assert triptych.open_scene(path, scene.model).model is scene.model
    assert path.stat().st_size < 2 * scene.micro.numel() + 4 * scene.coefficients.numel() + 2000


def test_the_shipped_model_is_found_by_its_id(tmp_path: Path) -> None:
    model = triptych.CategoryModel.load(triptych.model.find_model(Path("cars")))
    path = tmp_path / "mean.triptych-scene"
    triptych.save_scene(path, triptych.Scene(model, model.start_micro, model.start_coefficients, "mean"))
    assert triptych.open_scene(path).render(triptych.orbit_cameras(1, 128)).opacity.max() > 0.5


def test_another_model_is_refused(scene: triptych.Scene, trained_balls: Path, tmp_path: Path) -> None:
    path = tmp_path / "ball.triptych-scene"
    triptych.save_scene(path, scene)
    with pytest.raises(InputError, match="belongs to model"):
        triptych.open_scene(path, trained_balls / "plain_model")
    with pytest.raises(InputError, match="does not come with triptych"):
        triptych.open_scene(path)


def test_damaged_files_are_refused(scene: triptych.Scene, trained_balls: Path, tmp_path: Path) -> None:
    path = tmp_path / "ball.triptych-scene"
    triptych.save_scene(path, scene)
    tensors, about = load(path.read_bytes()), ABOUT | {"model": scene.model.identity()}

    def refused(reason: str) -> None:
        with pytest.raises(InputError, match=reason) as refusal:
            triptych.open_scene(path, trained_balls)
        assert "\n" not in str(refusal.value)

    path.write_bytes(path.read_bytes()[:-100])
    refused("bytes are not those that were written")
    path.write_bytes(b"")
    refused("unreadable")
    save_file(tensors, path)
    refused("expected a scene file")
    save_file(tensors, path, about | {"version": "4"})
    refused("version 4")
    save_file(tensors, path, about | {"version": "2"})
    refused("checksum is missing")
    save_file(tensors, path, about | {"record": "[1"})
    refused("record is missing or damaged")
    save_file(tensors | {"micro": tensors["micro"][:, :4].clone()}, path, about)
    refused("micro has shape")
    save_file({"micro": tensors["micro"]}, path, about)
    refused("coefficients has shape None")
    save_file(tensors | {"micro": tensors["micro"] * float("nan")}, path, about)
    refused("not finite")
    path.unlink()
    refused("no such file")
    path.mkdir()
    refused("expected a file, found a folder")
    with pytest.raises(InputError, match=r"ends in \.triptych-scene"):
        triptych.save_scene(tmp_path / "ball.pt", scene)
