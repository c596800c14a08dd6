"""A GPU whose memory does not do: work is divided, and gives the same."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from balls import short_stage1, tiny_stage2

from triptych.autoencoder import Autoencoder, ConvolutionalAutoencoder, ConvolutionalConfig
from triptych.bank import SceneBank, open_scenes, render_scenes
from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.evaluation.evaluate import evaluate
from triptych.geometry import Cameras
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.training import side_by_side, stage1, stage2, step
from triptych.training.autoencoder_config import Pretraining
from triptych.training.conditions import Conditions
from triptych.training.fit_job import FitJob
from triptych.training.loop import Step, TrainingState
from triptych.training.pretraining import pretrain


class Told(Progress):
    """Keeps what a user is told."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def room_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Let a GPU have room for so many scenes at once; gives how many each rendering of a step had."""
    rendered: list[int] = []

    def only(most: int) -> list[int]:
        whole = step.batch_losses

        def batch_losses(model: Any, field: Any, *others: Any) -> Any:
            losses = whole(model, field, *others)
            if len(field.planes) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
            rendered.append(len(field.planes))
            return losses

        monkeypatch.setattr(step, "batch_losses", batch_losses)
        return rendered

    return only


def test_a_step_of_stage_1_that_does_not_fit_is_divided_and_gives_the_same(
    balls: Dataset, tmp_path: Path, room_for: Callable[[int], list[int]]
) -> None:
    scenes, settings, told = balls.select("train", "all"), short_stage1(), Told()
    whole = stage1.train(scenes, tmp_path / "whole", settings, Conditions())
    rendered = room_for(1)
    parted = stage1.train(scenes, tmp_path / "parted", settings, Conditions(progress=told))
    assert set(rendered) == {1}
    assert sum("4 parts" in note for note in told.notes) == 2  # in the warm-up and in the joint phase
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(parted.state_dict()[name].float(), tensor.float(), atol=2e-3), name


def test_scenes_that_do_not_fit_side_by_side_are_fitted_in_parts(
    balls: Dataset, trained_balls: Path, tmp_path: Path, room_for: Callable[[int], list[int]]
) -> None:
    model, scenes, told = CategoryModel.load(trained_balls / "model"), balls.select("test"), Told()
    settings = tiny_stage2(scenes_at_once=2)
    whole = stage2.fit(model, scenes, tmp_path / "whole", settings, Conditions(), precision="float32", force=True)
    room_for(1)
    conditions = Conditions(progress=told)
    parted = stage2.fit(model, scenes, tmp_path / "parted", settings, conditions, precision="float32", force=True)
    assert sum("2 parts" in note for note in told.notes) == 1
    for name in whole:
        assert torch.allclose(parted.scene(name).micro, whole.scene(name).micro, atol=1e-3)


def test_one_scene_that_does_not_fit_ends_the_work(
    balls: Dataset, trained_balls: Path, tmp_path: Path, room_for: Callable[[int], list[int]]
) -> None:
    room_for(0)
    with pytest.raises(torch.OutOfMemoryError):
        stage2.fit(
            CategoryModel.load(trained_balls / "model"), balls.select("test"), tmp_path, tiny_stage2(), Conditions()
        )
    assert not list(SceneBank(tmp_path))


