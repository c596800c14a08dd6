"""The quality protocol at tiny sizes, and its arithmetic; what it finds is nobody's test."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from balls import make_balls
from tiny_experiments import RGB, stage1, stage2

from triptych.data import DatasetConfig
from triptych.data.generators.cars import CarsConfig
from triptych.data.generators.meshes import RenderConfig
from triptych.errors import InputError
from triptych.experiments.config import LATENT_PIXEL, QualityConfig
from triptych.experiments.curves import Curve, Point
from triptych.experiments.gaps import gaps_between, quality_chain
from triptych.experiments.measured import Measured
from triptych.experiments.quality import Recipe, run_quality, sources
from triptych.experiments.quality_report import SetResults, summarize
from triptych.experiments.scene_sets import MeshFolder
from triptych.experiments.speed import gain_of_last_doubling, has_converged, races
from triptych.training.beginning import create_autoencoder
from triptych.training.conditions import Conditions
from triptych.training.presets import STAGE1


def run(out: Path, *sets: str, most_steps: int = 2) -> Mapping[str, SetResults]:
    config = QualityConfig(
        out=out / "quality",
        results=out / f"results_{most_steps}.json",
        scenes=2,
        new_scenes=1,
        resolution=32,
        latent_budgets=(0.5, 1.0),
        rgb_steps=(2, 1),
        rgb_most_steps=most_steps,
        cars=False,
        sets=sets or (f"boxes={out / 'meshes'}", str(out / "balls")),
    )
    recipe = Recipe(stage1(), stage2(), lambda steps: replace(RGB, steps=steps))
    return run_quality(config, Conditions(), recipe)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few meshes and a dataset of balls, and everything measured on both."""
    folder = tmp_path_factory.mktemp("quality")
    make_balls(folder / "balls")
    (folder / "meshes").mkdir()
    for width in (1, 2, 3):
        corners = [(x, y, z) for x in (0, width) for y in (0, 1) for z in (0, 1)]
        faces = ("1 2 4 3", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "2 6 8 4")
        lines = [f"v {x} {y} {z}" for x, y, z in corners] + [f"f {face}" for face in faces]
        (folder / "meshes" / f"box_{width}.obj").write_text("\n".join(lines))
    run(folder)
    return folder


def test_every_method_is_measured_on_every_set_at_every_budget(out: Path) -> None:
    results = json.loads((out / "results_2.json").read_text())
    assert results.keys() >= {"sets", "config", "seed", "commit", "versions"}
    assert list(results["sets"]) == ["boxes", "balls"]
    for measured in results["sets"].values():
        assert [row["budget"] for row in measured["latent"]] == [0.5, 1.0]
        assert [row["budget"] for row in measured["plain"]] == [1.0]
        assert [row["steps"] for row in measured["rgb"]] == [1, 2]
        for row in (*measured["latent"], *measured["plain"], *measured["rgb"]):
            assert 0 < row["psnr"] < 50
            assert row["seconds"] > 0
        assert measured["latent"][0]["latent_error"] > 0
        assert measured["trained"].keys() >= {"psnr", "psnr_train_views", "psnr_autoencoder"}
        assert measured["stage1_seconds"] > 0
        assert measured["summary"]["psnr_rgb"] == max(row["psnr"] for row in measured["rgb"])
        assert (measured["stage1_scenes"], measured["new_scenes"]) == (2, 1)
        lost = measured["summary"]["psnr_rgb"] - measured["latent"][1]["psnr"]
        assert sum(measured["gaps"].values()) == pytest.approx(lost)


def test_the_tables_and_the_plot_hold_what_was_measured(out: Path) -> None:
    assert (out / "results_2.png").read_bytes().startswith(b"\x89PNG")
    table = (out / "results_2.md").read_text()
    assert table.count("| latent (ours) |") == table.count("| RGB tri-planes |") == 4
    measured = json.loads((out / "results_2.json").read_text())["sets"]["balls"]
    best = measured["latent"][1]
    row = f"| latent (ours) | 1 x preset | {best['seconds']:.1f} | {best['psnr']:.2f} | {best['ssim']:.4f} |"
    assert row in table.partition("## balls")[2]
    assert f"**{measured['gaps'][measured['largest_gap']]:+.2f}**" in table.partition("## boxes")[0]
    assert table.count("| ours, budget 0.5 |") == 2


def test_a_rerun_measures_nothing_twice(out: Path) -> None:
    kept = json.loads((out / "results_2.json").read_text())["sets"]
    again = {name: measured.as_json() for name, measured in run(out).items()}
    assert json.loads(json.dumps(again)) == kept  # the times too


def test_budgets_of_rgb_are_doubled_until_they_have_converged_or_are_the_longest_allowed(out: Path) -> None:
    rgb = run(out, f"boxes={out / 'meshes'}", most_steps=7)["boxes"].curves["rgb"]
    found = [point.settings["steps"] for point in rgb.points]
    assert found == ([1, 2] if has_converged(Curve("", rgb.points[:2])) else [1, 2, 4])


