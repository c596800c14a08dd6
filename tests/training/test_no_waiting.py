"""No step waits for a GPU. Tensors without data stand for those of one: whatever would read from them is refused, and
copies that would wait are seen on their way. And what is recorded of a step, to be repeated without Python, is the same
whichever step it is, and takes nothing from the CPU."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from balls import tiny_stage1, tiny_stage2
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from untrained import give_modes, untrained_model

from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.model import CategoryModel
from triptych.runtime import devices, sent
from triptych.training import pixels, row_adam
from triptych.training.beginning import own_or_created, untrained
from triptych.training.captured import Steps
from triptych.training.conditions import Conditions
from triptych.training.config import SkippingConfig
from triptych.training.fitting import Fitting
from triptych.training.joint import ShuffledViews
from triptych.training.phase import LossWeights, Phase, PixelCounts, Rates
from triptych.training.scenes import SceneParameters
from triptych.training.step import Work, draw_pixels, take_step

pytest.importorskip("triton", reason="the GPU kernel needs Triton, which is made for Linux alone")
triton = pytest.importorskip("triptych.representation.kernels.triton")
rows = pytest.importorskip("triptych.representation.kernels.triton.rows")

NO_DATA, CPU = torch.device("meta"), torch.device("cpu")
SKIPPING = SkippingConfig(first_update=1, update_every=2)
STAGE1, STAGE2 = tiny_stage1(), tiny_stage2()


class Waits(TorchDispatchMode):
    """The copies to the device for which a GPU would finish all else first."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        kinds = [leaf.device.type for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        is_sent = "_to_copy" in str(function) and kwargs.get("device") == NO_DATA and kinds[0] == "cpu"
        is_chosen_by_the_cpu = "index" in str(function) and len(set(kinds)) > 1
        if (is_sent and not kwargs.get("non_blocking")) or is_chosen_by_the_cpu:
            self.found.append(str(function))
        return function(*args, **kwargs)


@pytest.fixture(autouse=True)
def gpu_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torch.optim.Adam
    monkeypatch.setattr(devices, "_FAR", {"meta"})
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    monkeypatch.setattr(torch.optim, "Adam", lambda groups, fused: whole(groups, foreach=True))
    monkeypatch.setattr("triptych.autoencoder.convolutional.autocast", lambda *_: nullcontext())
    monkeypatch.setattr(triton, "_DEVICE", "meta")
    monkeypatch.setattr(row_adam, "has_triton_for", lambda tensor: True)
    monkeypatch.setattr(rows, "step_rows", lambda *_: None)
    # Found once, before the steps, from pictures and box.
    monkeypatch.setattr("triptych.training.fitting.first_cells", lambda model, *_: model.start_occupancy)


@pytest.fixture
def model(balls: Dataset) -> CategoryModel:
    dataset = balls.select("train", "all")
    torch.manual_seed(0)
    return untrained(dataset, STAGE1, own_or_created(None, STAGE1.autoencoder, dataset), Conditions())


def begun(work: Work, on_cpu: Work) -> Work:
    """With what is made once, before the steps."""
    work.__dict__["_background_at_start"] = on_cpu._background_at_start.to(NO_DATA)
    if work.phase.pixels:
        work.__dict__["latent_views"] = on_cpu.latent_views.placed(NO_DATA)
    else:
        work.__dict__["latents"] = on_cpu.latents
    return work


@pytest.mark.parametrize(
    "phase",
    [
        STAGE1.warmup,
        STAGE1.joint,
        replace(STAGE1.joint, shift_views=True),
        replace(STAGE1.joint, whole_share=0.25),
        replace(STAGE1.warmup, pixels=48, step_count=4),
    ],
    ids=["whole views", "joint", "shifted views", "parts of views elsewhere", "random pixels"],
)
def test_steps_of_stage_1(phase: Phase, balls: Dataset, model: CategoryModel) -> None:
    views = PosedViews(balls.select("train", "all"))
    on_cpu, on_device = (
        SceneParameters.fresh(STAGE1.planes, 3, torch.Generator().manual_seed(0), device) for device in (CPU, NO_DATA)
    )
    prepared = Work(phase, model, on_cpu, views, SKIPPING)
    made = prepared.latent_views if phase.pixels else prepared.latents, prepared._background_at_start
    assert made[1].device == CPU
    work = begun(Work(phase, model.to(NO_DATA), on_device, views, SKIPPING, "triton"), prepared)
    with Waits() as waits:
        losses = [take_step(work, step, ShuffledViews(views, 0)) for step in range(3)]
    assert losses[-1].enc.device == NO_DATA
    assert not waits.found


