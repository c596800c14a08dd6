import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from balls import make_balls, tiny_stage2

from triptych.bank import SceneBank, StoredScene
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.errors import InputError
from triptych.model import CategoryModel
from triptych.representation.config import SamplingConfig
from triptych.training.conditions import Conditions
from triptych.training.fitting import fit_scenes
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.presets import STAGE2
from triptych.training.scenes import SceneParameters
from triptych.training.stage2 import fit

CPU = torch.device("cpu")


def fit_balls(trained: Path, scenes: Dataset, out: Path, *, force: bool = True, **changes: Any) -> SceneBank:
    """A bank of the scenes; forced, since a fit of a few steps hardly improves on its start."""
    model, config = CategoryModel.load(trained / "model"), tiny_stage2(**changes)
    return fit(model, scenes, out, config, Conditions(), precision="float32", force=force)


def test_new_scenes_land_in_the_bank_with_their_test_psnr(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    bank = fit_balls(trained_balls, balls.select("test", "all"), tmp_path / "bank")
    assert bank.names() == ["ball_3", "ball_4"]
    record = bank.scene("ball_3").record
    assert 5 < record["test_psnr"] < 50
    assert record["seconds"] > 0
    assert 0 <= record["rounding_seconds"] < record["seconds"]
    assert bank.scene("ball_3").fingerprint == balls.fingerprints[3]


def test_fitting_brings_a_scene_closer_than_its_start(trained_balls: Path, tmp_path: Path) -> None:
    make_balls(tmp_path / "more_views", train=0, test=6, views=24)
    config = DatasetConfig(tmp_path / "more_views", test_views=4, cache=tmp_path / "cache")
    scenes = open_dataset(config).select("3:6", "all")
    before = fit_balls(trained_balls, scenes, tmp_path / "start", latent=_phase(0.0), image=_phase(0.0))
    after = fit_balls(trained_balls, scenes, tmp_path / "fitted", latent=_phase(2.0), image=_phase(10.0))
    for name in before:
        assert after.scene(name).record["test_psnr"] > before.scene(name).record["test_psnr"] + 0.5


def _phase(epochs: float) -> Phase:
    return Phase(epochs, 2, Rates(micro=2e-2, coefficients=2e-2), LossWeights(dec=1.0))


def test_a_scene_does_not_depend_on_its_neighbors(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    together = fit_balls(trained_balls, balls.select("test", "all"), tmp_path / "together")
    alone = fit_balls(trained_balls, balls.select("ball_4", "all"), tmp_path / "alone")
    assert torch.allclose(together.scene("ball_4").micro, alone.scene("ball_4").micro, atol=2e-3)


def test_later_scenes_leave_earlier_ones_alone(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    bank = fit_balls(trained_balls, balls.select("ball_3", "all"), tmp_path / "bank")
    before = bank.scene("ball_3")
    bank = fit_balls(trained_balls, balls.select("test", "all"), tmp_path / "bank")
    assert bank.names() == ["ball_3", "ball_4"]
    after = bank.scene("ball_3")
    assert torch.equal(after.micro, before.micro)
    assert after.record == before.record


def test_a_scene_that_another_process_adds_meanwhile_stays(
    balls: Dataset, trained_balls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(model: CategoryModel, group: Dataset, *rest: Any) -> SceneParameters:
        scene = StoredScene(model.start_micro, model.start_coefficients, group.fingerprints[0], {"first": True})
        SceneBank(tmp_path / "bank").add(group.names[0], scene)
        return fit_scenes(model, group, *rest)

    monkeypatch.setattr("triptych.training.fit_group.fit_scenes", meanwhile)
    bank = fit_balls(trained_balls, balls.select("test", "all"), tmp_path / "bank")
    assert bank.names() == ["ball_3", "ball_4"]
    assert bank.scene("ball_3").record == {"first": True}
    assert bank.scene("ball_4").record["stage"] == 2


def test_a_bank_goes_on_as_it_was_begun(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    model = CategoryModel.load(trained_balls / "model")
    for first, expected in (("float16", "float16"), (None, "compact")):
        out = tmp_path / str(first)
        fit(model, balls.select("ball_3", "all"), out, tiny_stage2(), Conditions(), precision=first, force=True)
        bank = fit(model, balls.select("ball_4", "all"), out, tiny_stage2(), Conditions(), force=True)
        assert (bank.precision, bank.names()) == (expected, ["ball_3", "ball_4"])


def test_a_stage_1_scene_is_refused_under_any_name(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trained on in stage 1: ball_1"):
        fit_balls(trained_balls, balls.select("1:4", "all"), tmp_path / "bank")
    assert not (tmp_path / "bank").exists()

    make_balls(tmp_path / "renamed")
    (tmp_path / "renamed" / "ball_0").rename(tmp_path / "renamed" / "new_ball")
    (tmp_path / "renamed" / "dataset.json").unlink()
    config = DatasetConfig(tmp_path / "renamed", test_views=2, half_extent=0.45, cache=tmp_path / "cache")
    copies = open_dataset(config).select("new_ball", "all")
    with pytest.raises(InputError, match=r"new_ball \(there ball_0\)"):
        fit_balls(trained_balls, copies, tmp_path / "bank")


def test_finetuning_keeps_its_own_shared_part_and_leaves_the_model_alone(
    balls: Dataset, trained_balls: Path, tmp_path: Path
) -> None:
    rates = Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2)
    with_decoder = Rates(micro=1e-3, coefficients=1e-2, base=1e-2, mlp=1e-3, decoder=1e-4)
    scenes = balls.select("test", "all")
    bank = fit_balls(
        trained_balls,
        scenes,
        tmp_path / "run",
        latent=Phase(2.0, 4, rates, LossWeights(enc=1.0)),
        image=Phase(2.0, 4, with_decoder, LossWeights(dec=1.0)),
        finetune_shared=True,
    )
    original = CategoryModel.load(trained_balls / "model")
    own = bank.load_model()
    assert own.identity() != original.identity()
    assert bank.names() == ["ball_3", "ball_4"]
    encoders = [list(model.autoencoder.encoder_parameters()) for model in (own, original)]
    assert all(torch.equal(one, other) for one, other in zip(*encoders, strict=True))
    with pytest.raises(InputError, match="belongs to model"):
        bank.load_model(trained_balls / "model")


def test_finetuning_that_would_move_nothing_is_refused(balls: Dataset, trained_balls: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="every shared part has a rate of 0"):
        fit_balls(trained_balls, balls.select("test", "all"), tmp_path / "run", finetune_shared=True)


def test_scenes_with_different_numbers_of_views_keep_their_own_schedule(
    balls: Dataset, trained_balls: Path, tmp_path: Path
) -> None:
    make_balls(tmp_path / "mixed", train=0, test=5)
    for view in (4, 5):  # ball_3 keeps four of its six views
        (tmp_path / "mixed" / "ball_3" / "rgba" / f"{view:03d}.png").unlink()
    path = tmp_path / "mixed" / "ball_3" / "transforms.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"frames": document["frames"][:4]}))
    config = DatasetConfig(tmp_path / "mixed", test_views=2, cache=tmp_path / "cache")
    mixed = open_dataset(config).select("3:5", "all")
    assert [len(mixed.views(scene).train) for scene in range(2)] == [2, 4]
    together = fit_balls(trained_balls, mixed, tmp_path / "together")
    alone = fit_balls(trained_balls, balls.select("ball_4", "all"), tmp_path / "alone")
    assert torch.equal(together.scene("ball_4").micro, alone.scene("ball_4").micro)


def test_rays_can_be_few_for_a_while(balls: Dataset, trained_balls: Path) -> None:
    scenes = balls.select("test", "all")
    sampling = CategoryModel.load(trained_balls / "model").config.sampling

    def fitted(supersample: int, one_ray_share: float) -> torch.Tensor:
        model = CategoryModel.load(trained_balls / "model")
        model.config = replace(model.config, sampling=replace(sampling, supersample=supersample))
        config = tiny_stage2(image=replace(_phase(2.0), one_ray_share=one_ray_share))
        return fit_scenes(model, scenes, replace(config, latent=_phase(0.0)), seed=0).micro.values

    with_one = fitted(1, 0.0)
    assert torch.equal(fitted(2, 1.0), with_one)
    with_both, with_four = fitted(2, 0.5), fitted(2, 0.0)
    assert not torch.equal(with_both, with_one)
    assert not torch.equal(with_both, with_four)


def test_a_scene_of_few_views_takes_as_many_steps_as_one_of_more() -> None:
    phase = Phase(4.0, 2, Rates(micro=1.0), LossWeights(), freeze_mlp_from=3.0, least_views=32)
    assert [phase.steps(views) for views in (3, 16, 32, 40)] == [64, 64, 64, 80]
    assert [phase.longer(2.0).steps(views) for views in (3, 40)] == [128, 160]
    assert (phase.mlp_is_frozen(47, 3), phase.mlp_is_frozen(48, 3)) == (False, True)
    assert phase.schedule(3) == phase.schedule(32)


def test_steps_can_be_counted_instead_of_views() -> None:
    phase = Phase(0.0, 32, Rates(micro=1.0), LossWeights(enc=1.0), step_count=40, final_factor=0.25)
    assert [phase.steps(views) for views in (3, 40, 4000)] == [40, 40, 40]
    assert phase.longer(1.5).steps(3) == 60
    assert phase.schedule(3).factor(40) == pytest.approx(0.25)
    assert not phase.is_empty
    assert replace(phase, step_count=0).is_empty
    assert replace(phase, step_count=None).is_empty


def test_a_longer_stage_2_keeps_its_proportions() -> None:
    phase = Phase(4.0, 2, Rates(micro=1.0), LossWeights(), milestones=(2.0,), freeze_mlp_from=3.0, one_ray_share=0.25)
    views = 16
    doubled = phase.longer(2.0)
    assert doubled.steps(views) == 2 * phase.steps(views)
    for step in range(phase.steps(views)):
        longer, shorter = doubled.schedule(views), phase.schedule(views)
        assert longer.factor(2 * step) == pytest.approx(shorter.factor(step))
        sampling = SamplingConfig(8, 0, supersample=2)
        assert doubled.sampling(sampling, 2 * step, views) == phase.sampling(sampling, step, views)
    assert doubled.freeze_mlp_from == 6.0


def test_epochs_are_not_shared_out_where_steps_are_counted() -> None:
    with pytest.raises(InputError, match=r"give --latent\.step-count, which is 256 now, or --epochs 0"):
        STAGE2["colors"].lasting(3.0)
    assert STAGE2["colors"].lasting(0.0).latent.is_empty
