"""Whole commands with ``--device cuda``, on a GPU that is pretended: they end, and give what they give on a CPU."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from balls import make_balls
from PIL import Image
from pretended_gpu import DEVICE, OnGpu, PretendedGpu, pretend
from untrained import give_first_step

from triptych import open_model, predict
from triptych.benchmark import gpu_report
from triptych.benchmark.config import BenchConfig
from triptych.benchmark.run import run_benchmark
from triptych.benchmark.sizes import Extent, Sizes
from triptych.cli import main
from triptych.data import DatasetConfig, open_dataset
from triptych.geometry import orbit_cameras
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.training.captured import BEFORE, Steps
from triptych.training.config import SkippingConfig
from triptych.training.fitting import Fitting
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.step import take_step
from triptych.viewer.frames import FRAME_KINDS, FrameKind, draw
from triptych.viewer.sources import WatchedScenes

pytest.importorskip("triton", reason="the GPU kernel needs Triton, which is made for Linux alone")

SPLIT = ["--test-views", "2"]
SMALL = [
    *("--planes.resolution", "8", "--planes.base-planes", "3", "--mlp.hidden", "16"),
    *("--sampling.coarse", "8", *SPLIT),
]
COLORS = ["--preset", "colors", *SMALL, "--warmup.step-count", "12", "--joint.step-count", "6", "--modes", "4"]
LATENTS = [
    *("--preset", "quick", *SMALL, "--autoencoder.width", "8", "--autoencoder.blocks", "1"),
    *("--pretraining.epochs", "0.5", "--warmup.epochs", "0.5", "--joint.epochs", "0.5"),
]
REHEARSAL = [
    *("--rounds", "2", "--scenes-per-round", "2", "--step-count", "8"),
    *("--held-out", "0", "--first-step-scenes", "3", *SPLIT),
]
NETWORK = [
    *("--network.cells", "512", "--network.cell-features", "4", "--network.cell-hidden", "8"),
    *("--network.widths", "8", "8", "--network.blocks", "1", "--network.samples", "8"),
    *("--network.corrections", "2", "--network.repeats", "1", "--network.correction-widths", "8"),
    *("--steps", "2", "--repeat-steps", "1", "--ramp-steps", "1", "--samples", "8"),
]
STEPS = 28


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_balls(tmp_path_factory.mktemp("balls") / "data", train=9, test=2)


@pytest.fixture(scope="module")
def in_colors(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in image space that knows its first step, trained on a CPU."""
    out = tmp_path_factory.mktemp("colors")
    main(["train", str(data), "--out", str(out / "run"), *COLORS, "--device", "cpu"])
    main(["rehearse", str(out / "run"), str(data), "--out", str(out / "rehearsed"), *REHEARSAL, "--device", "cpu"])
    return out / "rehearsed" / "model"


