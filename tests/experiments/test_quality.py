"""The quality protocol at tiny sizes, and its arithmetic; what it finds is nobody's test."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from balls import tiny_stage1, tiny_stage2

from triptych.benchmark.quality import QualityConfig, run_quality
from triptych.benchmark.quality_report import summary
from triptych.progress import Progress


def run(out: Path, **options: Any) -> dict[str, Any]:
    config = QualityConfig(
        out=out,
        scenes=2,
        new_scenes=2,
        resolution=32,
        latent_budgets=(0.5, 1.0),
        rgb_steps=(1, 2),
        real_epochs=0.2,
        **options,
    )
    return run_quality(config, 0, Progress(quiet=True), tiny_stage1(), tiny_stage2())


def test_every_method_is_measured_at_every_budget_and_kept(tmp_path: Path) -> None:
    first, again = run(tmp_path / "quality"), run(tmp_path / "quality")
    assert json.loads((tmp_path / "quality" / "results.json").read_text()) == json.loads(json.dumps(again, default=str))
    cars = first["sets"]["cars"]
    assert cars == again["sets"]["cars"]  # the times too: nothing was fitted twice
    assert [row["budget"] for row in cars["latent"]] == [0.5, 1.0]
    assert [row["steps"] for row in cars["rgb"]] == [1, 2]
    for row in (*cars["latent"], *cars["plain"], *cars["rgb"]):
        assert 0 < row["psnr"] < 50
        assert row["seconds"] > 0
    assert cars["latent"][0]["latent_error"] > 0
    assert (tmp_path / "quality" / "results.png").read_bytes().startswith(b"\x89PNG")
    table = (tmp_path / "quality" / "results.md").read_text()
    assert table.count("| latent (ours) |") == table.count("| RGB tri-planes |") == 2


def test_real_meshes_are_a_set_of_their_own_that_starts_from_the_cars_autoencoder(
    tmp_path: Path, shared_data: Path
) -> None:
    kit, few = shared_data / "meshes" / "kenney_car_kit" / "glb", tmp_path / "few"
    shutil.copytree(kit / "Textures", few / "Textures")
    for name in ("sedan", "tractor", "van"):
        shutil.copy(kit / f"{name}.glb", few)
    results = run(tmp_path / "quality", meshes=few)
    meshes = results["sets"]["meshes"]
    assert meshes["stage1_scenes"] + meshes["new_scenes"] == 3
    described = json.loads((tmp_path / "quality" / "meshes" / "stage1" / "run.json").read_text())
    assert described["config"]["config"]["autoencoder"]["kind"] == "pretrained"


def _rows(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{"seconds": seconds, "psnr": psnr} for seconds, psnr in pairs]


def test_the_speedup_counts_from_the_first_budget_within_a_decibel_of_rgb() -> None:
    measured = {
        "latent": _rows((1.0, 28.0), (2.0, 29.5), (4.0, 29.8)),
        "plain": _rows((2.0, 25.0)),
        "rgb": _rows((10.0, 29.6), (40.0, 30.2)),
    }
    found = summary(measured)
    assert found["speedup"] == 20.0
    assert found["psnr_gap"] == pytest.approx(-0.4)
    assert found["speedup_at_equal_quality"] == pytest.approx(20.0 / 4)


def test_a_goal_that_was_not_reached_is_not_a_number() -> None:
    far = {"latent": _rows((1.0, 20.0)), "plain": _rows((1.0, 19.0)), "rgb": _rows((10.0, 25.0), (40.0, 30.0))}
    found = summary(far)
    assert found["speedup"] is None
    assert found["speedup_at_equal_quality"] is None
