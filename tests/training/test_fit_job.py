"""What stage 2 refuses or says before its work, and what it does with scenes that cannot be fitted."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from balls import AABB, draw_ball, make_balls, tiny_stage1, tiny_stage2

from triptych.bank import SceneBank, read_failures
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.data.formats.writer import write_dataset_file, write_scene
from triptych.data.stacked_pictures import StackedPictures
from triptych.errors import InputError
from triptych.files import SUM, write_sealed_json
from triptych.geometry import CameraRange, hemisphere_cameras
from triptych.model import CategoryModel, Origin
from triptych.progress import Progress
from triptych.runtime import ThisProcess
from triptych.training import fit_group
from triptych.training.conditions import Conditions
from triptych.training.fitting import fit_scenes
from triptych.training.matching import autoencoder_psnr, compare_with_model, worse_than_own
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.scenes import SceneParameters
from triptych.training.stage1 import train
from triptych.training.stage2 import fit, summary

NOTHING = Phase(0.0, 2, Rates(), LossWeights(dec=1.0))


class Told(Progress):
    """Progress that keeps its lines."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture
def model(trained_balls: Path) -> CategoryModel:
    return CategoryModel.load(trained_balls / "model")


def fit_balls(
    model: CategoryModel, scenes: Dataset, out: Path, told: Told, *, force: bool = False, **phases: Phase
) -> SceneBank:
    config = tiny_stage2(**phases)
    return fit(model, scenes, out, config, Conditions(progress=told), force=force)


def far_ball(root: Path, *, scale: float, distance: float) -> Dataset:
    """A ball, so many times larger than usual, seen from cameras that far away."""
    cameras = hemisphere_cameras(6, 32, seed=0, radius=distance)
    as_usual = replace(cameras, c2w=torch.cat([cameras.c2w[:, :, :3], cameras.c2w[:, :, 3:] / scale], dim=2))
    write_scene(root, "ball", cameras, draw_ball(7, as_usual))
    write_dataset_file(root, tuple(tuple(scale * side for side in corner) for corner in AABB), {}, {})
    return open_dataset(DatasetConfig(root, cache=root.parent / "cache"))


def test_a_scene_that_fitting_does_not_improve_is_reported_not_stored(
    balls: Dataset, model: CategoryModel, tmp_path: Path
) -> None:
    scenes, out, told = balls.select("test", "all"), tmp_path / "bank", Told()
    with pytest.raises(
        InputError, match=r"2 of 2 scene\(s\) could not be fitted and are not in the bank.* ball_3: .* dB"
    ):
        fit_balls(model, scenes, out, told, latent=NOTHING, image=NOTHING)
    assert SceneBank(out).names() == []
    assert set(read_failures(out)) == {"ball_3", "ball_4"}
    assert any(line.startswith("ball_4: ") and "mean scene" in line for line in told.lines)

    forced = fit_balls(model, scenes, out, told, force=True, latent=NOTHING, image=NOTHING)
    assert forced.names() == ["ball_3", "ball_4"]
    assert read_failures(out) == {}
    assert "mean scene" in forced.scene("ball_3").record["problem"]


