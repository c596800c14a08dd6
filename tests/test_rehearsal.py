"""Rehearsals of new scenes."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from balls import make_balls, tiny_stage1, tiny_stage2
from stopping import stop_at_step

from triptych.bank import Scene, SceneBank, compare_views
from triptych.cli import main
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.errors import InputError
from triptych.experiments.methods import RehearsedMethod
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.training.autoencoder_config import NoAutoencoder, Pretraining
from triptych.training.conditions import Conditions
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.fitting import fit_scenes
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.rehearsing.config import Rehearsing
from triptych.training.rehearsing.run import rehearse
from triptych.training.stage1 import MODEL, train

NEW_SCENES = tiny_stage2(
    latent=Phase(0.0, 32, Rates(micro=2e-2, coefficients=1e-2), LossWeights(enc=1.0), step_count=12, pixels=128),
    image=Phase(0.0, 1, Rates(), LossWeights(enc=1.0)),
)
ROUNDS = Rehearsing(rounds=12, scenes_per_round=2, step_count=12, held_out=0)


def in_image_space() -> Stage1Config:
    config = tiny_stage1(autoencoder=NoAutoencoder(), pretraining=Pretraining(epochs=0.0))
    return replace(config, joint=replace(config.joint, epochs=0.0), stage2="colors", modes=3)


@pytest.fixture(scope="module")
def in_colors(balls: Dataset, tmp_path_factory: pytest.TempPathFactory) -> CategoryModel:
    """A model in image space."""
    scenes = balls.select("train", "all")
    return train(scenes, tmp_path_factory.mktemp("colors") / "run", in_image_space(), Conditions())


@pytest.fixture(scope="module")
def many_balls(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Enough of them to learn a first step from."""
    return open_dataset(DatasetConfig(make_balls(tmp_path_factory.mktemp("many") / "balls", train=20)))


def quality(model: CategoryModel, dataset: Dataset, config: Stage2Config = NEW_SCENES) -> float:
    """PSNR of scenes after a few steps."""
    fitted, values = fit_scenes(model, dataset, config, seed=7), []
    for number, name in enumerate(dataset.names):
        scene = Scene(model, fitted.micro.values[number], fitted.coefficients.values[number], name)
        values += compare_views(scene, dataset, number, list(dataset.views(number).test)).psnr()
    return mean(values)


def test_unseen_scenes_come_farther_in_as_many_steps(in_colors: CategoryModel, balls: Dataset, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in in_colors.state_dict().items()}
    model = rehearse(in_colors, balls.select("train", "all"), tmp_path / "run", ROUNDS, NEW_SCENES, Conditions())
    new = balls.select("test", "all")
    assert quality(model, new) > quality(in_colors, new) + 0.2
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert "base" not in changed
    assert {"mlp.hidden.weight", "start_micro"} <= changed
    assert all(torch.equal(tensor, before[name]) for name, tensor in in_colors.state_dict().items())
    assert CategoryModel.load(tmp_path / "run" / MODEL).identity() == model.identity() != in_colors.identity()


def test_new_scenes_begin_as_those_did_that_the_first_step_was_learned_from(
    in_colors: CategoryModel, many_balls: Dataset, tmp_path: Path
) -> None:
    scenes, no_rounds = many_balls.select("train", "all"), replace(ROUNDS, rounds=0)
    model = rehearse(in_colors, scenes, tmp_path / "run", no_rounds, NEW_SCENES, Conditions())
    at_once = replace(NEW_SCENES.latent, step_count=1, rates=Rates(), steps_if_learned=1)
    new, few = many_balls.select("test", "all"), replace(NEW_SCENES, latent=at_once)
    assert quality(model, new, few) > quality(in_colors, new, few) + 0.2
    untaught = replace(no_rounds, first_step_scenes=0)
    assert not rehearse(model, scenes, tmp_path / "other", untaught, NEW_SCENES, Conditions()).first_step.is_learned
    without_modes = deepcopy(in_colors)
    without_modes.modes = without_modes.modes[:0]
    untaught = rehearse(without_modes, scenes, tmp_path / "no modes", no_rounds, NEW_SCENES, Conditions())
    assert not untaught.first_step.is_learned


