"""The predictor: what it knows of a scene from its views, how it is trained and kept, and what starts from it."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from balls import AABB, draw_ball, tiny_stage2
from stopping import stop_at_step

from triptych import predict
from triptych.bank import Scene, SceneBank
from triptych.cli.main import main
from triptych.data import Dataset
from triptych.data.backgrounds import WHITE
from triptych.data.pictures import over_color
from triptych.data.posed_views import PosedViews
from triptych.errors import InputError
from triptych.geometry import bit_grid, hemisphere_cameras
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.model.prediction import encoded, slopes_of, surroundings
from triptych.model.predictor import EncodedViews, PredictorConfig, saving
from triptych.model.predictor.hull import Grid, Hull, carve
from triptych.pictures import from_pixels
from triptych.training.conditions import Conditions
from triptych.training.fitting import fit_scenes, predicted
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.predicting.config import PredictorTraining
from triptych.training.predicting.run import train_predictor
from triptych.training.predicting.trainer import PredictorTrainer
from triptych.training.stage2 import fit

NETWORK = PredictorConfig(
    cells=512,
    cell_features=4,
    cell_hidden=8,
    widths=(8, 8),
    blocks=1,
    expansion=1,
    corrections=2,
    repeats=1,
    correction_widths=(8,),
    samples=8,
)
TRAINING = PredictorTraining(
    network=NETWORK,
    steps=40,
    rate=1e-2,
    repeat_steps=20,
    repeat_rate=5e-3,
    ramp_steps=2,
    samples=8,
    asked_views=1,
    held_out=1,
    measurements=2,
)
NOTHING = Phase(0.0, 2, Rates(), LossWeights(dec=1.0))
BOX = torch.tensor(AABB)


@pytest.fixture
def plain(trained_balls: Path) -> CategoryModel:
    """A model without a predictor."""
    return CategoryModel.load(trained_balls / "model")


@pytest.fixture(scope="module")
def predicting_run(balls: Dataset, trained_balls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("predictor") / "run"
    train_predictor(CategoryModel.load(trained_balls / "model"), balls, out, TRAINING, Conditions())
    return out


@pytest.fixture
def model(predicting_run: Path) -> CategoryModel:
    """The same model with one."""
    return CategoryModel.load(predicting_run / "model")


def ball_views(views: int, *, ball: int = 7, holes: int = 0) -> EncodedViews:
    """A ball as seen through latents that are the pictures; ``holes`` views show background in its middle, too."""
    cameras = hemisphere_cameras(views, 32, seed=1)
    rgba = torch.from_numpy(draw_ball(ball, cameras))
    shown = rgba[..., 3] > 0
    shown[:holes, 13:19, 13:19] = False
    return EncodedViews(rgba[..., :3].permute(0, 3, 1, 2) / 255, shown, cameras)


def radius_of(ball: int) -> float:
    return np.random.default_rng(ball).uniform(0.25, 0.4)


def carved(views: EncodedViews) -> Hull:
    return carve(Grid.of(BOX, 13_824, 4), views)


def test_the_hull_of_a_ball_holds_the_ball_and_little_else() -> None:
    hull, radius = carved(ball_views(24)), radius_of(7)
    assert hull.grid.shape == (24, 24, 24)
    distances = hull.grid.centers().norm(dim=1)
    kept = torch.zeros(len(distances), dtype=torch.bool)
    kept[hull.cells] = True
    assert kept[distances < radius].all()
    assert not kept[distances > 1.6 * radius].any()
    outermost = (hull.centers.norm(dim=1) > radius) & (hull.centers[:, 2].abs() < 0.1)
    assert (hull.normals[outermost] * hull.centers[outermost]).sum(dim=1).min() > 0  # out of the hull
    occupancy = hull.occupancy()
    assert bit_grid.at_points(occupancy, hull.centers, BOX).all()
    assert not bit_grid.at_points(occupancy, 0.95 * BOX, BOX).any()


def test_one_view_of_many_is_outvoted_but_two_are_not() -> None:
    def middle_is_kept(views: EncodedViews) -> bool:
        return bool((carved(views).centers.norm(dim=1) < 0.05).any())

    assert middle_is_kept(ball_views(8, holes=1))
    assert not middle_is_kept(ball_views(8, holes=2))
    assert not middle_is_kept(ball_views(3, holes=1))


def test_pictures_that_do_not_fit_their_cameras_leave_the_box_whole() -> None:
    views = ball_views(3)
    nowhere = replace(views, shown=torch.zeros_like(views.shown))
    assert len(carved(nowhere).cells) == 24**3


def test_a_prediction_does_not_depend_on_the_order_of_the_views(model: CategoryModel, balls: Dataset) -> None:
    images, cameras = pictures_of(balls, 4, [0, 2, 3, 5])
    first = Scene.predicted(model, images, cameras)
    turned = Scene.predicted(model, images.flip(0), cameras[[3, 2, 1, 0]])
    assert torch.allclose(first.micro, turned.micro, atol=1e-5)
    assert torch.allclose(first.coefficients, turned.coefficients, atol=1e-5)
    assert not torch.allclose(first.micro, model.start_micro, atol=1e-3)


def pictures_of(balls: Dataset, scene: int, views: list[int]) -> tuple[torch.Tensor, Any]:
    return from_pixels(balls.images(scene, views), torch.device("cpu")), balls.cameras(scene)[views]


def test_a_scene_is_predicted_alike_whichever_are_predicted_beside_it(model: CategoryModel, balls: Dataset) -> None:
    together = predicted(model, PosedViews(balls.subset([3, 4])))
    alone = predicted(model, PosedViews(balls.subset([4])))
    assert torch.equal(together[1].micro, alone[0].micro)
    assert torch.equal(together[1].occupancy, alone[0].occupancy)
    assert not torch.equal(together[0].micro, together[1].micro)


@pytest.mark.parametrize("views", [1, 2, 40])
def test_any_number_of_views_will_do(model: CategoryModel, views: int) -> None:
    cameras = hemisphere_cameras(views, 32, seed=3)
    scene = predict(model, draw_ball(9, cameras), cameras, name="ball")
    assert scene.name == "ball"
    assert scene.render(cameras[[0]]).images.isfinite().all()


def test_a_model_without_a_predictor_takes_some_steps() -> None:
    def error(scene: Scene) -> float:
        return float((scene.render(others).images - pictures).square().mean())

    cameras, others = hemisphere_cameras(6, 32, seed=3), hemisphere_cameras(2, 32, seed=4)
    pictures = torch.from_numpy(over_color(draw_ball(9, others), WHITE) / 255).permute(0, 3, 1, 2)
    scene = predict("objects", draw_ball(9, cameras), cameras, name="ball")
    assert scene.name == "ball"
    assert error(scene) < 0.1 * error(Scene.start_of(scene.model))


def test_predictions_are_nearer_than_the_mean_scene(model: CategoryModel, balls: Dataset) -> None:
    def error(scene: Scene, ball: int) -> float:
        asked, seen_from = pictures_of(balls, ball, [1, 4])
        return float((scene.render(seen_from).images - asked).square().mean())

    trained, start = range(len(balls) - TRAINING.held_out), Scene.start_of(model)
    at_prediction = [error(Scene.predicted(model, *pictures_of(balls, ball, [0, 2, 3, 5])), ball) for ball in trained]
    assert mean(at_prediction) < 0.95 * mean([error(start, ball) for ball in trained])


def test_a_model_with_a_predictor_is_the_same_model_and_comes_back_as_it_was_saved(
    plain: CategoryModel, model: CategoryModel, balls: Dataset, trained_balls: Path, tmp_path: Path
) -> None:
    assert model.identity() == plain.identity()
    bank = SceneBank(trained_balls / "trained_scenes")
    assert model.is_known_as(bank.model_id)
    model.save(tmp_path / "copy")
    copy = CategoryModel.load(tmp_path / "copy")
    assert copy.identity() == model.identity()
    pictures = pictures_of(balls, 4, [0, 2, 3])
    assert torch.equal(Scene.predicted(copy, *pictures).micro, Scene.predicted(model, *pictures).micro)
    plain.save(tmp_path / "copy")  # in its place, without one
    assert CategoryModel.load(tmp_path / "copy").predictor is None


def test_a_damaged_predictor_is_refused(predicting_run: Path, tmp_path: Path) -> None:
    shutil.copytree(predicting_run / "model", tmp_path / "model")
    file = tmp_path / "model" / "predictor.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"predictor\.safetensors"):
        CategoryModel.load(tmp_path / "model")


def test_looks_at_many_views_take_turns() -> None:
    for count, sizes in ((1, [1]), (8, [8]), (9, [5, 4]), (32, [8, 8, 8, 8])):
        views = ball_views(count)
        parts = [views.part(look).cameras.c2w for look in range(len(sizes))]
        assert [len(part) for part in parts] == sizes
        assert torch.equal(torch.cat(parts).sort(dim=0).values, views.cameras.c2w.sort(dim=0).values)
        assert torch.equal(views.part(len(sizes)).cameras.c2w, parts[0])


def test_the_last_correction_is_taken_again_by_a_share(model: CategoryModel, balls: Dataset) -> None:
    def micro(corrections: int | None = None, **changed: Any) -> torch.Tensor:
        network.config = replace(NETWORK, **changed)
        return network([views], around, slopes_of(model, [views], background), corrections).micro

    network, around, background = model.predictor, surroundings(model), model.background()
    assert network is not None
    views = encoded(model, *pictures_of(balls, 4, [0, 2, 3, 5]))
    once = micro(2)
    assert torch.equal(micro(damping=0.0), once)
    assert torch.equal(micro(repeats=0), once)
    assert torch.equal(micro(repeats=1), micro(3))
    step, whole = micro(repeats=1) - once, micro(repeats=1, damping=1.0) - once
    assert float(whole.abs().max()) > 0
    assert torch.allclose(step, 0.5 * whole, atol=1e-6)


def test_a_predictor_of_an_earlier_version_corrects_as_often_as_it_did(
    model: CategoryModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert model.predictor is not None
    monkeypatch.setattr(saving, "asdict", lambda config: {k: v for k, v in asdict(config).items() if k != "repeats"})
    model.save(tmp_path / "model")
    earlier = CategoryModel.load(tmp_path / "model").predictor
    assert earlier is not None
    assert earlier.config == replace(NETWORK, repeats=0)


@pytest.mark.parametrize(("phase", "step"), [("predictor", 10), ("repeats", 3)])
def test_a_stopped_training_goes_on_where_it_was_and_ends_alike(
    plain: CategoryModel,
    balls: Dataset,
    predicting_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
    step: int,
) -> None:
    conditions = Conditions(checkpoint_seconds=0.0)
    stop_at_step(step, monkeypatch, phase)
    with pytest.raises(KeyboardInterrupt):
        train_predictor(plain, balls, tmp_path / "run", TRAINING, conditions)
    resumed = train_predictor(plain, balls, tmp_path / "run", TRAINING, conditions).predictor
    whole = CategoryModel.load(predicting_run / "model").predictor
    assert resumed is not None
    assert whole is not None
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name
    assert plain.predictor is None


def test_repeats_are_learned_by_the_last_correction_alone(
    plain: CategoryModel, model: CategoryModel, balls: Dataset, tmp_path: Path
) -> None:
    settings = replace(TRAINING, steps=0, repeat_steps=2)
    trained = train_predictor(model, balls, tmp_path / "run", settings, Conditions()).predictor
    assert trained is not None
    assert model.predictor is not None
    before = model.predictor.state_dict()
    changed = {name for name, tensor in trained.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith("corrections.1.") for name in changed)
    with pytest.raises(InputError, match="--steps 0 goes on with the predictor of the model, which has none"):
        train_predictor(plain, balls, tmp_path / "none", settings, Conditions())


@pytest.mark.parametrize("kind", ["losses", "repeat_losses"])
def test_a_step_of_several_scenes_is_the_mean_of_steps_of_one(model: CategoryModel, balls: Dataset, kind: str) -> None:
    def losses(scenes: int, step: int) -> dict[str, float]:
        trainer = PredictorTrainer(model, balls, replace(TRAINING, scenes_per_step=scenes), 0)
        return {name: float(value.detach()) for name, value in getattr(trainer, kind)(step).items()}

    alone = [losses(1, step) for step in range(3)]
    together = losses(3, 0)
    for name, value in together.items():
        assert value == pytest.approx(mean([each[name] for each in alone]), rel=1e-4)
        assert len({each[name] for each in alone}) == 3


def test_scenes_start_where_they_are_predicted_or_at_the_mean(
    plain: CategoryModel, model: CategoryModel, balls: Dataset
) -> None:
    scenes, config = balls.subset([3, 4]), tiny_stage2(latent=NOTHING, image=NOTHING)
    at_prediction = fit_scenes(model, scenes, config, 0)
    expected = predicted(model, PosedViews(scenes))
    assert torch.equal(at_prediction.micro.values, torch.stack([prediction.micro for prediction in expected]))
    assert torch.equal(at_prediction.occupancy[1], expected[1].occupancy)
    for without, settings in ((plain, config), (model, replace(config, start="mean"))):
        at_mean = fit_scenes(without, scenes, settings, 0)
        assert torch.equal(at_mean.micro.values[1], without.start_micro)


def test_predictions_can_be_stored_as_they_are(model: CategoryModel, balls: Dataset, tmp_path: Path) -> None:
    config = tiny_stage2(latent=NOTHING, image=NOTHING)
    bank = fit(model, balls.subset([3]), tmp_path / "bank", config, Conditions(), precision="float32", force=True)
    expected = predicted(model, PosedViews(balls.subset([3])))[0]
    assert torch.equal(bank.scene("ball_3").micro, expected.micro)
    assert bank.scene("ball_3").record["fit"]["start"] == "predicted"


def test_what_a_predictor_cannot_do_is_said_in_a_line(
    plain: CategoryModel, model: CategoryModel, balls: Dataset, tmp_path: Path
) -> None:
    cameras = hemisphere_cameras(2, 32, seed=0)
    with pytest.raises(InputError, match="has no predictor; train one with `triptych predictor`"):
        Scene.predicted(plain, torch.zeros(2, 3, 32, 32), cameras)
    with pytest.raises(InputError, match=r"1 scene\(s\), of which 1 are held out"):
        train_predictor(plain, balls.subset([0]), tmp_path / "run", TRAINING, Conditions())
    assert not (tmp_path / "run").exists()


def test_the_commands(trained_balls: Path, balls: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert balls.source is not None
    data, small = str(balls.source.path), ["--network.cells", "512", "--network.widths", "8", "--network.blocks", "1"]
    settings = [
        "--steps",
        "2",
        "--repeat-steps",
        "1",
        "--held-out",
        "1",
        "--asked-views",
        "1",
        "--samples",
        "8",
        "--test-views",
        "2",
    ]
    as_they_are = ["--epochs", "0", "--precision", "float32", "--force", "--test-views", "2"]
    out = tmp_path / "run"
    main(["predictor", str(trained_balls), data, "--out", str(out), *settings, *small])
    assert "category model with its predictor in" in capsys.readouterr().out
    banks = []
    for name, start in (("predicted", []), ("mean", ["--start", "mean"])):
        bank = tmp_path / name
        main(["fit", str(out), data, "--out", str(bank), *as_they_are, *start])
        banks.append(SceneBank(bank).scene("ball_3"))
    assert not torch.equal(banks[0].micro, banks[1].micro)
    assert mean([banks[0].record["fit"]["latent"]["epochs"], banks[0].record["fit"]["image"]["epochs"]]) == 0
