"""Methods are learned, fitted and measured in one way, kept, and never measured twice."""

import pickle
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, SupportsFloat

import numpy as np
import pytest
import torch
from balls import make_balls
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_experiments import RGB, stage1, stage2

from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.errors import InputError
from triptych.experiments.config import QualityConfig
from triptych.experiments.curves import Curve, Point
from triptych.experiments.harness import Budget, fit_and_measure, how_it_was_made, learn_and_measure, measure_curve
from triptych.experiments.measured import Measured, mean_of
from triptych.experiments.methods import Method, PerSceneMethod, SharedMethod, starting_from
from triptych.experiments.scene_sets import SceneSet, open_source, split
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.runtime import ThisProcess
from triptych.training.conditions import Conditions
from triptych.training.stage1 import PLAIN_MODEL

OURS = SharedMethod("ours", stage1(), stage2())
ALONE = PerSceneMethod("rgb", RGB)


class Stopped(Progress):
    """Ctrl-C when the bars have advanced by so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__(quiet=True)
        self._left = steps

    def advance(self, steps: int = 1, **metrics: SupportsFloat) -> None:
        super().advance(steps, **metrics)
        self._left -= steps
        if not self._left:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def scenes(balls: Dataset) -> SceneSet:
    return split(balls, most_new=2, most_trained=2)


@pytest.fixture(scope="module")
def learned(scenes: SceneSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a method whose stage 1 is done."""
    folder = tmp_path_factory.mktemp("ours")
    OURS.learn(scenes.trained, folder, Conditions())
    return folder


def test_a_method_that_shares_parts_is_measured_on_both_kinds_of_scenes(scenes: SceneSet, learned: Path) -> None:
    trained = learn_and_measure(OURS, scenes.trained, learned, Conditions())
    new = fit_and_measure(OURS, scenes.new, learned / "new", Conditions())
    assert trained.seconds is None
    assert new.seconds is not None
    assert (new.views, new.fitted_views) == (2, 4)
    for measured in (trained, new):
        assert measured.psnr_autoencoder is not None
        assert measured.latent_error is not None
        assert measured.latent_error > 0
        assert min(measured.psnr, measured.psnr_train_views, measured.psnr_autoencoder, measured.bytes) > 0
        assert measured.as_json().keys() >= {"psnr", "ssim", "bytes", "psnr_autoencoder", "latent_error"}
    assert OURS.entry_seconds(learned) > 0
    (fitted,) = OURS.fitted(scenes.new.names, learned / "new")
    assert set(fitted) == set(scenes.new.names)
    assert not set(fitted) & set(fitted.model.trained_scenes)


def test_scenes_that_share_nothing_have_no_autoencoder_and_cost_nothing_before(
    scenes: SceneSet, tmp_path: Path
) -> None:
    new = fit_and_measure(ALONE, scenes.new, tmp_path / "new", Conditions())
    assert (new.psnr_autoencoder, new.latent_error) == (None, None)
    assert new.psnr > 0
    assert ALONE.entry_seconds(tmp_path) == 0
    assert [list(bank) for bank in ALONE.fitted(scenes.new.names, tmp_path / "new")] == [["ball_3"], ["ball_4"]]


class Elsewhere(ThisProcess):
    """Workers that have nothing but what they are sent, and count it."""

    def __init__(self) -> None:
        self.parts = 0

    @property
    def are_here(self) -> bool:
        return False

    def map(self, work: Any, shared: Any, parts: Iterable[Any], device: torch.device) -> Iterator[Any]:
        for part in parts:
            work_there, shared_there, part_there = pickle.loads(pickle.dumps((work, shared, part)))
            self.parts += 1
            yield part, pickle.loads(pickle.dumps(work_there(shared_there, part_there)))


