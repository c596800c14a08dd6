"""Every method of the slides at tiny sizes, resumable, reported whole; what it finds is nobody's test."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from balls import make_balls
from tiny_experiments import scale

from triptych.bank import SceneBank
from triptych.errors import InputError
from triptych.experiments.config import LATENT_PIXEL, SLIDE_METHODS, ReproduceConfig
from triptych.experiments.methods import SharedMethod
from triptych.experiments.reproduce import run_reproduce
from triptych.experiments.slides.methods import slide_methods
from triptych.experiments.slides.published import TABLE_2
from triptych.experiments.slides.scales import LAPTOP, PAPER, SCALES
from triptych.model import CategoryModel
from triptych.training.beginning import create_autoencoder
from triptych.training.conditions import Conditions

METHODS = list(SLIDE_METHODS)


def run(out: Path, **options: Any) -> Path:
    config = ReproduceConfig(out=out / "out", data=out / "balls", resolution=32, **options)
    return run_reproduce(config, Conditions(), scale())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with balls, and every method measured on them."""
    folder = tmp_path_factory.mktemp("reproduce")
    make_balls(folder / "balls")
    run(folder)
    return folder


def numbers(out: Path) -> dict[str, Any]:
    return json.loads((out / "out" / "tables.json").read_text())


def test_every_method_is_measured(out: Path) -> None:
    measured = numbers(out)["categories"]["balls"]
    methods = measured["experiments"]
    assert list(methods) == METHODS
    for found in methods.values():
        assert 0 < found["train"]["psnr"] < 60
        assert 0 < found["exploit"]["psnr"] < 60
        assert found["t_scene"] > 0
        assert found["m_scene"] > 0
        assert found["t_render"] > 0
        assert found["t_decode"] >= 0
    assert methods["rgb"]["t_entry"] == 0
    assert methods["rgb"]["m_entry"] == {}
    assert methods["ours"]["t_entry"] > 0
    assert methods["ours_macro"]["m_scene"] < methods["ours"]["m_scene"]
    assert [len(points) for points in measured["budgets"].values()] == [2, 2]
    assert measured["break_even_scenes"].keys() == {"time", "memory"}


def test_stage_1_has_seen_no_scene_that_is_measured(out: Path) -> None:
    for name in METHODS[1:]:
        folder = out / "out" / "balls" / name
        trained = CategoryModel.load(folder / "stage1" / "model").trained_scenes
        bank = SceneBank(folder / "exploit" / "bank")
        assert set(trained) == {"ball_0", "ball_1"}
        assert bank.names() == ["ball_3", "ball_4"]
        assert not {bank.scene(scene).fingerprint for scene in bank} & set(trained.values())


def test_tables_figures_and_videos_hold_what_was_measured(out: Path) -> None:
    folder, methods = out / "out" / "balls", numbers(out)["categories"]["balls"]["experiments"]
    for name in ("figure3", "figure6", "figure7", "figure8"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (folder / f"{name}.svg").read_text()
    assert (folder / "latents_plain.mp4").stat().st_size > 500
    table = (folder / "table2.md").read_text()
    no_prior, published = methods["no_prior"], TABLE_2["no_prior"]
    assert f"| Ours-No-Prior | {no_prior['train']['psnr']:.2f} | {no_prior['exploit']['psnr']:.2f} |" in table
    assert f"| {published[0]} | {published[1]} |" in table
    page = (out / "out" / "report.html").read_text()
    assert page.count("data:video/mp4") == 2
    assert page.count("data:image/png") == 4
    assert f"{methods['ours']['exploit']['psnr']:.2f}" in page


def test_a_rerun_measures_nothing_twice_and_may_report_a_part(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "copy")
    before = numbers(out)["categories"]["balls"]
    page = run(tmp_path / "copy", only=("rgb", "no_prior")).read_text()
    after = numbers(tmp_path / "copy")["categories"]["balls"]
    assert list(after["experiments"]) == ["rgb", "no_prior"]
    assert all(before["experiments"][name] == found for name, found in after["experiments"].items())  # the times too
    assert after["budgets"] == {"rgb": before["budgets"]["rgb"]}
    assert "Ours-No-Prior" in page
    assert "Ours-Micro" not in page


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'theirs', expected methods among rgb, rgb_macro"):
        ReproduceConfig(out=tmp_path, only=("ours", "theirs"))


@pytest.mark.parametrize("name", ["meshes", "cache"])
def test_results_of_a_category_do_not_fall_into_another_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data is .*, expected a folder of another name"):
        ReproduceConfig(out=tmp_path, data=tmp_path / name)


def test_a_method_differs_from_ours_in_what_it_says() -> None:
    for size in SCALES.values():
        methods = slide_methods(size, None)
        assert list(methods) == METHODS
        assert set(TABLE_2) <= set(methods)
        ours, shared = (
            methods["ours"],
            {name: found for name, found in methods.items() if isinstance(found, SharedMethod)},
        )
        assert isinstance(ours, SharedMethod)
        features = ours.stage1.planes.features
        assert all(found.stage1.planes.features == features for found in shared.values())
        assert shared["ours_micro"].stage1.planes.coefficients == 0
        assert shared["ours_macro"].stage1.planes.micro_features == 0
        assert shared["one_base"].stage1.planes.base_planes == 1
        plain = shared["plain"]
        assert plain.stage1.joint.rates.encoder == plain.stage1.joint.rates.decoder == 0
        assert plain.stage1.joint.epochs == ours.stage1.joint.epochs
        random = create_autoencoder(shared["no_prior"].stage1.autoencoder)
        assert random.kind == "convolutional"


def test_the_scales_have_the_sizes_they_promise() -> None:
    assert (PAPER.train_scenes, PAPER.exploit_scenes) == (500, 100)
    assert PAPER.stage1.planes.base_planes == 50
    assert LAPTOP.prior is not None
    assert LAPTOP.prior.joint.steps(1000) == LAPTOP.prior.warmup.steps(1000) == 0
    assert create_autoencoder(LAPTOP.stage1.autoencoder).downscale == LATENT_PIXEL["laptop"]
