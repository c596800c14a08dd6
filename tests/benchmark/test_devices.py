"""Everything that is measured is on the device that was asked for. Tensors without data stand for those of a GPU: what
mixes them with the CPU's is refused."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from triptych.benchmark import trained
from triptych.benchmark.measure import time_in_turn
from triptych.benchmark.sizes import Sizes
from triptych.benchmark.trained import TrainedScenes
from triptych.benchmark.workload import backends, calls_of, make_workload
from triptych.representation import kernels

triton = pytest.importorskip("triptych.representation.kernels.triton", reason="needs Triton, made for Linux alone")

CPU, NO_DATA = torch.device("cpu"), torch.device("meta")
TINY = Sizes(views=4, side=4, samples=6, resolution=8, features=8, bases=3)


@pytest.fixture(autouse=True)
def gpu_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton, "_DEVICE", "meta")
    monkeypatch.setattr(kernels, "has_triton_for", lambda tensor: tensor.is_meta)
    monkeypatch.setattr("triptych.autoencoder.convolutional.autocast", lambda *_: nullcontext())


@pytest.fixture(scope="module")
def far_cars() -> TrainedScenes:
    near = trained.train_cars(TINY, 2, 1, CPU)
    model = near.model.to(NO_DATA)
    field = replace(near.field, planes=near.field.planes.to(NO_DATA), mlp=model.mlp, aabb=model.aabb)
    return replace(near, model=model, field=field)


def test_what_is_compared_is_what_a_device_has() -> None:
    assert backends(CPU) == {"fused": "cpu", "reference": "reference"}
    assert backends(torch.device("cuda")) == {"fused": "triton", "reference": "reference"}


@pytest.mark.parametrize("occupancy", [False, True])
def test_the_renderer(occupancy: bool) -> None:
    work = make_workload(TINY, NO_DATA, occupancy=occupancy)
    intervals = work.evenly().place("triton")
    assert intervals.starts.device == NO_DATA
    calls = calls_of(work, intervals, "triton")
    assert time_in_turn(calls, 1, NO_DATA).keys() == calls.keys()


def test_trained_scenes(far_cars: TrainedScenes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "backends", lambda device: {"fused": "triton", "reference": "triton"})
    monkeypatch.setattr(trained, "psnr", lambda shown, true: [float(len(shown - true))])  # nothing to read
    assert trained.skipping_against_reference(far_cars, 1).keys() >= {"fused, skipping", "PSNR, skipping"}


def test_views_with_the_decoder(far_cars: TrainedScenes) -> None:
    seconds = trained.views_of_latents_and_rgb(far_cars, 1)
    assert seconds["latent render + decode"] > 0
