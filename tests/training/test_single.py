"""One scene by itself: it is learned, it resumes, and it works in latent space."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.data import Dataset, open_dataset
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.representation.config import SamplingConfig
from triptych.training.single import fit_single
from triptych.training.single_scene import FieldKind, SingleConfig

TINY = SingleConfig(
    plane_resolution=16,
    features=8,
    hidden=16,
    layers=4,
    width=32,
    sampling=SamplingConfig(16, 8),
    rays=256,
    rate=5e-3,
    planes_rate=2e-2,
)


def fit(scene: Dataset, out: Path, config: SingleConfig, model: CategoryModel | None = None) -> float:
    found = fit_single(
        scene, out, config, model=model, seed=0, device=torch.device("cpu"), progress=Progress(quiet=True)
    )
    return found.metrics["psnr"]


@pytest.mark.parametrize("kind", ["triplanes", "nerf", "sdf"])
def test_a_ball_is_learned(kind: FieldKind, balls: Dataset, tmp_path: Path) -> None:
    scene = balls.subset([3])
    untrained = fit(scene, tmp_path / "untrained", replace(TINY, kind=kind, steps=1))
    trained = fit(scene, tmp_path / "trained", replace(TINY, kind=kind, steps=150))
    assert trained > max(untrained + 4, 17)
    assert fit(scene, tmp_path / "trained", replace(TINY, kind=kind, steps=150)) == trained
    assert (tmp_path / "trained" / "progress.png").read_bytes().startswith(b"\x89PNG")


def test_in_latent_space_the_decoder_makes_the_picture(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    untrained = fit(balls.subset([3]), tmp_path / "untrained", replace(TINY, kind="sdf", steps=1), model)
    assert fit(balls.subset([3]), tmp_path / "trained", replace(TINY, kind="sdf", steps=100), model) > untrained + 1


def test_the_run_says_which_views_were_fitted_and_none_may_be_left_to_test(balls: Dataset, tmp_path: Path) -> None:
    short = replace(TINY, kind="triplanes", steps=1)
    fit(balls.subset([3]), tmp_path / "run", short)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["fitted_views"] == "0,2-3,5"
    assert balls.source is not None
    untested = open_dataset(replace(balls.source, scenes="ball_3", test_views=0))
    options = {"model": None, "seed": 0, "device": torch.device("cpu"), "progress": Progress(quiet=True)}
    with pytest.raises(InputError, match="fitted_views"):
        fit_single(untested, tmp_path / "run", short, **options)
    assert fit_single(untested, tmp_path / "other", short, **options).quality() == "no test views to measure it on"