@pytest.fixture(scope="module")
def in_latents(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of latents, trained on a CPU."""
    out = tmp_path_factory.mktemp("latents") / "run"
    main(["train", str(data), "--out", str(out), *LATENTS, "--device", "cpu"])
    return out / "model"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendedGpu]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # commands set it where there is a GPU
    with pretend(monkeypatch) as gpu:
        yield gpu


def on(device: str, *arguments: object) -> None:
    main([*map(str, arguments), "--device", device])


def assert_alike(one: Path, other: Path) -> None:
    """The same model but for rounding."""
    states = [CategoryModel.load(folder / "model").state_dict() for folder in (one, other)]
    for name, tensor in states[0].items():
        assert torch.allclose(states[1][name].float(), tensor.float(), rtol=1e-2, atol=2e-3), name


@pytest.mark.parametrize("options", [COLORS, LATENTS], ids=["colors", "latents"])
def test_stage_1_learns_what_it_learns_on_a_cpu(
    options: list[str], data: Path, tmp_path: Path, gpu: PretendedGpu
) -> None:
    for device in ("cpu", "cuda"):
        on(device, "train", data, "--out", tmp_path / device, *options)
    assert_alike(tmp_path / "cpu", tmp_path / "cuda")


def test_rehearsals_learn_what_they_learn_on_a_cpu(
    data: Path, in_colors: Path, tmp_path: Path, gpu: PretendedGpu
) -> None:
    for device in ("cpu", "cuda"):
        on(device, "rehearse", in_colors, data, "--out", tmp_path / device, *REHEARSAL)
    assert_alike(tmp_path / "cpu", tmp_path / "cuda")


@pytest.mark.parametrize("space", ["in_colors", "in_latents"])
def test_new_scenes_are_as_good_as_on_a_cpu(
    space: str, data: Path, in_colors: Path, in_latents: Path, tmp_path: Path, gpu: PretendedGpu
) -> None:
    model, found = in_colors if space == "in_colors" else in_latents, {}
    for device in ("cpu", "cuda"):
        bank, out = tmp_path / f"{device} bank", tmp_path / device
        short = ["--latent.step-count", STEPS, *(["--image.epochs", "0.5"] if space == "in_latents" else [])]
        on(device, "fit", model, data, "--out", bank, *short, "--force", *SPLIT)
        on(device, "eval", bank, data, "--model", model, "--out", out, *SPLIT)
        found[device] = json.loads((out / "metrics.json").read_text())["mean"]["psnr"]
    assert found["cuda"] == pytest.approx(found["cpu"], abs=0.1)
    assert (gpu.replays > 0) == (space == "in_colors")


@pytest.mark.parametrize("everywhere", [False, True])
def test_recorded_steps_are_those_taken_one_by_one_and_nobody_waits_for_them(
    everywhere: bool, data: Path, in_colors: Path, gpu: PretendedGpu
) -> None:
    scenes = open_dataset(DatasetConfig(data, test_views=2)).select("test", "all")
    skipping = SkippingConfig(first_update=3, update_every=8, everywhere=everywhere)
    weights = LossWeights(enc=1.0, tv=1e-4, opacity=0.1)
    phase = Phase(0.0, 2, Rates(1e-2, 1e-2, modes=0.1), weights, step_count=STEPS, pixels=32)
    phase = replace(phase, smoothing=1.0, mode_steps=8, steps_if_learned=6)
    states = []
    for recorded in (False, True):
        model = CategoryModel.load(in_colors)
        give_first_step(model)
        fitting = Fitting(model.to(DEVICE), scenes, 0)
        work = fitting.begin(phase, skipping)
        steps = Steps(work, fitting.everyone)
        work.prepare()
        gpu.waits.clear()
        for step in range(STEPS):
            steps.take(step) if recorded else take_step(work, step, fitting.everyone)
        states.append(fitting.scenes.state_dict())
    assert not gpu.waits
    # The learned step, then those along modes, smoothed ones and others: of these three kinds the first are as usual.
    assert gpu.replays == STEPS - 1 - 3 * BEFORE - 4 * everywhere
    for name, tensor in states[0].items():
        assert isinstance(tensor, OnGpu) or name == "visits"
        assert torch.equal(states[1][name].cpu(), tensor.cpu()), name


def test_a_predictor_is_trained_and_predicts(data: Path, in_latents: Path, tmp_path: Path, gpu: PretendedGpu) -> None:
    run = tmp_path / "run"
    on("cuda", "predictor", in_latents, data, "--out", run, *NETWORK, *SPLIT)
    scenes, views = open_dataset(DatasetConfig(data, test_views=2)).select("test", "all"), [0, 1, 2]
    pictures, cameras = scenes.images(0, views), scenes.cameras(0)[views]
    found = [predict(open_model(run, device=device), pictures, cameras) for device in ("cuda", "cpu")]
    assert isinstance(found[0].micro, OnGpu)
    assert torch.allclose(found[0].micro.cpu(), found[1].micro, atol=1e-3)


def frame_of(bank: Path, model: Path, kind: FrameKind, device: torch.device) -> np.ndarray:
    """What the viewer shows of a scene."""
    scene = WatchedScenes(bank, model, device).loaded.scene("ball_9")
    return draw(scene, orbit_cameras(4, 32)[[1]], kind).astype(int)


def test_scenes_are_exported_and_looked_at(data: Path, in_colors: Path, tmp_path: Path, gpu: PretendedGpu) -> None:
    bank = tmp_path / "bank"
    on("cuda", "fit", in_colors, data, "--out", bank, "--latent.step-count", STEPS, "--force", *SPLIT)
    drawn = {}
    for device in ("cpu", "cuda"):
        out = tmp_path / device
        on(device, "export", "images", bank, out, "--model", in_colors)
        drawn[device] = {path.relative_to(out): Image.open(path) for path in out.rglob("*.png")}
    assert drawn["cpu"].keys() == drawn["cuda"].keys()
    for name, picture in drawn["cpu"].items():
        assert np.abs(np.asarray(picture, int) - np.asarray(drawn["cuda"][name], int)).max() <= 2, name
    for kind in FRAME_KINDS:
        frames = [frame_of(bank, in_colors, kind, torch.device(device)) for device in ("cpu", "cuda")]
        assert np.abs(frames[0] - frames[1]).max() <= 2, kind
    on("cuda", "export", "video", bank, tmp_path / "turn.mp4", "--model", in_colors)
    on("cuda", "export", "mesh", bank, tmp_path / "meshes", "--model", in_colors, "--scenes", "ball_9")
    assert (tmp_path / "turn.mp4").stat().st_size
    assert list((tmp_path / "meshes").iterdir())


def test_the_benchmark_measures_what_it_measures_on_a_cpu_and_more(
    tmp_path: Path, gpu: PretendedGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Sizes(views=4, side=4, samples=6, resolution=8, features=8, bases=3)
    growth = {"side": (2, 4), "samples": (2,), "resolution": (8,), "features": (8,)}
    extent = Extent(tiny, growth, bases=(1,), scenes=(4, 8), fitted_at_once=2, cars=1, car_steps=2)
    monkeypatch.setattr(gpu_report, "measure", partial(gpu_report.measure, workloads={"tiny": tiny}))
    (on_cpu, table), (on_gpu, longer) = (
        run_benchmark(BenchConfig(device, quick=True), Progress(quiet=True), extent) for device in ("cpu", "cuda")
    )
    assert on_cpu.keys() | {"gpu"} == on_gpu.keys()
    lines = [text.splitlines() for text in (table, longer)]
    assert [line.split(":")[0] for line in lines[0][1:]] == [line.split(":")[0] for line in lines[1][1 : len(lines[0])]]
    assert "as a CUDA graph" in longer
    assert gpu.replays


def test_what_a_gpu_refuses_is_refused(gpu: PretendedGpu) -> None:
    there, here = torch.zeros(3, 4, device="cuda"), torch.zeros(3, 4)
    assert isinstance(there, OnGpu)
    refused: list[Callable[[], Any]] = [
        lambda: there + here,
        lambda: here[there.long()],
        lambda: there.numpy(),
        lambda: np.asarray(there),
        lambda: torch.rand(3, device=DEVICE, generator=torch.Generator()),
        lambda: there.long() @ there.long().T,
        lambda: torch.ops.triptych.total_variation(there.new_zeros(1, 3, 4, 4, 2)),
    ]
    for refusal in refused:
        with pytest.raises((RuntimeError, TypeError)):
            refusal()
    for wait in (lambda: float(there.sum()), lambda: here.to(DEVICE), lambda: there[here.bool()], lambda: there.cpu()):
        gpu.waits.clear()
        wait()
        assert gpu.waits


def test_a_recorded_graph_does_nothing_until_it_is_repeated(gpu: PretendedGpu) -> None:
    factor, total, graph = torch.ones(3, device=DEVICE), torch.zeros(3, device=DEVICE), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        total += (2 * factor).sum()
    assert total.tolist() == [0.0] * 3
    graph.replay()
    factor.fill_(10.0)
    graph.replay()
    assert total.tolist() == [66.0] * 3
    with pytest.raises(RuntimeError, match="capturing"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        float(factor.sum())