def leave_room_for(autoencoder: Autoencoder, views: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a GPU have room for so many views in an autoencoder at once."""
    for name in ("encode", "decode"):
        whole = getattr(autoencoder, name)

        def limited(tensor: torch.Tensor, whole: Callable[[torch.Tensor], torch.Tensor] = whole) -> torch.Tensor:
            if len(tensor) > views:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
            return whole(tensor)

        monkeypatch.setattr(autoencoder, name, limited)


class Plain:
    """Steps that nobody follows."""

    def steps(self, phase: str, count: int, state: TrainingState) -> Iterator[Step]:
        return (Step(number, count) for number in range(count))


@pytest.mark.parametrize("on_pieces", [False, True])
def test_a_step_of_pretraining_that_does_not_fit_is_divided(
    on_pieces: bool, balls: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    views, notes = PosedViews(balls.select("train", "all")), list[str]()
    config = Pretraining(epochs=1.0, batch=8, **({"turned": 1.0} if on_pieces else {}))
    assert config.on_pieces == on_pieces
    trained = []
    for room in (8, 3):
        torch.manual_seed(0)
        autoencoder = ConvolutionalAutoencoder(ConvolutionalConfig(channels=4, width=8, inner_width=8, inner_blocks=1))
        leave_room_for(autoencoder, room * (1 + on_pieces), monkeypatch)  # pieces are decoded in pairs
        pretrain(autoencoder, views, config, 0, Plain(), note=notes.append)
        trained.append(autoencoder.state_dict())
    assert [note.rpartition("taken in ")[2] for note in notes] == [
        f"{parts} parts from here on, which takes longer" for parts in (2, 4)
    ]
    if not on_pieces:  # whose pairs are drawn anew
        for name, tensor in trained[0].items():
            assert torch.allclose(trained[1][name], tensor, atol=1e-5), name


def test_one_picture_that_does_not_fit_ends_pretraining(balls: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    autoencoder = ConvolutionalAutoencoder(ConvolutionalConfig(channels=4, width=8, inner_width=8, inner_blocks=1))
    leave_room_for(autoencoder, 0, monkeypatch)
    with pytest.raises(torch.OutOfMemoryError):
        pretrain(autoencoder, PosedViews(balls), Pretraining(epochs=1.0, batch=8), 0, Plain(), note=lambda _: None)


def test_views_that_do_not_fit_are_measured_in_parts(
    balls: Dataset, trained_balls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = open_scenes(trained_balls / "trained_scenes", trained_balls)
    whole = evaluate(scenes, balls, with_lpips=False)
    leave_room_for(scenes.model.autoencoder, 1, monkeypatch)
    with pytest.warns(UserWarning, match="does not do for 2 views .* in 2 parts from here on") as told:
        parted = evaluate(scenes, balls, with_lpips=False)
    assert len(told) == 1  # what was found holds for all that follow
    assert parted.scenes == {name: pytest.approx(row, abs=1e-4) for name, row in whole.scenes.items()}


@pytest.fixture
def room_to_render(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let a GPU have room to render three views at once; gives how many each rendering had."""
    rendered, rendering = list[int](), CategoryModel.render_latents

    def render_latents(model: CategoryModel, field: Any, cameras: Cameras, *others: Any) -> Any:
        if len(cameras) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        rendered.append(len(cameras))
        return rendering(model, field, cameras, *others)

    monkeypatch.setattr(CategoryModel, "render_latents", render_latents)
    return rendered


def test_views_that_a_gpu_cannot_render_together_are_rendered_in_parts(
    balls: Dataset, trained_balls: Path, room_to_render: list[int]
) -> None:
    scene, cameras = open_scenes(trained_balls / "trained_scenes", trained_balls)["ball_1"], balls.cameras(1)
    one_by_one = np.concatenate([scene.render(cameras[[view]]).pixels() for view in range(6)])
    room_to_render.clear()
    with pytest.warns(UserWarning, match="does not do for 6 views .* in 2 parts"):
        parted = scene.render(cameras)
    assert room_to_render == [3, 3]
    assert np.allclose(parted.pixels(), one_by_one, atol=1)


def test_scenes_that_a_gpu_cannot_render_together_are_rendered_in_parts(
    balls: Dataset, trained_balls: Path, room_to_render: list[int]
) -> None:
    scenes, camera = open_scenes(trained_balls / "trained_scenes", trained_balls), balls.cameras(1)[[0]]
    scenes = {f"{name} {number}": scene for number in range(2) for name, scene in scenes.items()}
    alone = {name: scene.render(camera).pixels() for name, scene in scenes.items()}
    room_to_render.clear()
    with pytest.warns(UserWarning, match="does not do for 6 scenes .* in 2 parts"):
        parted = render_scenes(scenes, camera)
    assert room_to_render == [3, 3]
    assert all(np.allclose(views.pixels(), alone[name], atol=1) for name, views in parted.items())


def test_a_gpu_fits_as_many_scenes_side_by_side_as_its_memory_holds(
    balls: Dataset, trained_balls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Any] = []

    def extra_memory(work: Callable[[], Any], device: torch.device) -> int:
        steps.append(work())
        return 10**8

    monkeypatch.setattr(side_by_side, "extra_memory", extra_memory)
    monkeypatch.setattr(side_by_side, "free_memory", lambda device: 10**9)
    model, scenes = CategoryModel.load(trained_balls / "model"), balls.select("test")
    before = torch.random.get_rng_state()
    for device, asked, expected in (("cuda", None, 4), ("cuda", 3, 3), ("cpu", None, 12), ("cpu", 3, 3)):
        told = Told()
        conditions = Conditions(device=torch.device(device), progress=told)
        job = FitJob(model, scenes, tmp_path, tiny_stage2(scenes_at_once=asked), conditions, "compact", False)
        assert side_by_side.scenes_at_once(job, [0, 1]) == expected
        assert [f"up to {expected} scenes" in note for note in told.notes] == [True] * (device == "cuda" and not asked)
    assert len(steps) == 2  # one of each phase
    assert torch.equal(torch.random.get_rng_state(), before)