@pytest.mark.parametrize("phase", [STAGE2.latent, STAGE2.image, replace(STAGE2.latent, pixels=48, step_count=4)])
def test_steps_of_stage_2(phase: Phase, balls: Dataset, model: CategoryModel) -> None:
    scenes = balls.select("test")
    phase = replace(phase, rates=replace(phase.rates, modes=0.1), smoothing=1.5)
    give_modes(model)
    prepared = Fitting(model, scenes, 0).begin(phase, SKIPPING)
    made = prepared.latent_views if phase.pixels else prepared.latents, prepared._background_at_start
    assert made[1].device == CPU
    fitting = Fitting(model.to(NO_DATA), scenes, 0)
    work = begun(fitting.begin(phase, SKIPPING, "triton"), prepared)
    with Waits() as waits:
        for step in range(3):
            take_step(work, step, fitting.everyone)
    assert not waits.found


class Launches(TorchDispatchMode):
    """What is asked of the device, with all that is not in its tensors; nothing may come from the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, list[Any]]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.ask(str(function), *args, *(kwargs or {}).items())
        return function(*args, **(kwargs or {}))

    def ask(self, name: str, *args: Any) -> None:
        leaves = tree_leaves(args)
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        assert {tensor.device.type for tensor in tensors} <= {"meta"}, name
        self.asked.append((name, [leaf.shape if isinstance(leaf, Tensor) else leaf for leaf in leaves]))


@pytest.mark.parametrize("random_background", [False, True])
@pytest.mark.parametrize("kind", [range(4), range(4, 16), range(20, 28)], ids=["modes", "smoothed", "neither"])
def test_what_is_recorded_is_the_same_in_every_step(
    kind: range, random_background: bool, balls: Dataset, model: CategoryModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = replace(STAGE2.latent, rates=Rates(1e-2, 1e-2, modes=0.1), pixels=48, step_count=40, final_factor=0.1)
    phase = replace(phase, smoothing=1.5, mode_steps=4, weights=LossWeights(enc=1.0, tv=1e-4, opacity=0.1))
    if random_background:
        model, phase = untrained_model(), replace(phase, random_background=True)
    give_modes(model)
    scenes = balls.select("test")
    prepared = Fitting(model, scenes, 0).begin(phase, SKIPPING)
    assert prepared.latent_views.device == CPU
    fitting = Fitting(model.to(NO_DATA), scenes, 0)
    work = begun(fitting.begin(phase, SKIPPING, "triton"), prepared)
    steps, recorded = Steps(work, fitting.everyone), []
    for step in (kind[0], kind[0], kind[-1]):  # the first, as before a recording, fills caches
        chosen = fitting.everyone.choose(step, phase.batch)
        move = phase.move(step, fitting.everyone.views_per_epoch)
        sent_before = [
            sent(tensor, NO_DATA)
            for tensor in (fitting.scenes.numbers_of(move), *draw_pixels(work, chosen, step).tensors)
        ]
        with Launches() as launches:
            monkeypatch.setattr(rows, "step_rows", lambda *args: launches.ask("step_rows", *args))
            steps.function(move, chosen.loss_scale, step)(*sent_before)
        recorded.append(launches.asked)
    assert len(recorded[1]) > 100
    assert recorded[1] == recorded[2]


def test_pixels_of_views_that_a_gpu_has_no_room_for(
    balls: Dataset, model: CategoryModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = replace(STAGE1.warmup, pixels=48, step_count=4)
    views = PosedViews(balls.select("train", "all"))
    scenes = SceneParameters.fresh(STAGE1.planes, 3, torch.Generator().manual_seed(0), CPU)
    on_cpu = Work(phase, model, scenes, views, SKIPPING).latent_views
    monkeypatch.setattr(pixels, "free_memory", lambda _: on_cpu.seen.nbytes)
    kept = on_cpu.placed(NO_DATA)
    assert kept.device == CPU
    with Waits() as waits:
        drawn = kept.at(kept.draw([torch.tensor([0, 3])], PixelCounts(48, 24), [torch.Generator()]), 1).to(NO_DATA)
    assert drawn.latents.device == NO_DATA
    assert not waits.found


def test_what_would_wait_is_seen() -> None:
    chosen, values = torch.tensor([1, 0]), torch.zeros(3, 2, device=NO_DATA)
    for wait in (lambda: chosen.to(NO_DATA), lambda: values[chosen], lambda: values.index_put_((chosen,), values[:2])):
        with Waits() as waits:
            wait()
        assert waits.found
    with Waits() as waits:
        values[sent(chosen, NO_DATA)] += 1
    assert not waits.found
    with pytest.raises(RuntimeError, match="meta"):
        float(values.sum())
