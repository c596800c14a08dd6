"""Scenes by themselves: they are learned in either space, they resume, and another run's are not taken for theirs."""

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from balls import make_balls

from triptych import Scene, SceneBank, StoredScene
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.data.posed_views import PosedViews
from triptych.errors import InputError
from triptych.files import read_log, read_tensors
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.representation.config import MLPConfig, NeRFConfig, SamplingConfig
from triptych.training.conditions import Conditions
from triptych.training.run import Run
from triptych.training.single.banks import fit_rgb_scenes
from triptych.training.single.config import OwnPlanesConfig, SingleConfig, SingleNeRF, SingleSDF, SingleTriPlanes
from triptych.training.single.run import fit_single
from triptych.training.single.scene import SingleScene
from triptych.training.single.targets import image_space

_PLANES = OwnPlanesConfig(16, 8)
TINY: dict[str, SingleConfig] = {
    "triplanes": SingleTriPlanes(
        planes=_PLANES,
        mlp=MLPConfig(hidden=32, hidden_activation="relu", channel_activation="sigmoid"),
        sampling=SamplingConfig(24, 0),
        rays=512,
        rate=4e-2,
        mlp_rate=2e-2,
        steps=60,
    ),
    "nerf": SingleNeRF(
        network=NeRFConfig(layers=3, width=32, position_octaves=4),
        sampling=SamplingConfig(12, 8),
        rays=256,
        rate=1e-2,
        steps=70,
    ),
    "sdf": SingleSDF(
        planes=_PLANES,
        mlp=MLPConfig(hidden=16, channel_activation="sigmoid"),
        sampling=SamplingConfig(12, 8),
        rays=256,
        rate=3e-2,
        steps=35,
    ),
}
RGB = TINY["triplanes"]
assert isinstance(RGB, SingleTriPlanes)
KINDS = pytest.mark.parametrize("kind", list(TINY))


def fit(scene: Dataset, out: Path, config: SingleConfig, model: CategoryModel | None = None) -> SingleScene:
    return fit_single(scene, out, config, model or image_space(scene), Conditions())


def fit_banks(scenes: Dataset, out: Path, config: SingleTriPlanes, seed: int = 0) -> dict[str, SceneBank]:
    return fit_rgb_scenes(scenes, out, config, Conditions(seed))


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """One ball, of whose 20 views 4 are for testing."""
    root = tmp_path_factory.mktemp("ball")
    make_balls(root / "balls", train=0, test=1, views=20)
    return open_dataset(DatasetConfig(root / "balls", test_views=4, cache=root / "cache"))


@pytest.fixture(scope="module")
def trained(balls: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, SingleScene]]:
    """The run of a ball in image space and its scene, by the kind of field; fitted when it is first asked for."""
    root, scenes = tmp_path_factory.mktemp("trained"), {}

    def of(kind: str) -> tuple[Path, SingleScene]:
        if kind not in scenes:
            scenes[kind] = fit(balls.subset([3]), root / kind, TINY[kind])
        return root / kind, scenes[kind]

    return of


@KINDS
def test_a_ball_is_learned(
    kind: str, balls: Dataset, trained: Callable[[str], tuple[Path, SingleScene]], tmp_path: Path
) -> None:
    run, scene = trained(kind)
    untrained = fit(balls.subset([3]), tmp_path / "untrained", replace(TINY[kind], steps=1))
    assert scene.metrics["psnr"] > max(untrained.metrics["psnr"] + 4, 17)
    assert (run / "progress.png").read_bytes().startswith(b"\x89PNG")

    read = fit(balls.subset([3]), run, TINY[kind])  # what is done is read
    assert read.metrics == scene.metrics
    cameras = balls.cameras(3)[[0]]
    torch.testing.assert_close(read.render(cameras).images, scene.render(cameras).images, rtol=0, atol=0)