def test_the_model_has_seen_the_scenes_of_its_rehearsals(
    in_colors: CategoryModel, balls: Dataset, tmp_path: Path
) -> None:
    one = replace(ROUNDS, rounds=1, held_out=1)
    model = rehearse(in_colors, balls.select("test", "all"), tmp_path / "run", one, NEW_SCENES, Conditions())
    assert set(model.trained_scenes) == set(balls.names)
    known = set(in_colors.trained_scenes.values()) | set(balls.fingerprints)
    in_colors = deepcopy(in_colors)
    in_colors.trained_scenes = dict(zip(["ball_3", "ball_4", "ball_0"], in_colors.trained_scenes.values(), strict=True))
    others = rehearse(in_colors, balls.select("test", "all"), tmp_path / "others", one, NEW_SCENES, Conditions())
    assert set(others.trained_scenes.values()) == known


def test_pictures_of_another_size_are_rehearsed_as_they_are_fitted(in_colors: CategoryModel, tmp_path: Path) -> None:
    larger = open_dataset(DatasetConfig(make_balls(tmp_path / "balls", resolution=48)))
    one = replace(ROUNDS, rounds=1, held_out=1)
    model = rehearse(in_colors, larger, tmp_path / "run", one, NEW_SCENES, Conditions())
    assert (model.config.height, model.config.width) == (in_colors.config.height, in_colors.config.width)
    assert model.identity() != in_colors.identity()
    losses = [json.loads(line).get("loss") for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert any(losses)


@pytest.mark.parametrize("phase", ["rehearsal", "first step"])
def test_stopped_rehearsals_go_on_where_they_were_and_end_alike(
    in_colors: CategoryModel, many_balls: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    scenes, config = many_balls.select("train", "all"), replace(ROUNDS, rounds=4, held_out=1)
    whole = rehearse(in_colors, scenes, tmp_path / "whole", config, NEW_SCENES, Conditions())
    conditions = Conditions(checkpoint_seconds=0.0)
    stop_at_step(2, monkeypatch, phase)
    with pytest.raises(KeyboardInterrupt):
        rehearse(in_colors, scenes, tmp_path / "run", config, NEW_SCENES, conditions)
    resumed = rehearse(in_colors, scenes, tmp_path / "run", config, NEW_SCENES, conditions)
    assert resumed.identity() == whole.identity()
    assert whole.first_step.is_learned
    assert torch.equal(resumed.first_step.matrix, whole.first_step.matrix)


def test_what_cannot_be_rehearsed_is_said_in_a_line(
    in_colors: CategoryModel, trained_balls: Path, balls: Dataset, tmp_path: Path
) -> None:
    latent = CategoryModel.load(trained_balls / MODEL)
    with pytest.raises(InputError, match="for models in image space"):
        rehearse(latent, balls, tmp_path / "run", ROUNDS, NEW_SCENES, Conditions())
    with pytest.raises(InputError, match=r"5 scene\(s\), of which 5 are held out"):
        rehearse(in_colors, balls, tmp_path / "run", replace(ROUNDS, held_out=5), NEW_SCENES, Conditions())
    assert not (tmp_path / "run").exists()


def test_the_command(
    in_colors: CategoryModel, balls: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert balls.source is not None
    data, out = str(balls.source.path), tmp_path / "run"
    in_colors.save(tmp_path / "model")
    views = ["--test-views", "2"]
    settings = ["--rounds", "2", "--scenes-per-round", "2", "--step-count", "3", "--held-out", "1"]
    main(["rehearse", str(tmp_path / "model"), data, "--out", str(out), *settings, *views])
    said = capsys.readouterr()
    assert "category model in" in said.out
    assert said.err.count("scenes held out, after as many steps as are rehearsed") == 2
    main(["fit", str(out), data, "--out", str(tmp_path / "bank"), "--latent.step-count", "2", "--force", *views])
    assert SceneBank(tmp_path / "bank").names() == ["ball_3", "ball_4"]


def test_rehearsed_models_are_compared_as_any_method(balls: Dataset, tmp_path: Path) -> None:
    stage1 = in_image_space()
    few = replace(stage1, warmup=replace(stage1.warmup, epochs=1.0))
    method = RehearsedMethod("ours", few, NEW_SCENES, rehearsing=replace(ROUNDS, rounds=1))
    trained = method.learn(balls.select("train", "all"), tmp_path, Conditions())
    new = balls.select("test", "all")
    method.fit(new, tmp_path / "place", Conditions())
    fitted = method.fitted(new.names, tmp_path / "place")
    rehearsed = CategoryModel.load(tmp_path / "rehearsal" / MODEL)
    assert fitted[0].model.identity() == rehearsed.identity() != trained[0].model.identity()
    assert method.entry_seconds(tmp_path) > 0
