"""The package's face: what is documented runs, parts of one's own work, and mistakes are told in one line."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from balls import AABB, draw_ball, make_balls, short_stage1, tiny_stage2
from torch import nn
from torch.utils.data import DataLoader
from untrained import untrained_model

import triptych
from triptych import InputError
from triptych.cli import main
from triptych.geometry import hemisphere_cameras

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"


class OwnNetwork(nn.Module):
    """Latents of 5 channels at a quarter of the side, with a batch normalization and unused weights."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 5, 4, stride=4)
        self.normalized = nn.BatchNorm2d(5)
        self.up = nn.ConvTranspose2d(5, 3, 4, stride=4)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return self.normalized(self.down(images))

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return self.up(latents)


def own_network() -> OwnNetwork:
    torch.manual_seed(0)
    return OwnNetwork()


@pytest.fixture(scope="module")
def own_run(balls: triptych.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of stage 1 with an autoencoder of one's own."""
    out = tmp_path_factory.mktemp("own") / "run"
    triptych.train(balls.select("train"), out, short_stage1(), autoencoder=own_network(), device="cpu")
    return out


def balls_in_memory(count: int = 3, views: int = 6) -> dict[str, tuple[np.ndarray, triptych.Cameras]]:
    scenes = {}
    for index in range(count):
        cameras = hemisphere_cameras(views, 32, seed=index)
        scenes[f"ball_{index}"] = (draw_ball(index, cameras), cameras)
    return scenes


def test_every_snippet_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_balls(Path("vases"))
    # Settings of seconds: what is written is what is tested, not how well it learns.
    for preset in ("quick", "colors"):
        monkeypatch.setitem(triptych.STAGE1, preset, short_stage1())
        monkeypatch.setitem(triptych.STAGE2, preset, tiny_stage2())
    monkeypatch.setattr(triptych, "fit", partial(triptych.fit, force=True))
    names: dict = {}
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(snippets) == 7
    for snippet in snippets:
        exec(compile(snippet, str(PAGE), "exec"), names)
    assert names["scene"].render(triptych.orbit_cameras(1, 32)).images.isfinite().all()


def test_everything_that_the_face_names_is_there() -> None:
    for name in triptych.__all__:
        assert getattr(triptych, name) is not None


def test_a_folder_stands_for_its_dataset(balls: triptych.Dataset, tmp_path: Path) -> None:
    assert balls.source is not None
    folder = str(balls.source.path)
    model = triptych.train(folder, str(tmp_path / "run"), short_stage1(), device="cpu")
    assert set(model.trained_scenes) == {"ball_0", "ball_1", "ball_2"}
    scenes = triptych.fit(str(tmp_path / "run"), folder, str(tmp_path / "bank"), tiny_stage2(), force=True)
    assert list(scenes) == ["ball_3", "ball_4"]
    evaluation = triptych.evaluate(scenes, with_lpips=False, out=str(tmp_path / "evaluation"))
    assert set(evaluation.scenes) == {"ball_3", "ball_4"}
    assert evaluation.scenes == triptych.evaluate(scenes, folder, with_lpips=False).scenes
    assert (tmp_path / "evaluation" / "comparison.png").is_file()


def test_render_takes_cameras_or_their_number(trained_balls: Path) -> None:
    scene = triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)["ball_1"]
    assert triptych.render(scene, 3).images.shape == (3, 3, 32, 32)
    cameras = triptych.orbit_cameras(2, 32)
    assert torch.equal(triptych.render(scene, cameras).images, scene.render(cameras).images)


def test_scenes_without_names_are_not_rendered(trained_balls: Path) -> None:
    scene = triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)["ball_1"]
    with pytest.raises(triptych.InputError, match="a mapping from names to scenes, found a list"):
        triptych.render([scene])  # pyright: ignore[reportCallIssue, reportArgumentType]
    with pytest.raises(triptych.InputError, match="at least one scene, found none"):
        triptych.render({})


