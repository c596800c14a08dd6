"""The examples run as they are, at small sizes, and write their pictures."""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from balls import AABB, make_balls
from PIL import Image

from triptych.data import DatasetConfig, open_dataset
from triptych.geometry import look_at

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
Run = Callable[..., None]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(name: str, *arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    return call


def picture(file: Path) -> np.ndarray:
    """The picture in [0, 1]; there has to be something on it."""
    pixels = np.asarray(Image.open(file).convert("RGB")) / 255
    assert pixels.std() > 0.02
    return pixels


def test_every_example_is_run_by_a_test_and_shown_in_the_documentation() -> None:
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    tests = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert f'--8<-- "examples/{example.name}"' in page
        assert f'run("{example.name}"' in tests


def test_examples_use_nothing_deeper_than_the_face_of_the_package() -> None:
    for example in EXAMPLES.glob("*.py"):
        assert "from triptych" not in example.read_text()
        assert "import triptych." not in example.read_text()


def test_a_scene_is_rendered(run: Run, trained_balls: Path, tmp_path: Path) -> None:
    bank = ["--bank", trained_balls / "trained_scenes", "--model", trained_balls]
    run("01_render_a_scene.py", "--views", 2, "--out", tmp_path / "ball.png", *bank)
    assert picture(tmp_path / "ball.png").shape == (3 * 32, 2 * 32, 3)
    run("01_render_a_scene.py", "--views", 1, "--out", tmp_path / "car.png")
    assert picture(tmp_path / "car.png").shape == (3 * 128, 128, 3)


def test_a_new_car_is_fitted(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("02_fit_new_cars.py", "--out", tmp_path, "--count", 1, "--views", 12, "--test-views", 2)
    picture(tmp_path / "evaluation" / "comparison.png")
    assert "**mean**" in capsys.readouterr().out


def test_two_scenes_are_blended(run: Run, trained_balls: Path, tmp_path: Path) -> None:
    arguments = ["--bank", trained_balls / "trained_scenes", "--model", trained_balls, "--steps", 3]
    run("03_blend_two_scenes.py", *arguments, "--out", tmp_path / "blend.png")
    assert picture(tmp_path / "blend.png").shape == (32, 3 * 32, 3)


def test_a_category_is_made_from_meshes(run: Run, tmp_path: Path) -> None:
    small = ["--scenes", 4, "--views", 8, "--resolution", 32, "--length", 0.2]
    run("04_your_own_category.py", "--out", tmp_path, *small)
    picture(tmp_path / "evaluation" / "comparison.png")
    picture(tmp_path / "inspect" / "contact_sheet.png")


def test_pictures_from_memory_and_an_own_autoencoder_make_a_category(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("06_your_own_parts.py", "--out", tmp_path, "--scenes", 4, "--views", 8, "--side", 32, "--length", 0.2)
    picture(tmp_path / "evaluation" / "comparison.png")
    assert "Dataset(4 scene(s): ball_00 ... ball_03; 4 views each to fit" in capsys.readouterr().out


def test_a_network_learns_from_the_planes_of_a_bank(run: Run, trained_balls: Path, tmp_path: Path) -> None:
    arguments = ["--bank", trained_balls / "trained_scenes", "--model", trained_balls, "--epochs", 2]
    run("07_learn_from_planes.py", *arguments, "--out", tmp_path / "planes.png")
    assert picture(tmp_path / "planes.png").shape == (2 * 32, 4 * 32, 3)


def test_photos_are_moved_into_one_frame(run: Run, tmp_path: Path) -> None:
    data = make_balls(tmp_path / "data", train=1, test=1, views=40)
    moved = data / "ball_0" / "transforms.json"
    document = json.loads(moved.read_text())
    # Some other frame, as COLMAP might have chosen it.
    rotation = look_at(torch.tensor([[1.0, -2.0, 0.7]]))[0, :, :3].double().numpy()
    for frame in document["frames"]:
        matrix = np.array(frame["transform_matrix"])
        matrix[:3] = rotation @ matrix[:3]
        matrix[:3, 3] = 3.7 * matrix[:3, 3] + [5, -2, 1]
        frame["transform_matrix"] = matrix.tolist()
    moved.write_text(json.dumps(document))
    run("05_photo_poses.py", data)
    run("05_photo_poses.py", data)  # again: it starts from the originals

    dataset = open_dataset(DatasetConfig(data, test_views=2, cache=tmp_path / "cache"))
    for scene in range(2):
        cameras = dataset.cameras(scene)
        eyes = cameras.c2w[:, :, 3]
        torch.testing.assert_close(eyes.norm(dim=1), torch.full((40,), 1.3), rtol=0.02, atol=0)
        pixels = cameras.project(torch.zeros(1, 3)).points
        torch.testing.assert_close(pixels, torch.full((40, 1, 2), 16.0), rtol=0, atol=0.5)
        # Upright: every camera is above the ground, as it was before.
        assert eyes[:, 2].min() > -0.1
        assert dataset.aabb.tolist() == torch.tensor(AABB).tolist()
