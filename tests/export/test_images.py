"""Pictures of scenes that are a dataset again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from exact_ball import exact_ball
from PIL import Image

from triptych import Cameras, InputError, Orbit, SceneBank, Scenes, StoredScene, open_scenes
from triptych.data import DatasetConfig, open_dataset
from triptych.data.formats.transforms import read_cameras
from triptych.export import write_images


@pytest.fixture
def scenes(trained_balls: Path) -> Scenes:
    return open_scenes(trained_balls / "trained_scenes", trained_balls)


def test_the_folder_is_a_dataset_with_the_same_cameras_and_pictures(scenes: Scenes, tmp_path: Path) -> None:
    cameras = scenes.model.along(Orbit(3))
    names = ["ball_0", "ball_2"]
    write_images(tmp_path / "out", scenes.only(*names), cameras, channels=["latents", "depth", "opacity"])
    found = open_dataset(DatasetConfig(tmp_path / "out", test_views=1, cache=tmp_path / "cache"))
    assert found.names == ("ball_0", "ball_2")
    torch.testing.assert_close(found.aabb, scenes.model.aabb)
    torch.testing.assert_close(found.cameras(1).c2w, cameras.c2w, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.cameras(1).intrinsics, cameras.intrinsics)
    views = scenes["ball_2"].render(cameras)
    expected = views.images.clamp(0, 1).mul(255).round().permute(0, 2, 3, 1)
    assert np.array_equal(found.images(1, range(3)), expected.byte().numpy())
    assert (tmp_path / "out" / "ball_2" / "000.png").is_file()
    arrays = np.load(tmp_path / "out" / "ball_2" / "channels.npz", allow_pickle=False)
    for channel in ("latents", "depth", "opacity"):
        np.testing.assert_array_equal(arrays[channel], getattr(views, channel).numpy())


def test_it_goes_on_and_never_mixes(scenes: Scenes, tmp_path: Path) -> None:
    cameras = scenes.model.along(Orbit(2))
    write_images(tmp_path, scenes.only("ball_0"), cameras)
    picture = tmp_path / "ball_0" / "000.png"
    before = picture.stat().st_mtime_ns
    write_images(tmp_path, scenes.only("ball_1"), cameras)
    assert picture.stat().st_mtime_ns == before
    assert json.loads((tmp_path / "dataset.json").read_text())["splits"]["test"] == ["ball_0", "ball_1"]
    with pytest.raises(InputError, match="cameras"):
        write_images(tmp_path, scenes.only("ball_1"), scenes.model.along(Orbit(3)))


def test_names_never_leave_the_folder(tmp_path: Path) -> None:
    ball = exact_ball()
    bank = SceneBank.create(tmp_path / "bank", ball.model)
    bank.add("../out of/it", StoredScene(ball.micro, ball.coefficients, "f", {}))
    write_images(tmp_path / "out", Scenes(bank, ball.model), ball.model.along(Orbit(2)))
    assert [entry.name for entry in (tmp_path / "out").iterdir() if entry.is_dir()] == ["%2E%2E%2Fout of%2Fit"]
    assert len(open_dataset(DatasetConfig(tmp_path / "out", test_views=1, cache=tmp_path / "cache"))) == 1
    with Image.open(tmp_path / "out" / "%2E%2E%2Fout of%2Fit" / "001.png") as picture:
        assert picture.size == (64, 48)


def test_cameras_of_a_written_scene_come_back_for_another_size(scenes: Scenes, tmp_path: Path) -> None:
    cameras = scenes.model.along(Orbit(3))
    turned = Cameras(cameras.c2w, cameras.intrinsics * torch.tensor([[1.0], [1.1], [1.2]]), 32, 32)
    write_images(tmp_path, scenes.only("ball_0"), turned)
    file = tmp_path / "ball_0" / "transforms.json"
    found = read_cameras(file, 64, 64)
    torch.testing.assert_close(found.c2w, turned.c2w, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.intrinsics, turned.intrinsics * 2)
    (tmp_path / "ball_0" / "001.png").unlink()
    assert len(read_cameras(file, 64, 64)) == 3
    kept = read_cameras(file, 32, 64)
    assert (kept.height, kept.width) == (32, 32)
    torch.testing.assert_close(kept.intrinsics, turned.intrinsics)
    document = json.loads(file.read_text())
    del document["w"]
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match="missing"):
        read_cameras(file, 64, 64)
    with pytest.raises(InputError, match="no such file"):
        read_cameras(tmp_path / "nothing.json", 64, 64)


def test_what_makes_no_dataset_is_refused(scenes: Scenes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least two"):
        write_images(tmp_path / "out", scenes.only("ball_0"), scenes.model.along(Orbit(1)))
    assert not (tmp_path / "out" / "ball_0").exists()


def test_pictures_may_be_of_any_size(scenes: Scenes, tmp_path: Path) -> None:
    write_images(tmp_path / "out", scenes.only("ball_0"), Orbit(2).cameras(40, 63), channels=("depth",))
    dataset = open_dataset(DatasetConfig(tmp_path / "out", test_views=1, cache=tmp_path / "cache"))
    assert (dataset.height, dataset.width) == (40, 63)
    with np.load(tmp_path / "out" / "ball_0" / "channels.npz") as channels:
        assert channels["depth"].shape[0] == 2