def test_fitting_with_what_is_shared_leaves_the_model_given_as_it_was(
    balls: triptych.Dataset, trained_balls: Path, tmp_path: Path
) -> None:
    model = triptych.open_model(trained_balls)
    before = model.identity()
    tiny = tiny_stage2(finetune_shared=True)
    settings = replace(tiny, latent=replace(tiny.latent, rates=replace(tiny.latent.rates, mlp=1e-2)))
    scenes = triptych.fit(model, balls.select("test"), tmp_path / "tuned", settings, force=True)
    assert model.identity() == before
    assert scenes.model.identity() == scenes.bank.model_id != before


@pytest.mark.parametrize(("progress", "said"), [(None, ""), (False, ""), (True, "cars")])
def test_progress_is_shown_to_people_and_on_demand(
    progress: bool | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    triptych.make_cars(tmp_path / "cars", count=1, train=0, views=2, resolution=16, progress=progress)
    shown = capsys.readouterr().err
    assert said in shown
    assert bool(said) == bool(shown)


def test_mistakes_are_told_in_one_line(balls: triptych.Dataset, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="expected quick, colors, best, general, latent, paper, or a Stage1Config, found 'fast'"
    ):
        triptych.train(balls, tmp_path / "run", "fast")
    with pytest.raises(InputError, match=r"expected auto, cpu, cuda, mps or a torch.device, found 'tpu'"):
        triptych.train(balls, tmp_path / "run", device="tpu")
    with pytest.raises(InputError, match="no option 'test_view'; there are scenes, test_views, "):
        triptych.open_dataset(tmp_path, test_view=3)
    with pytest.raises(InputError, match="CarsConfig: views is 0"):
        triptych.make_cars(tmp_path / "cars", views=0)
    with pytest.raises(InputError, match="no such folder"):
        triptych.open_model(tmp_path / "nowhere")
    with pytest.raises(InputError, match="there is no scene 'validation' among the 5"):
        balls.select("validation")
    assert not list(tmp_path.iterdir())


def test_what_is_shown_of_things_is_one_line(balls: triptych.Dataset, trained_balls: Path) -> None:
    assert repr(balls).startswith("Dataset(5 scene(s): ball_0 ... ball_4; 4 views each to fit and 2 to test; 32x32 pix")
    model = triptych.open_model(trained_balls)
    assert repr(model).startswith(
        "CategoryModel(32x32 pixels; latents 4x8x8; 3 base planes; trained on 3 scene(s) over white;"
    )
    scenes = triptych.open_scenes(trained_balls / "trained_scenes", model)
    for thing in (balls, scenes):
        assert "\n" not in repr(thing)
        assert (thing._repr_png_() or b"").startswith(b"\x89PNG")


# Datasets from memory.


def test_pictures_from_memory_are_the_dataset_that_was_drawn(balls: triptych.Dataset) -> None:
    scenes = balls_in_memory(5)
    data = triptych.dataset_from_arrays(scenes, AABB, splits={"train": ["ball_1"], "test": ["ball_0"]}, test_views=2)
    assert data.names == balls.names
    for scene in range(5):
        assert np.array_equal(data.images(scene, [4, 1]), balls.images(scene, [4, 1]))
        torch.testing.assert_close(data.cameras(scene).c2w, balls.cameras(scene).c2w, rtol=0, atol=1e-6)
        assert data.views(scene) == balls.views(scene)
    assert data.select("train").names == ("ball_1",)


def test_pictures_may_be_numbers_or_tensors(balls: triptych.Dataset) -> None:
    bytes_, cameras = balls.images(0, range(6)), balls.cameras(0)
    kinds = {"a": bytes_, "b": bytes_ / 255, "c": torch.from_numpy(bytes_), "d": torch.from_numpy(bytes_).float() / 255}
    data = triptych.dataset_from_arrays({name: (kind, cameras) for name, kind in kinds.items()}, 0.45)
    for scene in range(4):
        assert np.array_equal(data.images(scene, range(6)), bytes_)
    assert data.aabb.tolist() == [[pytest.approx(-0.45)] * 3, [pytest.approx(0.45)] * 3]


def test_a_dataset_from_memory_goes_through_both_stages(tmp_path: Path) -> None:
    data = triptych.dataset_from_arrays(balls_in_memory(4), AABB, test_views=2)
    model = triptych.train(data.select("0:3"), tmp_path / "run", short_stage1(), device="cpu")
    with pytest.raises(InputError, match="trained on in stage 1: ball_0"):
        triptych.fit(model, data, tmp_path / "bank", tiny_stage2())
    scenes = triptych.fit(model, data.select("ball_3"), tmp_path / "bank", tiny_stage2(), force=True)
    assert list(triptych.evaluate(scenes, data, with_lpips=False).scenes) == ["ball_3"]
    with pytest.raises(InputError, match="give its folder"):
        triptych.evaluate(scenes, with_lpips=False)


def test_axes_of_opengl_are_turned() -> None:
    cameras = hemisphere_cameras(3, 32, seed=0)
    opengl = cameras.c2w.double().numpy() * np.array([1, -1, -1, 1])
    whole = np.concatenate([opengl, np.broadcast_to([[[0.0, 0, 0, 1]]], (3, 1, 4))], axis=1)
    K = np.array([[32.8, 0, 16], [0, 33.0, 15], [0, 0, 1]])
    found = triptych.cameras_from_arrays(whole, K, 32, 32, axes="opengl")
    torch.testing.assert_close(found.c2w, cameras.c2w)
    torch.testing.assert_close(found.intrinsics, torch.tensor([[32.8, 33.0, 16, 15]]).expand(3, 4))


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((6, 3, 32, 32)), r"found shape \[6, 3, 32, 32\]; move the channels to the end"),
        (np.zeros((6, 32, 32)), r"found shape \[6, 32, 32\]"),
        (np.full((6, 32, 32, 3), 255.0), "numbers from 0 to 1, found float64 from 255 to 255"),
        (np.full((6, 32, 32, 3), np.nan), "numbers from 0 to 1"),
        (np.zeros((6, 32, 32, 3), np.int64), "found int64"),
        (np.zeros((5, 32, 32, 3)), "expected a camera for each picture"),
        (np.zeros((6, 16, 32, 3)), "expected a camera for each picture, of its size"),
        (["a"], "expected an array of numbers"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(pictures: object, message: str) -> None:
    with pytest.raises(InputError, match=f"scene 'ball': .*{message}"):
        triptych.dataset_from_arrays({"ball": (pictures, hemisphere_cameras(6, 32, seed=0))}, 0.45)


def test_arguments_that_cannot_be_are_refused() -> None:
    scenes = balls_in_memory(2)
    with pytest.raises(InputError, match="expected at least one"):
        triptych.dataset_from_arrays({}, AABB)
    with pytest.raises(InputError, match="aabb: expected a lower and an upper corner"):
        triptych.dataset_from_arrays(scenes, -1.0)
    with pytest.raises(InputError, match="splits, train: there is no scene 'nobody'"):
        triptych.dataset_from_arrays(scenes, AABB, splits={"train": ["nobody"]})
    with pytest.raises(InputError, match="'ball_0' is in both 'train' and 'test'"):
        triptych.dataset_from_arrays(scenes, AABB, splits={"train": ["ball_0"], "test": ["ball_0"]})
    with pytest.raises(InputError, match=r"scene 'ball_0'.*cannot be held out"):
        triptych.dataset_from_arrays(scenes, AABB, test_views=6)
    pictures, cameras = scenes["ball_0"]
    turned = triptych.cameras_from_arrays(cameras.c2w, cameras.intrinsics, 32, 32, axes="opengl")
    with pytest.raises(InputError, match="no ray of view"):
        triptych.dataset_from_arrays({"ball_0": (pictures, turned)}, AABB)
    with pytest.raises(InputError, match=r"c2w, view 1: .*no rotation"):
        triptych.cameras_from_arrays(np.stack([np.eye(4), np.diag([2.0, 2, 2, 1])]), [32, 32, 16, 16], 32, 32)
    with pytest.raises(InputError, match=r"intrinsics: .*found shape \[3\]"):
        triptych.cameras_from_arrays(np.eye(4)[None], [32, 16, 16], 32, 32)


# An autoencoder of one's own.


def test_an_own_autoencoder_is_trained_saved_and_opened(own_run: Path, balls: triptych.Dataset, tmp_path: Path) -> None:
    network = own_network()
    model = triptych.open_model(own_run, autoencoder=network)
    assert model.autoencoder.channels == 5
    assert model.autoencoder.downscale == 4
    assert not torch.equal(model.autoencoder.network.down.weight, own_network().down.weight)
    # The module that is given stays as it is.
    assert torch.equal(network.down.weight, own_network().down.weight)
    scenes = triptych.fit(model, balls.select("test"), tmp_path / "bank", tiny_stage2(), force=True)
    opened = triptych.open_scenes(tmp_path / "bank", triptych.open_model(own_run, autoencoder=own_network()))
    assert torch.equal(triptych.render(scenes["ball_3"], 1).images, triptych.render(opened["ball_3"], 1).images)


def test_the_same_call_goes_on_with_an_own_autoencoder(own_run: Path, balls: triptych.Dataset) -> None:
    found = triptych.train(balls.select("train"), own_run, short_stage1(), autoencoder=own_network(), device="cpu")
    assert found.identity() == triptych.open_model(own_run, autoencoder=own_network()).identity()
    with pytest.raises(InputError, match="begun with autoencoder"):
        triptych.train(balls.select("train"), own_run, short_stage1(), device="cpu")


def test_each_part_of_an_own_autoencoder_has_its_rate(own_run: Path) -> None:
    model = triptych.open_model(own_run, autoencoder=own_network())
    named = {id(parameter): name for name, parameter in model.autoencoder.network.named_parameters()}
    encoder = {named[id(parameter)] for parameter in model.autoencoder.encoder_parameters()}
    decoder = {named[id(parameter)] for parameter in model.autoencoder.decoder_parameters()}
    assert encoder == {"down.weight", "down.bias", "normalized.weight", "normalized.bias"}
    assert decoder == {"up.weight", "up.bias"}


def test_batch_statistics_stay_as_they_came(own_run: Path) -> None:
    network = triptych.open_model(own_run, autoencoder=own_network()).autoencoder.network
    assert int(network.normalized.num_batches_tracked) == 0
    assert network.normalized.running_var.tolist() == [1.0] * 5


def test_a_model_that_needs_a_module_says_so(own_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"a module of your own \(class OwnNetwork\).*autoencoder=\.\.\."):
        triptych.open_model(own_run)
    with pytest.raises(InputError, match="of the kind convolutional, which needs no module"):
        triptych.open_model("cars", autoencoder=own_network())
    other = own_network()
    other.down = nn.Conv2d(3, 6, 4, stride=4)
    with pytest.raises(InputError, match=r"tensor 'network\.down\.bias' has shape \[5\], expected \[6\]"):
        triptych.open_model(own_run, autoencoder=other)
    assert main(["check", str(own_run)]) in (0, None)
    assert "none is damaged" in capsys.readouterr().out


class FlatLatents(OwnNetwork):
    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return self.down(images).flatten(1)


class NoImages(OwnNetwork):
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return latents


class TiedWeights(OwnNetwork):
    def __init__(self) -> None:
        super().__init__()
        self.up.weight = self.down.weight


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(3, 3), "found Linear without encode and decode"),
        (FlatLatents(), r"encode makes \[1, 320\] of an image \[1, 3, 32, 32\]"),
        (NoImages(), r"decode gives \[1, 5, 8, 8\], expected a tensor \[1, 3, 32, 32\]"),
        (TiedWeights(), r"down.weight and up.weight are one tensor"),
    ],
)
def test_modules_that_are_no_autoencoder_are_refused(
    network: nn.Module, message: str, balls: triptych.Dataset, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"autoencoder: .*{message}"):
        triptych.train(balls, tmp_path / "run", short_stage1(), autoencoder=network, device="cpu")
    assert not (tmp_path / "run").exists()


