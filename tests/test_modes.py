"""Modes of variation: what they are, how they are kept, and what new scenes gain from them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from balls import short_stage1, tiny_stage2
from untrained import untrained_model

from triptych import cli
from triptych.bank import Scene, SceneBank, compare_views
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.model.modes import gathered, modes_of, side_of, spread
from triptych.representation.planes import enlarged
from triptych.training.along_modes import AlongModes
from triptych.training.conditions import Conditions
from triptych.training.fitting import fit_scenes
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.stage1 import MODEL, train
from triptych.training.trained import modes_of_bank

SIDE, FEATURES = 8, 2


def directions(count: int) -> torch.Tensor:
    """Orthonormal directions in the resolution of modes."""
    random = torch.randn(count, 3 * (SIDE // 2) ** 2 * FEATURES, generator=torch.Generator().manual_seed(0))
    return torch.linalg.qr(random.T)[0].T.reshape(count, 3, SIDE // 2, SIDE // 2, FEATURES)


def repeated(small: torch.Tensor) -> torch.Tensor:
    """The same planes with each texel four times."""
    return small.repeat_interleave(2, dim=-3).repeat_interleave(2, dim=-2)


def test_modes_are_the_directions_in_which_scenes_differ_one_deviation_long() -> None:
    first, second = directions(2)
    places = torch.tensor([[3.0, 1.0], [-3.0, 1.0], [3.0, -1.0], [-3.0, -1.0]])
    average = torch.full((3, SIDE, SIDE, FEATURES), 0.7)
    scenes = [average + repeated(a * first + b * second) for a, b in places.tolist()]
    modes = modes_of(scenes, average, 8)
    assert len(modes) == 2  # four scenes could have three, which do not all exist
    for mode, direction, deviation in zip(modes, (first, second), (3.0, 1.0), strict=True):
        along = (mode * direction).sum()
        assert abs(float(along)) == pytest.approx(deviation, rel=1e-2)
        assert torch.allclose(mode, along * direction, atol=1e-2 * deviation)
    assert len(modes_of(scenes, average, 1)) == 1


def test_scenes_that_are_all_alike_have_no_modes() -> None:
    scene = torch.rand(3, SIDE, SIDE, FEATURES)
    assert not len(modes_of([scene, scene, scene], scene, 4))
    assert not len(modes_of([scene], scene, 4))


def test_a_step_along_a_mode_moves_each_chosen_scene_down_its_own_slope() -> None:
    modes = directions(3)
    along, generator = AlongModes(modes, 4), torch.Generator().manual_seed(1)
    gradient = torch.randn(2, 3, SIDE, SIDE, FEATURES, generator=generator)
    moved = along.step(torch.tensor([3, 1]), gradient, rate=0.5)
    large = enlarged(modes, SIDE)
    slopes = torch.einsum("sprcf,mprcf->sm", gradient, large)
    expected = torch.einsum("sm,mprcf->sprcf", -0.5 * slopes.sign(), large)  # Adam's first step
    assert torch.allclose(moved, expected, atol=1e-4)


def model_with_modes(seed: int = 0) -> CategoryModel:
    model, generator = untrained_model(seed), torch.Generator().manual_seed(seed)
    scenes = [torch.randn(model.start_micro.shape, generator=generator) for _ in range(5)]
    model.modes = modes_of(scenes, model.start_micro, 3)
    return model


def test_modes_come_back_as_they_were_saved_and_are_no_part_of_what_the_model_is(tmp_path: Path) -> None:
    model = model_with_modes()
    assert model.identity() == untrained_model().identity()
    model.save(tmp_path / "model")
    copy = CategoryModel.load(tmp_path / "model")
    assert len(copy.modes) == 3
    assert torch.equal(copy.modes, model.modes)
    assert copy.identity() == model.identity()
    untrained_model().save(tmp_path / "model")  # in its place, without any
    assert not len(CategoryModel.load(tmp_path / "model").modes)


def test_damaged_modes_are_refused(tmp_path: Path) -> None:
    model_with_modes().save(tmp_path / "model")
    file = tmp_path / "model" / "modes.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"modes\.safetensors"):
        CategoryModel.load(tmp_path / "model")


def test_stage_1_leaves_the_modes_of_its_scenes(balls: Dataset, tmp_path: Path) -> None:
    scenes = balls.select("train", "all")
    model = train(scenes, tmp_path / "run", replace(short_stage1(), modes=2), Conditions())
    assert len(model.modes) == min(2, len(scenes) - 1)
    assert torch.equal(CategoryModel.load(tmp_path / "run" / MODEL).modes, model.modes)


def quality(model: CategoryModel, balls: Dataset, rate: float) -> float:
    """PSNR of unseen balls after a few steps."""
    rates, on_views = Rates(micro=1e-2, coefficients=1e-2, modes=rate), LossWeights(enc=1.0)
    few = Phase(0.0, 6, rates, on_views, step_count=6)
    scenes = fit_scenes(model, balls, tiny_stage2(latent=few, image=replace(few, step_count=0)), seed=0)
    values = []
    for number, name in enumerate(balls.names):
        scene = Scene(model, scenes.micro.values[number], scenes.coefficients.values[number], name)
        values += compare_views(scene, balls, number, list(balls.views(number).test)).psnr()
    return mean(values)


def test_new_scenes_come_farther_in_a_few_steps(trained_balls: Path, balls: Dataset) -> None:
    model, new = CategoryModel.load(trained_balls / "model"), balls.select("test", "all")
    without = quality(model, new, 0.5)
    assert quality(model, new, 0.0) == without  # no modes, no steps along them
    bank = SceneBank(trained_balls / "trained_scenes")
    model.modes = modes_of_bank(bank.folder, model, 3)
    assert quality(model, new, 0.0) == without
    assert quality(model, new, 0.5) > without + 0.2


def test_a_model_gets_the_modes_of_a_bank(trained_balls: Path, tmp_path: Path) -> None:
    bank, out = trained_balls / "trained_scenes", tmp_path / "model"
    cli.main(["modes", str(trained_balls), str(bank), "--out", str(out), "--count", "1"])
    before, after = CategoryModel.load(trained_balls / MODEL), CategoryModel.load(out)
    assert (len(before.modes), len(after.modes)) == (0, 1)
    assert after.identity() == before.identity()
    assert torch.equal(after.modes, modes_of_bank(bank, before, 1))


def test_modes_of_scenes_that_do_not_differ_are_refused(
    trained_balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = CategoryModel.load(trained_balls / MODEL), tmp_path / "model"
    SceneBank.create(tmp_path / "bank", model)
    for folder, expected in ((out, "its 0 scene(s) do not differ"), (tmp_path, "is there already")):
        with pytest.raises(SystemExit) as ended:
            cli.main(["modes", str(trained_balls), str(tmp_path / "bank"), "--out", str(folder)])
        assert ended.value.code == 2
        assert expected in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("resolution", [7, 16])
def test_modes_are_enlarged_bilinearly_and_gradients_gathered_by_the_transpose(resolution: int) -> None:
    small, gradient = torch.randn(2, 3, *2 * (side_of(resolution),), 5), torch.randn(2, 3, resolution, resolution, 5)
    whole = spread(small, resolution)
    assert torch.allclose(whole, enlarged(small, resolution), atol=1e-6)
    pictures = small.flatten(0, 1).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(pictures, (resolution, resolution), mode="bilinear")
    assert torch.allclose(whole.flatten(0, 1), expected.permute(0, 2, 3, 1), atol=1e-5)
    assert torch.isclose((whole * gradient).sum(), (small * gathered(gradient)).sum(), rtol=1e-4, atol=1e-4)