def test_a_scene_that_diverges_is_never_stored(
    balls: Dataset, model: CategoryModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_one_diverged(*arguments: Any) -> SceneParameters:
        scenes = fit_scenes(*arguments)
        scenes.micro.values[0, 0, 0, 0, 0] = 1e6  # finite, but not in half precision
        return scenes

    monkeypatch.setattr(fit_group, "fit_scenes", with_one_diverged)
    with pytest.raises(InputError, match=r"1 of 2 .* ball_3: its numbers are no longer finite"):
        fit_balls(model, balls.select("test", "all"), tmp_path / "bank", Told(), force=True)
    assert SceneBank(tmp_path / "bank").names() == ["ball_4"]


def test_what_is_fitted_and_tested_is_said_first_and_summed_up_last(
    balls: Dataset, model: CategoryModel, tmp_path: Path
) -> None:
    scenes, told = balls.select("test", "all"), Told()
    bank = fit_balls(model, scenes, tmp_path / "bank", told, force=True)
    assert "2 scene(s), of each 4 views to fit and 2 to test" in told.lines
    measured = [bank.scene(name).record["test_psnr"] for name in bank]
    assert f"2 scene(s) fitted: {sum(measured) / 2:.2f} dB on the test views of 2" in summary(bank, scenes)
    assert bank.scene("ball_3").record["fitted_views"] == "0,2-3,5"


def test_another_scene_of_the_same_name_is_refused(balls: Dataset, model: CategoryModel, tmp_path: Path) -> None:
    out, told = tmp_path / "bank", Told()
    scenes = balls.select("ball_3", "all")
    fit_balls(model, scenes, out, told, force=True, latent=NOTHING, image=NOTHING)
    make_balls(tmp_path / "other", train=0, test=4, views=5)
    other = open_dataset(DatasetConfig(tmp_path / "other", scenes="ball_3", cache=tmp_path / "cache"))
    with pytest.raises(InputError, match="'ball_3' that was fitted to other pictures"):
        fit_balls(model, other, out, told)

    otherwise = open_dataset(replace(balls.source, scenes="ball_3", test_views=3))  # type: ignore[type-var]
    fit_balls(model, otherwise, out, told)
    assert any("fitted to other views than these options choose" in line for line in told.lines)


def test_scenes_in_another_scale_are_refused_with_numbers(model: CategoryModel, tmp_path: Path) -> None:
    large = far_ball(tmp_path / "large", scale=3.0, distance=3.9)
    with pytest.raises(InputError, match=r"reach beyond the model's box.* ball: \d\d%") as refused:
        fit_balls(model, large, tmp_path / "bank", Told())
    assert not (tmp_path / "bank").exists()
    for number in (
        "±1.35 x ±1.35 x ±1.35",
        "±0.45 x ±0.45 x ±0.45",
        "3.9 away, the model's were 1.3",
        "--force",
    ):
        assert number in str(refused.value)
    assert any("reach beyond" in note for note in compare_with_model(model, large, [0], force=True))


def test_cameras_elsewhere_are_noted_and_alike_ones_are_not(
    balls: Dataset, model: CategoryModel, tmp_path: Path
) -> None:
    assert compare_with_model(model, balls, range(len(balls))) == []
    small = far_ball(tmp_path / "small", scale=1.0, distance=3.9)
    (note,) = compare_with_model(model, small, [0])
    assert "the cameras are 3.9 away, the model's were 1.3" in note


def test_a_background_that_is_not_white_is_named(balls: Dataset, model: CategoryModel) -> None:
    black = StackedPictures([np.zeros((30, 32, 32, 3), dtype=np.uint8)], np.array([0, 30]))
    with pytest.raises(InputError, match="its background is not white"):
        compare_with_model(model, replace(balls, _pictures=black), [0])


def test_pictures_and_scenes_much_worse_than_the_models_own_are_named_with_both_numbers(
    balls: Dataset, model: CategoryModel
) -> None:
    found = autoencoder_psnr(model, balls, [3, 4])
    assert found is not None
    model.origin = replace(model.origin, autoencoder_psnr=found + 4.5, scenes_psnr=30.0)
    (note,) = compare_with_model(model, balls, [3, 4])
    assert f"makes {found:.1f} dB of these, {found + 4.5:.1f} dB of its own" in note
    model.origin = replace(model.origin, autoencoder_psnr=found + 3.5)
    assert compare_with_model(model, balls, [3, 4]) == []
    assert worse_than_own(model, 25.0) is None
    assert "14.9 dB on the test views of these scenes, 30.0 dB" in str(worse_than_own(model, 14.9))


def test_a_model_over_black_says_so_and_white_pictures_do_not_suit_it(
    balls: Dataset, trained_balls: Path, tmp_path: Path
) -> None:
    """Old models are over white; that the color is part of what a model is, only black ones say."""
    model = CategoryModel.load(trained_balls / "model")
    identity, white = model.identity(), model.background()
    model.origin = replace(model.origin, background=(0, 0, 0))
    assert model.identity() != identity
    model.save(tmp_path / "black")
    loaded = CategoryModel.load(tmp_path / "black")
    assert (loaded.origin.background, loaded.identity()) == ((0, 0, 0), model.identity())
    black = loaded.encode(torch.zeros(1, 3, 32, 32))[0].flatten(1).T
    assert torch.equal(loaded.background(), black)
    assert not torch.equal(black, white)
    (note,) = compare_with_model(loaded, balls, [0])
    assert note.endswith("objects stand before white, the model's before black, give --background 'black'")
    over_black = open_dataset(replace(balls.source, background="black"))  # type: ignore[type-var]
    assert compare_with_model(loaded, over_black, [0]) == []
    with pytest.raises(InputError, match="background: expected a color"):
        _edit_background(tmp_path / "black", "plaid")


def _edit_background(folder: Path, text: str) -> None:
    document = json.loads((folder / "model.json").read_text()) | {"background": text}
    write_sealed_json(folder / "model.json", {name: value for name, value in document.items() if name != SUM})
    CategoryModel.load(folder)


def test_stage_1_over_black_keeps_the_color_and_renders_over_it(balls: Dataset, tmp_path: Path) -> None:
    over_black = open_dataset(replace(balls.source, background="black")).select("train")  # type: ignore[type-var]
    config = tiny_stage1()
    config = replace(config, warmup=replace(config.warmup, epochs=1.0), joint=replace(config.joint, epochs=1.0))
    model = train(over_black, tmp_path / "run", config, Conditions(progress=Told()))
    assert model.origin.background == (0, 0, 0)
    with pytest.raises(InputError, match="background"):
        train(balls.select("train"), tmp_path / "run", config, Conditions(progress=Told()))
    record = SceneBank(tmp_path / "run" / "trained_scenes").about("ball_0").record
    assert record["data"]["background"] == "black"


def test_after_the_first_scenes_it_is_said_how_long_the_rest_takes_and_whether_they_are_any_good(
    balls: Dataset, model: CategoryModel, tmp_path: Path
) -> None:
    told = Told()
    model.origin = replace(model.origin, scenes_psnr=60.0)
    settings = tiny_stage2(scenes_at_once=1)
    fit(model, balls.select("test", "all"), tmp_path / "bank", settings, Conditions(progress=told), force=True)
    assert sum("60.0 dB on those of the model's own" in line for line in told.lines) == 1
    assert sum("GB of memory for the other 1 scene(s)" in line for line in told.lines) == 1


@pytest.mark.parametrize(("workers", "expected"), [(1, [3, 2]), (2, [2, 1, 1, 1])])
def test_several_workers_get_smaller_groups_toward_the_end(
    workers: int, expected: list[int], model: CategoryModel, tmp_path: Path
) -> None:
    make_balls(tmp_path / "data", train=0, test=8, resolution=32)
    scenes = open_dataset(DatasetConfig(tmp_path / "data", scenes="3:8", test_views=2, cache=tmp_path / "cache"))
    sizes: list[int] = []

    class Counting(ThisProcess):
        def count(self, device: torch.device) -> int:
            return workers

        def map(self, work: Any, shared: Any, parts: Iterable[Any], device: torch.device) -> Iterator[Any]:
            for part, result in super().map(work, shared, parts, device):
                sizes.append(len(part))
                yield part, result

    settings = tiny_stage2(latent=NOTHING, image=NOTHING, scenes_at_once=3)
    bank = fit(model, scenes, tmp_path / "bank", settings, Conditions(progress=Told(), workers=Counting()), force=True)
    assert (sizes, bank.names()) == (expected, list(scenes.names))


def test_a_model_remembers_its_cameras(balls: Dataset, model: CategoryModel, tmp_path: Path) -> None:
    assert model.origin.cameras == CameraRange((1.3, 1.3), (1.0254, 1.0254))
    assert model.origin.stage2 == "quick"
    assert model.origin.autoencoder_psnr == autoencoder_psnr(model, balls, range(3))
    model.origin = Origin()
    model.save(tmp_path / "unknown")
    assert CategoryModel.load(tmp_path / "unknown").origin == Origin()
    assert compare_with_model(CategoryModel.load(tmp_path / "unknown"), balls, [0]) == []
