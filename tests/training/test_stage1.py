import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from balls import make_balls, short_stage1, tiny_stage1

from triptych.autoencoder import ConvolutionalConfig
from triptych.bank import SceneBank
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.errors import InputError, Terminated
from triptych.files import lock, read_log
from triptych.model import CategoryModel
from triptych.representation.config import MLPConfig
from triptych.training import stage1
from triptych.training.autoencoder_config import NewAutoencoder, NoAutoencoder, PretrainedAutoencoder, Pretraining
from triptych.training.conditions import Conditions
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.run import Run, open_run
from triptych.training.stage1 import train

CPU = torch.device("cpu")


def run(balls: Dataset, out: Path, **changes: Any) -> CategoryModel:
    scenes = balls.select("train", "all")
    return train(scenes, out, tiny_stage1(**changes), Conditions(checkpoint_seconds=0.0))


def short_run(balls: Dataset, out: Path) -> CategoryModel:
    """A run of a few steps of each phase, saved after each of them."""
    return run(balls, out, warmup=short_stage1().warmup)


@pytest.fixture(scope="module")
def undisturbed(balls: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run that nothing has stopped."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    short_run(balls, out)
    return out


def test_the_run_leaves_a_model_its_scenes_a_log_and_a_picture(trained_balls: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    assert sorted(model.trained_scenes) == ["ball_0", "ball_1", "ball_2"]
    assert SceneBank(trained_balls / "trained_scenes").names() == ["ball_0", "ball_1", "ball_2"]
    phases = {json.loads(line)["phase"] for line in (trained_balls / "log.jsonl").read_text().splitlines()}
    assert phases == {"pretraining", "warmup", "joint", "done"}
    assert (trained_balls / "progress.png").stat().st_size > 0
    assert json.loads((trained_balls / "run.json").read_text())["config"]["seed"] == 0


def test_the_plain_model_differs_from_ours_in_its_autoencoder(trained_balls: Path) -> None:
    ours, plain = (CategoryModel.load(trained_balls / name) for name in ("model", "plain_model"))
    before, after = (next(iter(model.autoencoder.decoder_parameters())) for model in (plain, ours))
    assert not torch.equal(before, after)


class KillError(Exception):
    """Stands for a kill: nothing of the run's code gets to clean up what it holds in memory."""


@pytest.mark.parametrize("stop_at", [("pretraining", 2), ("warmup", 3), ("joint", 1), ("joint", 5)])
def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(
    balls: Dataset,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_at: tuple[str, int],
) -> None:
    save = Run.save_checkpoint

    def save_then_die(self: Run, tensors: Any, state: Any) -> None:
        save(self, tensors, state)
        if (state["phase"], state["step"]) == stop_at:
            raise KillError

    monkeypatch.setattr(Run, "save_checkpoint", save_then_die)
    with pytest.raises(KillError):
        short_run(balls, tmp_path / "run")
    monkeypatch.undo()

    resumed = short_run(balls, tmp_path / "run")
    assert resumed.identity() == CategoryModel.load(undisturbed / "model").identity()
    first, second = (SceneBank(folder / "trained_scenes") for folder in (tmp_path / "run", undisturbed))
    for name in second:
        assert torch.equal(first.scene(name).micro, second.scene(name).micro)

    def losses(folder: Path) -> list[tuple[str, int, float]]:
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        return [(line["phase"], line["step"], line["total"]) for line in lines if "total" in line]

    assert losses(tmp_path / "run") == losses(undisturbed)


@pytest.mark.parametrize(
    ("number", "ending"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_request_to_stop_saves_and_the_same_command_goes_on(
    balls: Dataset,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    ending: type[BaseException],
) -> None:
    log, before = Run.log, signal.getsignal(number)

    def interrupt(self: Run, step: int, **values: Any) -> None:
        log(self, step, **values)
        if values["phase"] == "joint" and self.interrupted is None:
            signal.raise_signal(number)

    monkeypatch.setattr(Run, "log", interrupt)
    with pytest.raises(KeyboardInterrupt) as stop:
        short_run(balls, tmp_path / "run")
    assert stop.type is ending
    assert signal.getsignal(number) == before
    monkeypatch.undo()
    assert short_run(balls, tmp_path / "run").identity() == CategoryModel.load(undisturbed / "model").identity()


def test_a_start_that_failed_does_not_stand_in_the_way_of_the_corrected_command(
    balls: Dataset, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(stage1, "new_model", fail)
    mistaken = replace(tiny_stage1(), pretraining=Pretraining(epochs=0.3, batch=4))
    scenes = balls.select("train", "all")
    with pytest.raises(MemoryError):  # with log and TensorBoard begun, and no checkpoint yet
        train(scenes, tmp_path / "run", mistaken, Conditions())
    assert (tmp_path / "run" / "log.jsonl").exists()
    monkeypatch.undo()
    assert short_run(balls, tmp_path / "run").identity() == CategoryModel.load(undisturbed / "model").identity()
    phases = [json.loads(line)["phase"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert phases[0] == "pretraining"


def test_a_log_that_lost_lines_is_not_filled_up(balls: Dataset, tmp_path: Path) -> None:
    with open_run(tmp_path / "run", {}) as one:
        one.log(0, phase="joint")
        one.save_checkpoint({}, {"phase": "joint", "step": 1})
    (tmp_path / "run" / "log.jsonl").write_text("{}\n")  # as after a power failure
    with open_run(tmp_path / "run", {}) as one:
        assert one.load_checkpoint(print) is not None
    assert read_log(tmp_path / "run") == [{}]


def test_a_folder_of_another_run_is_refused_by_the_field_that_differs(balls: Dataset, trained_balls: Path) -> None:
    with pytest.raises(InputError, match=r"config.pretraining.epochs = 1.0, not 2.0"):
        run(balls, trained_balls, pretraining=Pretraining(epochs=2.0, batch=4))


def test_a_run_does_not_go_on_with_other_views(balls: Dataset, trained_balls: Path) -> None:
    assert balls.source is not None
    otherwise = open_dataset(replace(balls.source, test_views=3))
    with pytest.raises(InputError, match=r"fitted_views.ball_0 = '0,2-3,5', not '0,2,4'"):
        run(otherwise, trained_balls)


def test_the_scenes_of_stage_1_say_to_which_views_they_were_fitted(trained_balls: Path) -> None:
    record = SceneBank(trained_balls / "trained_scenes").scene("ball_1").record
    assert record["fitted_views"] == "0,2-3,5"
    assert record["data"]["test_views"] == 2


def test_what_has_diverged_is_not_stored(balls: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CategoryModel, "round_to_half", lambda self: self.base.fill_(float("nan")))
    short = tiny_stage1()
    with pytest.raises(InputError, match="no longer finite"):
        run(
            balls,
            tmp_path / "run",
            pretraining=Pretraining(epochs=0.0),
            warmup=replace(short.warmup, epochs=1.0),
            joint=replace(short.joint, epochs=0.0),
        )
    assert not (tmp_path / "run" / "model").exists()


def test_a_foreign_folder_is_left_alone(balls: Dataset, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="new or empty folder"):
        run(balls, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_a_damaged_checkpoint_is_passed_over_and_two_are_named(
    balls: Dataset, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = Run.save_checkpoint, []

    def die(self: Run, tensors: Any, state: Any) -> None:
        save(self, tensors, state)
        saved.append(state)
        if len(saved) == 3:
            raise KillError

    monkeypatch.setattr(Run, "save_checkpoint", die)
    with pytest.raises(KillError):
        short_run(balls, tmp_path / "run")
    monkeypatch.undo()
    before, newest = sorted((tmp_path / "run" / "checkpoint").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1] + b"!")
    shutil.copytree(tmp_path / "run", tmp_path / "worse")
    resumed = short_run(balls, tmp_path / "run")
    assert resumed.identity() == CategoryModel.load(undisturbed / "model").identity()

    (tmp_path / "worse" / "checkpoint" / before.name).write_bytes(b"no")
    with pytest.raises(InputError, match=r"checkpoint: every checkpoint is damaged"):
        short_run(balls, tmp_path / "worse")


def test_rgb_tri_planes_are_the_same_code_without_an_autoencoder(balls: Dataset, tmp_path: Path) -> None:
    rates = Rates(micro=2e-2, coefficients=2e-2, base=2e-2, mlp=2e-2)
    model = run(
        balls,
        tmp_path / "rgb",
        autoencoder=NoAutoencoder(),
        mlp=MLPConfig(hidden=16, hidden_activation="relu", channel_activation="sigmoid"),
        warmup=Phase(25.0, 4, rates, LossWeights(enc=1.0)),
        joint=Phase(0.0, 4, rates, LossWeights(enc=1.0)),
    )
    lines = [json.loads(line) for line in (tmp_path / "rgb" / "log.jsonl").read_text().splitlines()]
    assert model.autoencoder.channels == 3
    assert [line["test_psnr"] for line in lines if "test_psnr" in line][-1] > 17


def test_another_category_model_lends_its_autoencoder(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    prior = PretrainedAutoencoder(str(trained_balls))
    nothing = Phase(0.0, 4, Rates(), LossWeights())
    still = {"pretraining": Pretraining(epochs=0.0), "warmup": nothing, "joint": nothing}
    model = run(balls, tmp_path / "run", autoencoder=prior, **still)
    lent = CategoryModel.load(trained_balls / "model").autoencoder.state_dict()
    assert all(torch.equal(tensor, lent[name]) for name, tensor in model.autoencoder.state_dict().items())


def test_latent_scenes_learn_the_balls(balls: Dataset, tmp_path: Path) -> None:
    rates = Rates(micro=2e-2, coefficients=2e-2, base=2e-2, mlp=2e-2)
    run(
        balls,
        tmp_path / "latent",
        autoencoder=NewAutoencoder(network=ConvolutionalConfig(channels=6, width=8, inner_width=8)),
        warmup=Phase(25.0, 4, rates, LossWeights(enc=1.0, tv=1e-4)),
    )
    lines = [json.loads(line) for line in (tmp_path / "latent" / "log.jsonl").read_text().splitlines()]
    quality = [line["test_psnr"] for line in lines if "test_psnr" in line]
    assert quality[-1] > 14
    assert quality[-1] > quality[0] + 2


def test_pictures_the_autoencoder_cannot_divide_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    make_balls(tmp_path / "data", resolution=34)
    scenes = open_dataset(DatasetConfig(tmp_path / "data", test_views=2, cache=tmp_path / "cache"))
    with pytest.raises(InputError, match="multiples of 4"):
        run(scenes, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_at_once_in_one_folder_are_refused(balls: Dataset, trained_balls: Path) -> None:
    with lock(trained_balls), pytest.raises(InputError, match="another process is writing there"):
        run(balls, trained_balls)
