from dataclasses import replace
from pathlib import Path

import pytest
import torch
from balls import make_balls

from triptych.representation.field import SamplingConfig
from triptych.representation.mlp import MLPConfig
from triptych.representation.planes import PlaneConfig
from triptych.scenes import DatasetConfig, SceneCollection, open_collection
from triptych.training.losses import mean, psnr
from triptych.training.rgb import RGBConfig, fit_rgb
from triptych.training.views import PosedViews

SMALL = RGBConfig(
    planes=PlaneConfig(16, 8, 0),
    mlp=MLPConfig(hidden=32, hidden_activation="relu", channel_activation="sigmoid"),
    sampling=SamplingConfig(24, 0),
    steps=300,
    rays=1024,
)


@pytest.fixture
def ball(tmp_path: Path) -> SceneCollection:
    make_balls(tmp_path / "balls", train=0, test=1, views=20)
    return open_collection(DatasetConfig(tmp_path / "balls", test_views=4, cache=tmp_path / "cache"))


def test_an_rgb_scene_shows_views_it_has_never_seen(ball: SceneCollection) -> None:
    model, scenes = fit_rgb(ball, SMALL, seed=0)
    views = PosedViews(ball, "test")
    batch = views.group(range(len(views)))
    cpu = torch.device("cpu")
    found = model.render_scene(scenes.micro.values[0], scenes.coefficients.values[0], views.cameras(batch, cpu))
    assert mean(psnr(found.images, views.images(batch, cpu))) > 22


def test_the_seed_decides_everything(ball: SceneCollection) -> None:
    short = replace(SMALL, steps=3)
    one, same, other = (fit_rgb(ball, short, seed)[1].micro.values for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