def test_a_set_is_a_folder_of_meshes_or_a_dataset_that_declares_its_splits(out: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected transforms.json.*, or meshes \(\.glb"):
        run(tmp_path, f"nothing={tmp_path}")
    with pytest.raises(InputError, match=r"nowhere: no such folder$"):
        run(tmp_path, str(tmp_path / "nowhere"))
    make_balls(tmp_path / "balls")
    (tmp_path / "balls" / "dataset.json").unlink()
    with pytest.raises(InputError, match=r"balls: expected a dataset.json that names train and test scenes"):
        run(tmp_path, str(tmp_path / "balls"))


@pytest.mark.parametrize(
    "sets", [("a=x", "a=y"), ("a/b=c",), ("x/food", "y/food"), ("cars=x",), ("cache",), ("/",), ()]
)
def test_every_set_has_a_name_of_its_own(sets: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="QualityConfig: sets "):
        QualityConfig(cars=False, sets=sets)


def test_a_set_is_called_what_the_user_says_or_as_its_folder(tmp_path: Path) -> None:
    folders = QualityConfig(sets=("food=a/b=c", str(tmp_path / "chairs"))).folders()
    assert folders == {"food": Path("a/b=c"), "chairs": tmp_path / "chairs"}


def test_sets_are_cars_and_what_the_user_names(tmp_path: Path) -> None:
    assert sources(QualityConfig(scenes=3, new_scenes=2), seed=4) == {"cars": CarsConfig(5, 3, seed=4)}
    make_balls(tmp_path / "balls", train=1, test=0, views=1)
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "box.obj").write_text("")
    config = QualityConfig(resolution=16, sets=(str(tmp_path / "balls"), f"boxes={tmp_path / 'shapes'}"))
    assert sources(config, seed=0) == {
        "cars": CarsConfig(220, 200, resolution=16, seed=0),
        "balls": DatasetConfig(tmp_path / "balls", resolution=16),
        "boxes": MeshFolder(tmp_path / "shapes", RenderConfig(resolution=16)),
    }


def points(settings: str, *rows: tuple[float, float, float]) -> Curve:
    """A method that reaches (seconds, PSNR) at each value of a setting."""
    return Curve(
        "", tuple(Point({settings: value}, Measured(8.0, psnr, 0.9, 1.0, psnr, time)) for value, time, psnr in rows)
    )


def test_times_are_compared_at_equal_quality() -> None:
    ours = points("budget", (0.5, 1.0, 26.0), (1.0, 2.0, 29.0), (2.0, 4.0, 30.0))
    rgb = points("steps", (250, 8.0, 27.0), (500, 32.0, 31.0), (1000, 60.0, 31.05))
    found = {race.level: (race.psnr, race.ours, race.rgb, race.ratio) for race in races(ours, rgb)}
    assert list(found) == [
        "RGB tri-planes at convergence - 1.5 dB",
        "RGB tri-planes at convergence - 1 dB",
        "ours, budget 0.5",
        "ours, budget 1",
        "ours, budget 2",
    ]
    assert found["ours, budget 1"] == pytest.approx((29.0, 2.0, 16.0, 8.0))
    assert found["RGB tri-planes at convergence - 1 dB"] == (
        pytest.approx(30.05),
        None,
        pytest.approx(23.02, 1e-3),
        None,
    )
    assert found["ours, budget 0.5"] == (26.0, 1.0, None, None)


def test_converged_is_what_gains_less_than_a_tenth_of_a_decibel_per_doubling() -> None:
    first = (500, 5.0, 30.0)
    assert gain_of_last_doubling(points("steps", first, (1000, 9.0, 30.4))) == pytest.approx(0.4)
    assert gain_of_last_doubling(points("steps", first, (2000, 9.0, 30.4))) == pytest.approx(0.2)
    assert gain_of_last_doubling(points("steps", first)) is None
    assert has_converged(points("steps", first, (1000, 9.0, 29.0)))
    assert not has_converged(points("steps", first, (1000, 9.0, 30.11)))


def test_the_best_budget_of_rgb_is_what_ours_is_compared_with() -> None:
    ours = points("budget", (1.0, 1.0, 29.0), (2.0, 2.0, 29.5))
    rgb = points("steps", (250, 10.0, 30.0), (500, 20.0, 29.9))
    found = summarize({"ours": ours, "plain": points("budget", (1.0, 1.0, 25.0)), "rgb": rgb})
    assert (found.psnr_rgb, found.psnr_latent, found.psnr_plain) == (30.0, 29.5, 25.0)
    assert found.psnr_gap == pytest.approx(-0.5)
    assert found.rgb_converged
    assert summarize({"ours": ours, "rgb": rgb}).psnr_plain is None


def test_gaps_compare_objects_with_what_the_autoencoder_shows_of_them() -> None:
    trained = Measured(8.0, 26.0, 0.9, 1.0, 27.0, psnr_autoencoder=30.0)
    new = Measured(8.0, 23.0, 0.9, 1.0, 24.0, seconds=1.0, psnr_autoencoder=28.5)  # harder by 1.5 dB
    gaps = gaps_between(trained, new, rgb=Measured(8.0, 31.0, 0.9, 1.0, 33.0))
    assert (gaps.autoencoder, gaps.fitting, gaps.other_views, gaps.new_scenes) == (2.5, 3.0, 1.0, 1.5)
    assert gaps.largest == "fitting"


def test_in_image_space_gaps_compare_objects_with_rgb_at_convergence() -> None:
    trained, new = Measured(8.0, 29.0, 0.9, 1.0, 30.0), Measured(8.0, 28.0, 0.9, 1.0, 30.5, seconds=1.0)
    rgb = Measured(8.0, 31.0, 0.9, 1.0, 33.0)
    gaps = gaps_between(trained, new, rgb)
    assert (gaps.autoencoder, gaps.fitting, gaps.other_views, gaps.new_scenes) == (0.0, 1.0, 1.0, 1.0)
    assert not any("autoencoder" in what for what in quality_chain(trained, new, rgb))


@pytest.mark.parametrize("preset", ["quick", "colors", "best", "general", "latent"])
def test_pictures_are_whole_numbers_of_latent_pixels(preset: str) -> None:
    autoencoder = create_autoencoder(STAGE1[preset].autoencoder)
    assert autoencoder.downscale == LATENT_PIXEL[preset]