@pytest.mark.parametrize("method", [OURS, ALONE], ids=["ours", "alone"])
def test_new_scenes_are_fitted_by_workers_elsewhere_and_the_record_says_so(
    method: Method, scenes: SceneSet, learned: Path, tmp_path: Path
) -> None:
    shutil.copytree(learned, tmp_path / "ours")
    workers = Elsewhere()
    there = fit_and_measure(method, scenes.new, tmp_path / "ours" / "there", Conditions(workers=workers))
    here = fit_and_measure(method, scenes.new, tmp_path / "ours" / "here", Conditions())
    assert workers.parts == (2 if method is ALONE else 1)
    assert there.psnr == pytest.approx(here.psnr, abs=0.01)
    assert "Ray" in how_it_was_made(QualityConfig(), Conditions(workers=workers))["new scenes"]
    assert "new scenes" not in how_it_was_made(QualityConfig(), Conditions())


@pytest.mark.parametrize(
    "stop_at", [RGB.steps + 1, 2 * RGB.steps + 1], ids=["while scenes are fitted", "while they are measured"]
)
def test_after_a_stop_what_was_fitted_stays_and_nothing_is_measured_twice(
    stop_at: int, scenes: SceneSet, tmp_path: Path
) -> None:
    place = tmp_path / "new"
    with pytest.raises(KeyboardInterrupt):
        fit_and_measure(ALONE, scenes.new, place, Conditions(progress=Stopped(stop_at)))
    (before,) = ALONE.fitted(["ball_3"], place)
    first = fit_and_measure(ALONE, scenes.new, place, Conditions())
    (after,) = ALONE.fitted(["ball_3"], place)
    assert after["ball_3"].record == before["ball_3"].record  # the seconds too

    shutil.rmtree(place / "ball_3")  # would be missed, were anything fitted or measured once more
    assert fit_and_measure(ALONE, scenes.new, place, Conditions()) == first


def test_a_place_belongs_to_one_method_seed_and_choice_of_scenes(scenes: SceneSet, tmp_path: Path) -> None:
    one = scenes.new.subset([0])
    with pytest.raises(KeyboardInterrupt):
        fit_and_measure(ALONE, one, tmp_path / "new", Conditions(progress=Stopped(1)))
    for method, dataset, seed, said in (
        (replace(ALONE, rgb=replace(RGB, steps=5)), one, 0, "another method"),
        (ALONE, one, 1, "another seed"),
        (ALONE, scenes.new, 0, "another choice of scenes"),
    ):
        with pytest.raises(InputError, match=said):
            fit_and_measure(method, dataset, tmp_path / "new", Conditions(seed))
    fit_and_measure(replace(ALONE, title="another title"), one, tmp_path / "new", Conditions())


@pytest.mark.parametrize("kept", ["{}", "[]", "[1]", '[{"psnr": 30}]', '[{"psnr": "x"}]', "[", "null"])
def test_a_damaged_file_of_measurements_is_one_line(kept: str, scenes: SceneSet, tmp_path: Path) -> None:
    one = scenes.new.subset([0])
    fit_and_measure(ALONE, one, tmp_path / "new", Conditions())
    file = tmp_path / "new" / "scenes.json"
    file.write_text(kept)
    with pytest.raises(InputError, match=str(file)):
        fit_and_measure(ALONE, one, tmp_path / "new", Conditions())


def test_every_budget_is_a_fit_of_its_own(scenes: SceneSet, learned: Path) -> None:
    one = scenes.new.subset([0])
    shares = [Budget(f"share_{share:g}", {"budget": share}, OURS.at(share)) for share in (1.0, 3.0)]
    curve = measure_curve(shares, one, learned, Conditions())
    assert [point.settings for point in curve.points] == [{"budget": 1.0}, {"budget": 3.0}]
    assert curve.title == "ours"
    assert curve.points[0].measured.psnr != curve.points[1].measured.psnr
    assert curve.points[0].as_json().keys() >= {"budget", "psnr", "ssim", "seconds"}

    rates = [
        Budget(f"rgb_{steps}", {"steps": steps, "rate": rate}, replace(ALONE, rgb=replace(RGB, steps=steps, rate=rate)))
        for steps, rate in ((1, 2e-2), (2, 1e-2))
    ]
    assert len(measure_curve(rates, one, learned, Conditions()).points) == 2


