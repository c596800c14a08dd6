"""Scenes are measured on views that they were not fitted to, in the dataset that each comes from."""

from dataclasses import replace
from pathlib import Path

import pytest
from balls import make_balls
from PIL import Image

from triptych.bank import SceneBank, Scenes, StoredScene, note_failures, open_scenes
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.errors import InputError
from triptych.evaluation.evaluate import Evaluation, evaluate, measure
from triptych.evaluation.held_out import BankDataConfig, MeasurableScenes, find_on_disk
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.training.provenance import Provenance


@pytest.fixture
def model(trained_balls: Path) -> CategoryModel:
    return CategoryModel.load(trained_balls / "model")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_balls(tmp_path / "data", train=1, test=2, views=12)


@pytest.fixture
def bank(model: CategoryModel, data: Path, tmp_path: Path) -> SceneBank:
    """Of the three scenes in ``data``, fitted to all views but 1, 4, 7 and 10."""
    bank = SceneBank.create(tmp_path / "bank", model, own_model=True)
    put(bank, model, opened(data, tmp_path, test_views=4))
    return bank


def opened(path: Path, cache: Path, **options: object) -> Dataset:
    return open_dataset(replace(DatasetConfig(path, cache=cache / "cache"), **options))


def put(bank: SceneBank, model: CategoryModel, dataset: Dataset, **names: str) -> None:
    """The mean start in the place of fitted scenes, each under its own name or the one given for it."""
    for scene, name in enumerate(dataset.names):
        record = Provenance.of(dataset, scene).record()
        stored = StoredScene(model.start_micro, model.start_coefficients, dataset.fingerprints[scene], record)
        bank.add(names.get(name, name), stored)


def found(bank: SceneBank, tmp_path: Path, *data: Path, **options: object) -> MeasurableScenes:
    config = BankDataConfig(data, cache=tmp_path / "cache", **options)  # type: ignore[arg-type]
    scenes = open_scenes(bank.folder)
    return find_on_disk(scenes, config, Progress(quiet=True))


def test_without_options_a_bank_is_measured_as_it_was_fitted(bank: SceneBank, tmp_path: Path) -> None:
    findings = found(bank, tmp_path)
    assert [held.views for held in findings.scenes] == [(1, 4, 7, 10)] * 3
    assert [held.fitted for held in findings.scenes] == [8] * 3
    assert findings.notes == []


def test_fitted_views_are_left_out_whatever_is_held_out(
    bank: SceneBank, data: Path, model: CategoryModel, tmp_path: Path
) -> None:
    findings = found(bank, tmp_path, data, test_views=6)  # 1, 3, 5, 7, 9 and 11
    assert [held.views for held in findings.scenes] == [(1, 7)] * 3
    assert "3 scene(s) without those test views that they were fitted to" in findings.notes[0]
    measured = measure(Scenes(bank, model), findings, with_lpips=False)
    by_dataset = evaluate(Scenes(bank, model), opened(data, tmp_path, test_views=6), with_lpips=False)
    assert {row["views"] for row in by_dataset.scenes.values()} == {2.0}
    assert measured.scenes == by_dataset.scenes
    with pytest.raises(InputError, match=r"nothing to measure: 3 .* no test view that was not fitted"):
        found(bank, tmp_path, test_views=1, test_rule="first")


def test_lasting_numbers_hold_where_cameras_are_dropped(model: CategoryModel, data: Path, tmp_path: Path) -> None:
    bank = SceneBank.create(tmp_path / "bank", model, own_model=True)
    put(bank, model, opened(data, tmp_path, test_views=2, test_rule="first"))
    assert [held.views for held in found(bank, tmp_path, above_ground=True).scenes] == [(0, 1)] * 3


def test_a_part_of_a_bank_can_be_measured(bank: SceneBank, tmp_path: Path) -> None:
    def names(selection: str) -> list[str]:
        return [held.name for held in found(bank, tmp_path, scenes=selection).scenes]

    assert names("test") == ["ball_1", "ball_2"]
    assert names("0:2") == ["ball_0", "ball_1"]
    assert names("ball_2") == ["ball_2"]
    with pytest.raises(InputError, match="no scene 'ball_9' among the 3 of the bank"):
        names("ball_9")


def test_each_scene_is_measured_in_its_own_dataset(model: CategoryModel, bank: SceneBank, tmp_path: Path) -> None:
    other = make_balls(tmp_path / "other", train=0, test=5, views=9)
    more = opened(other, tmp_path, test_views=3, scenes="ball_3,ball_4")
    put(bank, model, more, ball_3="renamed")
    everything = found(bank, tmp_path)
    assert {held.name: held.views for held in everything.scenes}["ball_4"] == (1, 4, 7)
    assert len(everything.scenes) == 4
    assert everything.notes == ["1 scene(s) left out, their dataset is unknown or gone, give its folder: renamed"]
    assert {held.name for held in found(bank, tmp_path, other, scenes="renamed").scenes} == {"renamed"}
    some = found(bank, tmp_path, other)
    assert [held.name for held in some.scenes] == ["ball_4"]
    assert "4 scene(s) left out, in none of the datasets given" in some.notes[0]


def test_a_bank_that_says_nothing_of_its_views_is_measured_with_a_note(
    model: CategoryModel, data: Path, tmp_path: Path
) -> None:
    bank = SceneBank.create(tmp_path / "bank", model, own_model=True)
    fingerprint = opened(data, tmp_path).fingerprints[0]
    bank.add("old", StoredScene(model.start_micro, model.start_coefficients, fingerprint, {"stage": 2}))
    with pytest.raises(InputError, match="dataset is unknown or gone, give its folder: old"):
        found(bank, tmp_path)
    findings = found(bank, tmp_path, data, test_views=3)
    assert len(findings.scenes[0].views) == 3
    assert "does not say to which views they were fitted: old" in findings.notes[0]


def test_scenes_that_could_not_be_fitted_are_named(bank: SceneBank, tmp_path: Path) -> None:
    note_failures(bank.folder, {"lost": "12.0 dB"})
    assert found(bank, tmp_path).notes[-1].endswith("since they could not be fitted: lost")


def test_blank_scenes_lift_no_mean(model: CategoryModel, bank: SceneBank, data: Path, tmp_path: Path) -> None:
    for picture in (data / "ball_1" / "rgba").iterdir():
        Image.new("RGBA", (32, 32)).save(picture)
    put(bank, model, opened(data, tmp_path, test_views=4, scenes="ball_1"), ball_1="blank")
    with pytest.raises(InputError, match="nothing to measure"):
        found(bank, tmp_path, scenes="ball_1")
    evaluation = measure(Scenes(bank, model), found(bank, tmp_path, data), with_lpips=False)
    assert evaluation.blank == ("blank",)
    assert "blank" in evaluation.scenes
    assert evaluation.mean("psnr") == pytest.approx(
        (evaluation.scenes["ball_0"]["psnr"] + evaluation.scenes["ball_2"]["psnr"]) / 2
    )
    assert "1 blank scene(s), measured but not in the mean: blank" in evaluation.markdown()


def test_an_evaluation_of_blank_scenes_alone_has_no_mean() -> None:
    assert Evaluation({"a": {"psnr": 90.0}}, [], ("a",)).summary() == {}