def test_a_stopped_run_ends_as_an_undisturbed_one(
    balls: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(TINY["nerf"], steps=22, rays=64)
    whole = fit(balls.subset([3]), tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        stop_at_step(20, monkeypatch, lambda: fit(balls.subset([3]), tmp_path / "run", config))
    assert fit(balls.subset([3]), tmp_path / "run", config).metrics["psnr"] == whole.metrics["psnr"]
    one, other = (read_tensors(tmp_path / run / "field.safetensors")[0] for run in ("whole", "run"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def stop_at_step(number: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Do some work until Ctrl-C comes when a step is logged."""
    log = Run.log

    def interrupt(self: Run, step: int, **values: Any) -> None:
        log(self, step, **values)
        if step == number:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(Run, "log", interrupt)
        work()


@pytest.mark.parametrize("kind", ["triplanes", "sdf"])
def test_in_latent_space_the_decoder_makes_the_picture(
    kind: str, balls: Dataset, trained_balls: Path, tmp_path: Path
) -> None:
    model = CategoryModel.load(trained_balls / "model")
    untrained = fit(balls.subset([3]), tmp_path / "untrained", replace(TINY[kind], steps=1), model)
    trained = fit(balls.subset([3]), tmp_path / "trained", replace(TINY[kind], steps=30), model)
    assert trained.metrics["psnr"] > untrained.metrics["psnr"] + 1
    assert trained.render(balls.cameras(3)[[0]]).latents.shape[1:] == (4, *model.latent_size)


def test_the_run_says_which_views_were_fitted_and_none_may_be_left_to_test(balls: Dataset, tmp_path: Path) -> None:
    short = replace(RGB, steps=1)
    fit(balls.subset([3]), tmp_path / "run", short)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["fitted_views"] == "0,2-3,5"
    assert balls.source is not None
    untested = open_dataset(replace(balls.source, scenes="ball_3", test_views=0))
    with pytest.raises(InputError, match="fitted_views"):
        fit(untested, tmp_path / "run", short)
    assert fit(untested, tmp_path / "other", short).quality() == "no test views to measure it on"


def test_a_run_of_another_kind_or_of_an_earlier_version_is_refused(
    balls: Dataset, trained: Callable[[str], tuple[Path, SingleScene]], trained_balls: Path
) -> None:
    run, _ = trained("triplanes")
    with pytest.raises(InputError, match=r"single\.kind = 'triplanes', not 'nerf'"):
        fit(balls.subset([3]), run, TINY["nerf"])
    with pytest.raises(InputError, match="model = None"):
        fit(balls.subset([3]), run, RGB, CategoryModel.load(trained_balls / "model"))


def test_an_rgb_scene_shows_views_it_has_never_seen(ball: Dataset, tmp_path: Path) -> None:
    (bank,) = fit_banks(ball, tmp_path / "rgb", replace(RGB, steps=110)).values()
    stored = bank.scene("ball_0")
    views = PosedViews(ball, "test")
    batch = views.group(range(len(views)))
    rendered = Scene(bank.load_model(), stored.micro, stored.coefficients).render(views.cameras(batch, _CPU))
    assert mean(psnr(rendered.images, views.images(batch, _CPU))) > 22
    assert stored.record["fitted_views"] == "0-1,3-6,8-11,13-16,18-19"
    log = read_log(tmp_path / "rgb" / "ball_0")
    assert log[-1]["step"] == 100
    assert log[-1]["loss"] < log[0]["loss"] / 4


_CPU = torch.device("cpu")


def numbers(bank: SceneBank) -> torch.Tensor:
    return bank.scene("ball_0").micro


def test_the_seed_decides_everything_wherever_fitting_was_stopped(
    ball: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(RGB, steps=42, rays=128)  # empty space is looked up before the stop
    (one,) = fit_banks(ball, tmp_path / "one", short).values()
    (other,) = fit_banks(ball, tmp_path / "other", short, seed=1).values()
    assert not torch.equal(numbers(one), numbers(other))

    with pytest.raises(KeyboardInterrupt):
        stop_at_step(40, monkeypatch, lambda: fit_banks(ball, tmp_path / "stopped", short))
    assert not (tmp_path / "stopped" / "ball_0").exists()
    with pytest.raises(InputError, match=r"rgb.rate = 0.04, not 0.01; repeat its options"):
        fit_banks(ball, tmp_path / "stopped", replace(short, rate=0.01))
    (resumed,) = fit_banks(ball, tmp_path / "stopped", short).values()
    assert torch.equal(numbers(one), numbers(resumed))
    assert [path.name for path in (tmp_path / "stopped").iterdir() if path.is_dir()] == ["ball_0"]


def test_a_bank_of_other_pictures_options_or_views_is_refused_before_anything_is_fitted(
    ball: Dataset, balls: Dataset, tmp_path: Path
) -> None:
    short, out = replace(RGB, steps=3), tmp_path / "rgb"
    fit_banks(ball, out, short)
    (again,) = fit_banks(ball, out, short).values()  # is left alone
    make_balls(tmp_path / "other", train=0, test=2, views=12)
    other = open_dataset(DatasetConfig(tmp_path / "other", cache=tmp_path / "cache"))
    with pytest.raises(InputError, match="fitted to other pictures"):
        fit_banks(other, out, short)
    with pytest.raises(InputError, match=r"ball_0: this scene was fitted with rgb.steps = 3, not 4; repeat"):
        fit_banks(ball, out, replace(short, steps=4))
    with pytest.raises(InputError, match="seed = 0, not 1"):
        fit_banks(ball, out, short, seed=1)
    assert ball.source is not None
    with pytest.raises(InputError, match="fitted_views = '0-1,3-6"):
        fit_banks(open_dataset(replace(ball.source, test_views=5)), out, short)
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["ball_0"]

    # Earlier versions kept less of the options, and had more of them.
    stored = again.scene("ball_0")
    record = {key: value for key, value in stored.record.items() if key != "seed"}
    record["rgb"]["planes"]["macro_features"] = 0
    bank = SceneBank.create(tmp_path / "earlier" / "ball_0", again.load_model(), own_model=True)
    bank.add("ball_0", StoredScene(stored.micro, stored.coefficients, stored.fingerprint, record))
    (known,) = fit_banks(ball, tmp_path / "earlier", short).values()
    assert torch.equal(numbers(known), numbers(again))
