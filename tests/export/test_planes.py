import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from triptych import open_scenes
from triptych.errors import InputError
from triptych.export import write_planes


def test_planes_come_back_to_what_is_rendered(trained_balls: Path, tmp_path: Path) -> None:
    scenes = open_scenes(trained_balls / "trained_scenes", trained_balls)
    names = ["ball_2", "ball_0"]
    write_planes(tmp_path / "planes.safetensors", scenes.only(*names))
    with safe_open(tmp_path / "planes.safetensors", "pt") as file:
        assert json.loads(file.metadata()["names"]) == names
        assert file.metadata()["model"] == scenes.bank.model_id
        planes, mean, std = (file.get_tensor(name) for name in ("planes", "mean", "std"))
        assert torch.equal(file.get_tensor("coefficients")[1], scenes["ball_0"].coefficients)
    assert planes.shape == (2, 3, 8, 8, 8)
    torch.testing.assert_close(planes.mean(dim=(0, 1, 3, 4)), torch.zeros(8), rtol=0, atol=1e-5)
    torch.testing.assert_close(planes.std(dim=(0, 1, 3, 4)), torch.ones(8))
    restored = (planes * std[:, None, None] + mean[:, None, None]).permute(0, 1, 3, 4, 2)
    torch.testing.assert_close(restored[0], scenes["ball_2"].field.planes[0])


def test_npz_holds_the_same_without_pickles(trained_balls: Path, tmp_path: Path) -> None:
    scenes = open_scenes(trained_balls / "trained_scenes", trained_balls)
    write_planes(tmp_path / "planes.npz", scenes, normalize=False)
    arrays = np.load(tmp_path / "planes.npz", allow_pickle=False)
    assert arrays["names"].tolist() == list(scenes)
    expected = scenes["ball_1"].field.planes[0].permute(0, 3, 1, 2)
    np.testing.assert_allclose(arrays["planes"][1], expected.numpy())


def test_other_suffixes_are_refused(trained_balls: Path, tmp_path: Path) -> None:
    scenes = open_scenes(trained_balls / "trained_scenes", trained_balls)
    with pytest.raises(InputError, match=r"ends in \.safetensors or \.npz"):
        write_planes(tmp_path / "planes.pt", scenes)
    assert not list(tmp_path.iterdir())
