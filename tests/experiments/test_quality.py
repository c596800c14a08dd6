"""The quality protocol at tiny sizes, and its arithmetic; what it finds is nobody's test."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from test_harness import curve
from tiny_experiments import RGB, stage1, stage2

from triptych.autoencoder import ConvolutionalAutoencoder
from triptych.experiments.config import LATENT_PIXEL, QualityConfig
from triptych.experiments.quality import Recipe, run_quality
from triptych.experiments.quality_report import SetResults, summarize
from triptych.progress import Progress
from triptych.training.presets import STAGE1
from triptych.training.stage1 import create_autoencoder


def run(out: Path) -> Mapping[str, SetResults]:
    config = QualityConfig(
        out=out / "quality",
        scenes=2,
        new_scenes=1,
        resolution=32,
        latent_budgets=(0.5, 1.0),
        rgb_steps=(1, 2),
        real_epochs=0.1,
        meshes=out / "meshes",
    )
    return run_quality(config, 0, Progress(quiet=True), Recipe(stage1(), stage2(), RGB, 0.1, 0.1))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few meshes, and everything measured on them and on a few cars."""
    folder = tmp_path_factory.mktemp("quality")
    (folder / "meshes").mkdir()
    for width in (1, 2, 3):
        corners = [(x, y, z) for x in (0, width) for y in (0, 1) for z in (0, 1)]
        faces = ("1 2 4 3", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "2 6 8 4")
        lines = [f"v {x} {y} {z}" for x, y, z in corners] + [f"f {face}" for face in faces]
        (folder / "meshes" / f"box_{width}.obj").write_text("\n".join(lines))
    run(folder)
    return folder


def test_every_method_is_measured_at_every_budget(out: Path) -> None:
    results = json.loads((out / "quality" / "results.json").read_text())
    assert results.keys() >= {"sets", "config", "seed", "commit", "versions"}
    assert list(results["sets"]) == ["cars", "meshes"]
    for measured in results["sets"].values():
        assert [row["budget"] for row in measured["latent"]] == [0.5, 1.0]
        assert [row["budget"] for row in measured["plain"]] == [1.0]
        assert [row["steps"] for row in measured["rgb"]] == [1, 2]
        for row in (*measured["latent"], *measured["plain"], *measured["rgb"]):
            assert 0 < row["psnr"] < 50
            assert row["seconds"] > 0
        assert measured["latent"][0]["latent_error"] > 0
        assert measured["stage1_seconds"] > 0
        assert measured["summary"]["psnr_rgb"] == measured["rgb"][-1]["psnr"]
    cars, meshes = results["sets"].values()
    assert (cars["stage1_scenes"], cars["new_scenes"]) == (2, 1)
    assert (meshes["stage1_scenes"], meshes["new_scenes"]) == (2, 1)


def test_the_table_and_the_plot_hold_what_was_measured(out: Path) -> None:
    assert (out / "quality" / "results.png").read_bytes().startswith(b"\x89PNG")
    table = (out / "quality" / "results.md").read_text()
    assert table.count("| latent (ours) |") == table.count("| RGB tri-planes |") == 4
    best = json.loads((out / "quality" / "results.json").read_text())["sets"]["meshes"]["latent"][1]
    row = f"| latent (ours) | {best['seconds']:.1f} | {best['psnr']:.2f} | {best['ssim']:.4f} |"
    assert row in table.partition("## meshes")[2]


def test_real_meshes_start_from_the_autoencoder_of_the_cars(out: Path) -> None:
    runs = [json.loads((out / "quality" / name / "stage1" / "run.json").read_text()) for name in ("cars", "meshes")]
    cars, meshes = (json.dumps(described["config"]["config"]["autoencoder"]) for described in runs)
    start = str((out / "quality" / "cars" / "stage1").resolve())
    assert start in meshes
    assert start not in cars


def test_a_rerun_measures_nothing_twice(out: Path) -> None:
    kept = json.loads((out / "quality" / "results.json").read_text())["sets"]
    again = {name: measured.as_json() for name, measured in run(out).items()}
    assert json.loads(json.dumps(again)) == kept  # the times too


def test_the_speedup_counts_from_the_first_budget_within_a_decibel_of_rgb() -> None:
    ours = curve((1.0, 28.0), (2.0, 29.5), (4.0, 29.8))
    found = summarize({"ours": ours, "plain": curve((2.0, 25.0)), "rgb": curve((10.0, 29.6), (40.0, 30.2))})
    assert found.speedup == 20.0
    assert found.psnr_gap == pytest.approx(-0.4)
    assert found.psnr_plain == 25.0
    assert found.speedup_at_equal_quality == pytest.approx(20.0 / 4)


def test_a_goal_that_was_not_reached_is_not_a_number() -> None:
    rgb = curve((10.0, 25.0), (40.0, 30.0))
    found = summarize({"ours": curve((1.0, 20.0)), "plain": curve((1.0, 19.0)), "rgb": rgb})
    assert found.speedup is None
    assert found.speedup_at_equal_quality is None


@pytest.mark.parametrize("preset", ["quick", "best"])
def test_pictures_are_whole_numbers_of_latent_pixels(preset: str) -> None:
    autoencoder = create_autoencoder(STAGE1[preset].autoencoder)
    assert isinstance(autoencoder, ConvolutionalAutoencoder)
    assert autoencoder.downscale == LATENT_PIXEL[preset]
