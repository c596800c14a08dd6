"""What is shown, and when."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from balls import tiny_stage2
from damage import damage_scene

from triptych.bank import MEAN_SCENE, SceneBank
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.training.conditions import Conditions
from triptych.training.run import Run
from triptych.training.stage2 import fit
from triptych.viewer.choice import Choice, chosen_scene
from triptych.viewer.comparison import compare
from triptych.viewer.known_pictures import PicturedScene
from triptych.viewer.pacing import REST_SECONDS, Pace
from triptych.viewer.sources import LoadedScenes, SourceFiles, WatchedScenes, load, locate
from triptych.viewer.thumbnails import Thumbnails

CPU = torch.device("cpu")


@pytest.fixture
def loaded(trained_balls: Path) -> LoadedScenes:
    return WatchedScenes(trained_balls, None, CPU).loaded


def test_a_run_a_model_and_a_bank_can_be_shown(trained_balls: Path) -> None:
    run, bank = trained_balls, trained_balls / "trained_scenes"
    assert WatchedScenes(run, None, CPU).loaded.names() == [MEAN_SCENE, "ball_0", "ball_1", "ball_2"]
    assert WatchedScenes(bank, run, CPU).loaded.names() == [MEAN_SCENE, "ball_0", "ball_1", "ball_2"]
    assert WatchedScenes(run / "model", None, CPU).loaded.names() == [MEAN_SCENE]
    assert WatchedScenes(Path("cars"), None, CPU).loaded.names() == [MEAN_SCENE]


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a scene bank"):
        locate(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="after its warm-up"):
        locate(tmp_path)


def test_an_unfinished_run_is_shown_as_its_checkpoint_has_it(trained_balls: Path, tmp_path: Path) -> None:
    finished = WatchedScenes(trained_balls, None, CPU).loaded
    run = tmp_path / "run"
    shutil.copytree(trained_balls, run, ignore=shutil.ignore_patterns("model", "trained_scenes"))
    place = locate(run)
    assert place == SourceFiles(model=run / "plain_model", checkpoint=run / "checkpoint")
    shutil.rmtree(run / "checkpoint", ignore_errors=True)
    assert load(place, None, CPU).names() == [MEAN_SCENE]
    write_checkpoint(run, finished)
    found = load(place, None, CPU)
    assert found.names() == finished.names()
    for name in finished.scenes:
        torch.testing.assert_close(found.scene(name).micro, finished.scene(name).micro, atol=1e-2, rtol=1e-2)


def write_checkpoint(run: Path, loaded: LoadedScenes) -> None:
    scenes = list(loaded.scenes.values())
    tensors = {f"model.{name}": tensor for name, tensor in loaded.model.state_dict().items()}
    tensors["scenes.micro.values"] = torch.stack([scene.micro for scene in scenes])
    tensors["scenes.coefficients.values"] = torch.stack([scene.coefficients for scene in scenes])
    Run(run, 60.0).save_checkpoint(tensors, {"phase": "joint", "step": 1})


def test_what_is_shown_follows_what_happens_on_the_disk(trained_balls: Path, balls: Dataset, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    SceneBank.create(tmp_path / "bank", model)
    watched = WatchedScenes(tmp_path / "bank", trained_balls, CPU)
    assert watched.loaded.names() == [MEAN_SCENE]
    assert not watched.refresh()
    scenes = balls.select("ball_3", "test")
    fit(model, scenes, tmp_path / "bank", tiny_stage2(), Conditions())
    assert watched.refresh()
    assert watched.loaded.names() == [MEAN_SCENE, "ball_3"]
    assert watched.generation == 1
    assert not watched.refresh()


def test_a_model_that_is_saved_again_is_read_again(trained_balls: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_balls / "model", tmp_path / "model")
    watched = WatchedScenes(tmp_path / "model", None, CPU)
    model = CategoryModel.load(tmp_path / "model")
    model.start_micro.zero_()
    model.save(tmp_path / "model")
    assert watched.refresh()
    assert watched.generation == 2
    assert not watched.loaded.scene(MEAN_SCENE).micro.any()
    shutil.rmtree(tmp_path / "model")
    assert not watched.refresh()  # what was read last stays
    assert watched.loaded.names() == [MEAN_SCENE]


def test_scenes_are_blended_and_walked(loaded: LoadedScenes) -> None:
    one, other = loaded.scene("ball_0"), loaded.scene("ball_1")
    blend = chosen_scene(loaded, Choice("ball_0", "ball_1", 0.25))
    torch.testing.assert_close(blend.micro, 0.75 * one.micro + 0.25 * other.micro)
    walk = chosen_scene(loaded, Choice("ball_0", offsets={1: 2.0, 99: 1.0}))
    moved = walk.coefficients - one.coefficients
    assert moved.nonzero().flatten().tolist() == [1]
    torch.testing.assert_close(moved[1], 2 * one.coefficients.square().mean().sqrt())
    assert torch.equal(chosen_scene(loaded, Choice("ball_0")).coefficients, one.coefficients)
    assert loaded.scene("gone").name == MEAN_SCENE


def test_a_scene_is_compared_with_its_picture(loaded: LoadedScenes, balls: Dataset) -> None:
    number = balls.names.index("ball_1")
    found = compare(PicturedScene(balls, number), 3, loaded.scene("ball_1"))
    assert found.picture.shape == (32, 96, 3)
    assert np.array_equal(found.picture[:, :32], balls.images(number, [3])[0])
    assert found.psnr > 5
    error = np.abs(found.picture[:, 32:64].astype(int) - found.picture[:, :32]) * 4
    assert np.abs(np.minimum(error, 255) - found.picture[:, 64:]).max() <= 4


def test_frames_are_quick_while_the_camera_moves_and_sharp_once_it_rests() -> None:
    pace = Pace()
    assert pace.due(0.0) is None
    assert pace.wait(0.0) is None
    pace.change(1.0)
    pace.change(1.01)
    assert pace.due(1.02) == "moving"
    pace.begin("moving", 1.02)
    assert pace.due(1.03) is None  # both changes are in that frame
    assert pace.wait(1.03) == pytest.approx(REST_SECONDS - 0.02)
    assert pace.due(1.01 + REST_SECONDS) == "still"
    pace.begin("still", 1.01 + REST_SECONDS)
    assert pace.due(9.0) is None
    assert pace.wait(9.0) is None
    pace.change(10.0)
    assert pace.due(10.1) == "moving"


def test_what_goes_on_to_change_is_drawn_sharply_only_once_it_rests() -> None:
    pace = Pace()
    pace.change(0.0, goes_on=True)
    assert pace.due(0.0) == "moving"
    pace.begin("moving", 0.0)
    assert pace.due(10 * REST_SECONDS) is None
    assert pace.wait(0.0) is None
    pace.change(1.0)
    pace.begin("moving", 1.0)
    assert pace.due(1.0 + REST_SECONDS) == "still"


def test_a_change_while_a_frame_is_drawn_gives_another_frame() -> None:
    pace = Pace()
    pace.change(1.0)
    pace.begin("moving", 1.1)
    pace.change(1.2)
    assert pace.due(1.3) == "moving"
    pace.begin("moving", 1.3)
    pace.begin("still", 2.0)
    pace.change(2.1)
    assert pace.due(2.2) == "moving"


def test_thumbnails_are_kept_and_a_damaged_scene_is_gray(trained_balls: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_balls, tmp_path / "run")
    damage_scene(tmp_path / "run/trained_scenes", "ball_1")
    loaded = WatchedScenes(tmp_path / "run", None, CPU).loaded
    thumbnails = Thumbnails()
    assert thumbnails.kept(1, "ball_0") is None
    for name in ("ball_0", "ball_1"):
        thumbnails.draw(1, name, loaded)
    drawn, damaged = thumbnails.kept(1, "ball_0"), thumbnails.kept(1, "ball_1")
    assert drawn is not None
    assert damaged is not None
    assert drawn.std() > damaged.std() == 0
    assert thumbnails.kept(2, "ball_0") is None
