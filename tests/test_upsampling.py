"""Models of more texels: what stays as it is, and what new scenes of them hold."""

from pathlib import Path

import pytest
import torch
from balls import tiny_stage2
from untrained import give_modes, untrained_model

from triptych import cli
from triptych.bank import Scene, compare_views
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.model.upsampling import upsampled
from triptych.representation.planes import enlarged, triplane_features
from triptych.training.fitting import fit_scenes
from triptych.training.stage1 import MODEL


@pytest.mark.parametrize(("few", "many"), [(5, 10), (5, 12), (4, 13)])
def test_planes_have_at_new_centers_what_they_had_there(few: int, many: int) -> None:
    planes = torch.randn(2, 3, few, few, 4, generator=torch.Generator().manual_seed(0))
    centers = (torch.arange(many) + 0.5) / many
    points = torch.cartesian_prod(centers, centers, centers)
    box = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    for before, after in zip(planes, enlarged(planes, many), strict=True):
        assert torch.allclose(triplane_features(after, points, box), triplane_features(before, points, box), atol=1e-5)


def test_a_model_of_more_texels_is_another_model_that_files_hold_exactly(tmp_path: Path) -> None:
    model = untrained_model()
    give_modes(model)
    finer = upsampled(model, 16)
    assert (model.config.planes.resolution, finer.config.planes.resolution) == (8, 16)
    assert finer.identity() != model.identity()
    finer.save(tmp_path / "model")
    kept = CategoryModel.load(tmp_path / "model")
    assert kept.identity() == finer.identity()
    assert kept.modes.shape == (2, 3, 8, 8, 4)
    assert torch.equal(kept.modes, finer.modes)
    assert not (tmp_path / "model" / "predictor.safetensors").exists()


def test_the_mean_scene_looks_as_before_and_new_scenes_come_as_far(
    trained_balls: Path, balls: Dataset, tmp_path: Path
) -> None:
    cli.main(["upsample", str(trained_balls), "--resolution", "32", "--out", str(tmp_path / "finer")])
    new, qualities = balls.select("test", "all"), []
    for model in (CategoryModel.load(trained_balls / MODEL), CategoryModel.load(tmp_path / "finer")):
        scenes = fit_scenes(model, new, tiny_stage2(), seed=0)
        fitted = Scene(model, scenes.micro.values[0], scenes.coefficients.values[0], new.names[0])
        views = list(new.views(0).test)
        qualities.append([mean(compare_views(each, new, 0, views).psnr()) for each in (Scene.start_of(model), fitted)])
    (mean_before, fitted_before), (mean_after, fitted_after) = qualities
    assert mean_after == pytest.approx(mean_before, abs=0.3)
    assert fitted_after > fitted_before - 0.3


def test_no_more_texels_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="have 8; give more"):
        upsampled(untrained_model(), 8)
    untrained_model().save(tmp_path / "model")
    for texels, out, expected in (("4", "finer", "have 8; give more"), ("16", "model", "is there already")):
        with pytest.raises(SystemExit) as ended:
            cli.main(["upsample", str(tmp_path / "model"), "--resolution", texels, "--out", str(tmp_path / out)])
        assert ended.value.code == 2
        assert expected in capsys.readouterr().err
    assert not (tmp_path / "finer").exists()
