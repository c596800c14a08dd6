import json
from pathlib import Path

import pytest
import torch

from triptych.bank import SceneBank, Scenes, StoredScene, open_scenes
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.evaluation.evaluate import evaluate, write_evaluation
from triptych.metrics import mean, psnr, ssim
from triptych.model import CategoryModel


def test_psnr_of_a_known_error() -> None:
    truth = torch.zeros(2, 3, 8, 8)
    found = truth.clone()
    found[0] += 0.1
    found[1] += 0.01
    assert psnr(found, truth) == pytest.approx([20.0, 40.0], abs=1e-3)


def test_psnr_clamps_before_it_compares() -> None:
    assert psnr(torch.full((1, 3, 4, 4), 1.7), torch.ones(1, 3, 4, 4))[0] >= 99


def test_ssim_of_equal_and_of_unlike_images() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(1, 3, 32, 32, generator=generator)
    assert ssim(images, images)[0] == pytest.approx(1.0, abs=1e-5)
    assert ssim(torch.rand(1, 3, 32, 32, generator=generator), images)[0] < 0.2


def test_the_mean_is_over_views_then_over_scenes(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    scenes = open_scenes(trained_balls / "trained_scenes", trained_balls)
    evaluation = evaluate(scenes, balls, with_lpips=False)
    assert set(evaluation.scenes) == {"ball_0", "ball_1", "ball_2"}
    assert evaluation.mean("psnr") == pytest.approx(mean([row["psnr"] for row in evaluation.scenes.values()]))

    views = balls.views(1).test
    target = torch.from_numpy(balls.images(1, views)).permute(0, 3, 1, 2).float() / 255
    by_hand = psnr(scenes["ball_1"].render(balls.cameras(1)[list(views)]).images, target)
    assert len(views) == 2
    assert evaluation.scenes["ball_1"]["psnr"] == pytest.approx(sum(by_hand) / 2, abs=1e-4)

    write_evaluation(evaluation, tmp_path / "out", {"seed": 0})
    document = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert document["mean"]["psnr"] == pytest.approx(evaluation.mean("psnr"))
    assert "| ball_2 |" in (tmp_path / "out" / "metrics.md").read_text()
    assert (tmp_path / "out" / "comparison.png").stat().st_size > 1000


def test_scenes_of_another_dataset_are_refused(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    bank = SceneBank.create(tmp_path / "bank", model)
    planes = model.config.planes
    bank.add("x", StoredScene(torch.zeros(planes.micro_shape), torch.zeros(planes.coefficients), "unknown", {}))
    with pytest.raises(InputError, match="not in the dataset given"):
        evaluate(Scenes(bank, model), balls, with_lpips=False)


def test_an_empty_bank_is_refused(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    with pytest.raises(InputError, match="bank is empty"):
        evaluate(Scenes(SceneBank.create(tmp_path / "bank", model), model), balls, with_lpips=False)
