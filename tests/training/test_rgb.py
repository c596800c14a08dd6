from dataclasses import replace
from pathlib import Path

import pytest
import torch
from balls import make_balls

from triptych.bank import Scene
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.data.posed_views import PosedViews
from triptych.errors import InputError
from triptych.metrics import mean, psnr
from triptych.progress import Progress
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.training.rgb import fit_rgb
from triptych.training.rgb_bank import fit_rgb_scenes
from triptych.training.rgb_config import RGBConfig

SMALL = RGBConfig(
    planes=PlaneConfig(16, 8, 0),
    mlp=MLPConfig(hidden=32, hidden_activation="relu", channel_activation="sigmoid"),
    sampling=SamplingConfig(24, 0),
    steps=300,
    rays=1024,
)


@pytest.fixture
def ball(tmp_path: Path) -> Dataset:
    make_balls(tmp_path / "balls", train=0, test=1, views=20)
    return open_dataset(DatasetConfig(tmp_path / "balls", test_views=4, cache=tmp_path / "cache"))


def test_an_rgb_scene_shows_views_it_has_never_seen(ball: Dataset) -> None:
    model, scenes = fit_rgb(ball, SMALL, seed=0)
    views = PosedViews(ball, "test")
    batch = views.group(range(len(views)))
    cpu = torch.device("cpu")
    found = Scene(model, scenes.micro.values[0], scenes.coefficients.values[0]).render(views.cameras(batch, cpu))
    assert mean(psnr(found.images, views.images(batch, cpu))) > 22


def test_the_seed_decides_everything(ball: Dataset) -> None:
    short = replace(SMALL, steps=3)
    one, same, other = (fit_rgb(ball, short, seed)[1].micro.values for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_bank_of_one_scene_says_which_views_were_fitted(ball: Dataset, tmp_path: Path) -> None:
    short = replace(SMALL, steps=3)
    (bank,) = fit_rgb_scenes(ball, tmp_path / "rgb", short, seed=0, progress=Progress(quiet=True)).values()
    assert bank.scene("ball_0").record["fitted_views"] == "0-1,3-6,8-11,13-16,18-19"
    make_balls(tmp_path / "other", train=0, test=1, views=12)
    other = open_dataset(DatasetConfig(tmp_path / "other", cache=tmp_path / "cache"))
    with pytest.raises(InputError, match="fitted to other pictures"):
        fit_rgb_scenes(other, tmp_path / "rgb", short, seed=0, progress=Progress(quiet=True))
