"""The benchmark's own arithmetic, and its parts at tiny sizes; the times themselves are nobody's test."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.benchmark import gpu_report, measure, renderer, trained
from triptych.benchmark.profile import profiled_steps
from triptych.benchmark.run import BenchConfig, run_benchmark
from triptych.benchmark.sizes import Extent, Sizes, random_scenes
from triptych.errors import InputError
from triptych.progress import Progress

CPU = torch.device("cpu")
TINY = Sizes(views=4, side=4, samples=6, resolution=8, features=8, bases=3)
SMALL = Extent(
    sizes=TINY,
    growth={"side": (2, 4), "samples": (2,), "resolution": (8,), "features": (8, 16)},
    bases=(1, 3),
    scenes=(4, 40, 80),
    fitted_at_once=2,
    cars=2,
    car_steps=3,
)


def test_calls_take_turns_and_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    clock, slow = 0.0, iter([100.0, 50.0, 2.0, 3.0])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock)

    def first() -> None:
        nonlocal clock
        order.append("first")
        clock += next(slow)

    def second() -> None:
        nonlocal clock
        order.append("second")
        clock += 1.0

    assert measure.time_in_turn({"first": first, "second": second}, 3, CPU) == {"first": 3.0, "second": 1.0}
    assert order == ["first", "second"] * 4


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc")
def test_peak_memory_sees_what_a_call_holds_and_frees() -> None:
    peak = measure.peak_extra_mb(lambda: np.ones(16 * 2**20).sum(), CPU)
    assert peak is not None
    assert 120 < peak < 160


def test_both_backends_are_timed() -> None:
    seconds = renderer.fused_against_reference(TINY, 1, CPU)
    parts = "forward", "forward + backward", "L_Enc with placing"
    assert set(seconds) == {f"{name} {part}" for name in ("fused", "reference") for part in parts}
    assert min(seconds.values()) > 0


def test_a_benchmark_writes_its_numbers_and_a_picture(tmp_path: Path) -> None:
    config = BenchConfig(quick=True, json=tmp_path / "numbers.json", plot=tmp_path / "plot.png")
    _, table = run_benchmark(config, Progress(quiet=True), SMALL)
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    for key in ("fused_vs_reference", "skipping_vs_reference", "warmup_step_n10000_vs_n100", "latent_view_vs_rgb_view"):
        assert numbers[key] > 0
    assert numbers["growth"]["scenes"].keys() == {"4", "40", "80"}
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert table.startswith(numbers["versions"]["machine"])
    assert "one view" in table


def test_the_measurements_of_a_gpu_run_on_any_device() -> None:
    numbers = gpu_report.measure(CPU, 1, Progress(quiet=True), {"tiny": TINY})
    for way in ("reference", "fused, float32", "fused, deterministic"):
        assert 0 < max(numbers["errors"][way].values()) < 1e-5
    table = gpu_report.as_table(numbers)
    for line in ("tiny, empty space left out", "forward + backward", "deterministic", "relative error"):
        assert line in table
    assert torch.get_float32_matmul_precision() == "highest"
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_profile_names_what_each_step_spends_its_time_on() -> None:
    said = profiled_steps(replace(SMALL, sizes=replace(TINY, resolution=4)), CPU)
    for words in ("warm-up step, 5 of them", "joint step", "stage-2 step", "aten::", "Self CPU"):
        assert words in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--device cuda: not available"):
        run_benchmark(BenchConfig(device="cuda"), Progress(quiet=True))
    with pytest.raises(InputError, match="--profile"):
        run_benchmark(BenchConfig(profile=tmp_path / "profile.txt"), Progress(quiet=True))


def test_a_scene_in_training_keeps_its_quality_when_empty_space_is_skipped() -> None:
    scenes = trained.train_cars(Sizes(side=8, samples=48, resolution=32, features=16), 2, 40, CPU)
    everywhere = trained.skipping_against_reference(scenes, 1)
    assert everywhere["PSNR"] > 15
    assert everywhere["PSNR, skipping"] > everywhere["PSNR"] - 0.05


def test_scenes_of_nothing_have_views_to_fit_and_to_test() -> None:
    dataset = random_scenes(2, 32)
    assert (len(dataset), len(dataset.views(0).train), len(dataset.views(0).test)) == (2, 32, 8)
    assert dataset.is_blank(1)