# Planes as data.


@pytest.mark.parametrize("workers", [0, 2])
def test_planes_come_as_the_bank_has_them(trained_balls: Path, workers: int) -> None:
    planes = triptych.ScenePlanes(trained_balls / "trained_scenes")
    bank = triptych.SceneBank(trained_balls / "trained_scenes")
    found = [item for batch in DataLoader(planes, 2, num_workers=workers) for item in zip(*batch, strict=True)]
    assert [name for *_, name in found] == bank.names()
    for micro, coefficients, name in found:
        assert torch.equal(micro, bank.scene(name).micro)
        assert torch.equal(coefficients, bank.scene(name).coefficients)


def test_planes_channels_first_go_back_to_the_scene(trained_balls: Path) -> None:
    scene = triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)["ball_1"]
    planes = triptych.ScenePlanes(str(trained_balls / "trained_scenes"), ["ball_1"], channels_first=True)
    micro, coefficients, name = planes[0]
    assert micro.shape == planes.planes_shape == (3, 4, 8, 8)
    again = triptych.Scene(scene.model, micro.permute(0, 2, 3, 1), coefficients, name)
    assert torch.equal(triptych.render(again, 1).images, triptych.render(scene, 1).images)


def test_planes_of_scenes_that_are_not_there_are_refused(trained_balls: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scene 'nobody' in this bank"):
        triptych.ScenePlanes(trained_balls / "trained_scenes", ["nobody"])
    with pytest.raises(InputError, match="expected a scene bank"):
        triptych.ScenePlanes(tmp_path)


def names_of_stream(planes: triptych.ScenePlanes, epoch: int = 0, workers: int = 0, **options: Any) -> list[str]:
    stream = triptych.PlaneStream(planes, **options)
    stream.set_epoch(epoch)
    loader = DataLoader(stream, 2, num_workers=workers)
    return [name for *_, names in loader for name in names]


@pytest.mark.parametrize("files", [1, 3])
def test_a_stream_gives_every_scene_once_per_epoch(tmp_path: Path, files: int) -> None:
    bank = triptych.SceneBank.create(tmp_path / "bank", untrained_model(), files=files)
    shape, expected = bank.planes.micro_shape, [f"{number:03}" for number in range(150)]
    scenes = ((name, torch.full(shape, float(name))) for name in reversed(expected))
    empty = torch.zeros(bank.planes.coefficients)
    bank.add_all((name, triptych.StoredScene(micro, empty, "f", {})) for name, micro in scenes)
    planes = triptych.ScenePlanes(bank, channels_first=True)
    assert list(planes.names) == expected
    for micro, _, name in triptych.PlaneStream(planes):
        assert micro.shape == planes.planes_shape
        assert (micro == float(name)).all()

    orders = [names_of_stream(planes, epoch, seed=1) for epoch in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == expected != orders[0]
    assert sorted(names_of_stream(planes, workers=2)) == expected
    if files == 1:
        assert names_of_stream(planes, shuffle=False) == expected[::-1]  # as they were added

    parts = [names_of_stream(planes, rank=rank, ranks=4) for rank in range(4)]
    assert [len(part) for part in parts] == [37] * 4
    assert len(set().union(*parts)) == 148
    plain = [names_of_stream(planes, shuffle=False, rank=rank, ranks=4) for rank in range(4)]
    assert sorted(name for part in plain for name in part) == expected
    assert len(triptych.PlaneStream(planes, rank=0, ranks=4)) == 37
    some = triptych.ScenePlanes(bank, ["007", "003", "149"])
    assert list(some.names) == ["007", "003", "149"]
    assert sorted(names_of_stream(some)) == ["003", "007", "149"]


def test_a_stream_of_persistent_workers_gets_another_order_each_epoch(tmp_path: Path) -> None:
    bank = triptych.SceneBank.create(tmp_path / "bank", untrained_model())
    one = triptych.StoredScene(torch.zeros(bank.planes.micro_shape), torch.zeros(bank.planes.coefficients), "f", {})
    bank.add_all((f"{number}", one) for number in range(40))
    stream = triptych.PlaneStream(triptych.ScenePlanes(bank))
    loader = DataLoader(stream, 2, num_workers=1, persistent_workers=True)
    orders = []
    for epoch in range(2):
        stream.set_epoch(epoch)
        orders.append([name for *_, names in loader for name in names])
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == bank.names()