def test_new_scenes_can_be_fitted_in_the_latent_space_of_the_plain_autoencoder(scenes: SceneSet, learned: Path) -> None:
    plain, one = replace(OURS, model=PLAIN_MODEL), scenes.new.subset([0])
    fit_and_measure(plain, one, learned / "plain", Conditions())
    (fitted,) = plain.fitted(one.names, learned / "plain")
    assert fitted.model.identity() == CategoryModel.load(learned / "stage1" / "plain_model").identity()


def test_a_category_can_start_from_the_autoencoder_of_another(scenes: SceneSet, learned: Path, tmp_path: Path) -> None:
    frozen = replace(OURS.stage1, joint=replace(OURS.stage1.joint, epochs=0.0))
    SharedMethod("prior", starting_from(frozen, learned / "stage1"), stage2()).learn(
        scenes.trained, tmp_path, Conditions()
    )
    ours, other = (CategoryModel.load(folder / "stage1" / "model") for folder in (learned, tmp_path))
    for one, two in zip(ours.autoencoder.parameters(), other.autoencoder.parameters(), strict=True):
        assert one.equal(two)
    assert ours.identity() != other.identity()


def test_a_scene_of_stage_1_is_no_new_scene_under_another_name(tmp_path: Path) -> None:
    data = make_balls(tmp_path / "data", train=1, test=1)
    shutil.rmtree(data / "ball_1")
    shutil.copytree(data / "ball_0", data / "ball_1")
    dataset = open_source(DatasetConfig(data), tmp_path, tmp_path / "cache", Progress(quiet=True))
    with pytest.raises(InputError, match=r"trained on in stage 1: ball_1 \(there ball_0\)"):
        split(dataset, most_new=1)


def test_a_set_has_at_most_so_many_scenes_of_each_kind(tmp_path: Path) -> None:
    dataset = open_dataset(DatasetConfig(make_balls(tmp_path / "data", train=2, test=2), cache=tmp_path / "cache"))
    few, all_of_them = split(dataset, most_new=1, most_trained=1), split(dataset, most_new=9)
    assert (few.trained.names, few.new.names) == (("ball_0",), ("ball_2",))
    assert (all_of_them.trained.names, all_of_them.new.names) == (("ball_0", "ball_1"), ("ball_2", "ball_3"))


def curve(*pairs: tuple[float, float]) -> Curve:
    """A method that reaches (seconds, PSNR)."""
    return Curve("", tuple(Point({}, Measured(8.0, psnr, 0.9, 1.0, psnr, seconds)) for seconds, psnr in pairs))


def test_the_time_to_a_quality_is_read_over_the_logarithm_of_time() -> None:
    measured = curve((1.0, 20.0), (4.0, 24.0), (5.0, 23.0), (16.0, 30.0))
    assert measured.seconds_to_reach(20.0) == pytest.approx(1.0)
    assert measured.seconds_to_reach(22.0) == pytest.approx(2.0)
    assert measured.seconds_to_reach(27.0) == pytest.approx(8.0)  # the third point is worse than a faster one
    assert measured.seconds_to_reach(30.0) == pytest.approx(16.0)
    assert measured.seconds_to_reach(19.0) is None
    assert measured.seconds_to_reach(30.5) is None
    assert measured.best().seconds == 16.0


@settings(max_examples=50, deadline=None, database=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(10, 40)), min_size=1, max_size=6))
def test_a_higher_quality_never_takes_less_time(pairs: list[tuple[float, float]]) -> None:
    measured = curve(*pairs)
    found = [measured.seconds_to_reach(psnr) for psnr in np.linspace(9, 41, 65)]
    times = [seconds for seconds in found if seconds is not None]
    assert times == pytest.approx(sorted(times))


def test_means_are_over_what_applies_to_every_scene() -> None:
    with_all, without = Measured(8.0, 20.0, 0.5, 10.0, 21.0, seconds=2.0), Measured(8.0, 30.0, 0.7, 30.0, 31.0)
    both = mean_of([with_all, without])
    assert (both.psnr, both.bytes, both.psnr_train_views) == (25.0, 20.0, 26.0)
    assert both.ssim == pytest.approx(0.6)
    assert both.seconds is None
    assert mean_of([with_all]) == with_all
