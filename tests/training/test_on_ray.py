"""Scenes that workers of a Ray cluster fit, some of which die."""

import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from balls import make_balls, tiny_stage2
from untrained import untrained_model

from triptych.bank import SceneBank, read_failures
from triptych.cli import main
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.errors import InputError
from triptych.representation.config import SamplingConfig
from triptych.runtime import on_ray
from triptych.runtime.on_ray import RayWorkers, ray_workers
from triptych.training import stage2
from triptych.training.conditions import CPU, Conditions
from triptych.training.fit_group import FitSettings, fit_group
from triptych.training.single.banks import fit_rgb_scenes
from triptych.training.single.config import OwnPlanesConfig, SingleTriPlanes
from triptych.training.stage2 import fit

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}  # on a busy machine, nice ones starve
ray: Any = pytest.importorskip("ray", reason="Ray is not installed", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
WORKERS = 2
RGB = SingleTriPlanes(planes=OwnPlanesConfig(8, 8), sampling=SamplingConfig(8, 0), steps=4, rays=64)


@pytest.fixture(scope="module")
def workers() -> Iterator[RayWorkers]:
    """A cluster of two workers of one thread on this machine."""
    before = signal.getsignal(signal.SIGTERM)
    options = {"include_dashboard": False, "logging_level": "ERROR", "log_to_driver": False}
    ray.init(address="local", num_cpus=WORKERS, object_store_memory=100 << 20, **options)
    signal.signal(signal.SIGTERM, before)
    with ray_workers(ray.get_runtime_context().gcs_address) as joined:
        yield joined
    assert ray.is_initialized()  # it was not ours to end
    ray.shutdown()


@pytest.fixture
def new_balls(tmp_path: Path) -> Dataset:
    """Four balls whose files are gone by now: workers may well be where they have never been."""
    make_balls(tmp_path / "data", train=0, test=7, resolution=8)
    opened = open_dataset(DatasetConfig(tmp_path / "data", scenes="3:7", test_views=2, cache=tmp_path / "cache"))
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(tmp_path / "cache")
    return opened


def dying(once: str, always: str, folder: Path) -> Callable[[FitSettings, Dataset], Any]:
    """A work that fits, but at whose end the worker is killed for one scene the first time, for another every time."""

    def fit_group_or_die(settings: FitSettings, group: Dataset) -> Any:
        fitted, mark = fit_group(settings, group), folder / f"{group.names[0]}.killed"
        if always in group.names or (once in group.names and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return fitted

    return fit_group_or_die


def numbers(bank: SceneBank, name: str) -> tuple[torch.Tensor, dict[str, Any]]:
    scene = bank.scene(name)
    record = {
        key: value for key, value in scene.record.items() if key not in ("seconds", "rounding_seconds", "test_psnr")
    }
    return torch.cat([scene.micro.flatten(), scene.coefficients]), record


def test_killed_workers_cost_the_scenes_in_their_hands_and_numbers_are_those_of_one_process(
    new_balls: Dataset, workers: RayWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, config = untrained_model(), replace(tiny_stage2(), scenes_at_once=1)
    options: dict[str, Any] = {"precision": "float32", "force": True}
    here = fit(model, new_balls, tmp_path / "here", config, Conditions(), **options)
    with monkeypatch.context() as patch:
        patch.setattr(stage2, "fit_group", dying("ball_4", "ball_5", tmp_path))
        patch.setattr(on_ray, "_RETRIES", 1)
        with pytest.raises(InputError, match=r"1 of 4 scene\(s\) could not be fitted.* ball_5: its workers died"):
            fit(model, new_balls, tmp_path / "there", config, Conditions(workers=workers), **options)
    there = SceneBank(tmp_path / "there")
    assert (tmp_path / "ball_4.killed").exists()
    assert (there.names(), set(read_failures(there.folder))) == (["ball_3", "ball_4", "ball_6"], {"ball_5"})

    before = there.scene("ball_4").record["seconds"]
    fit(model, new_balls, tmp_path / "there", config, Conditions(workers=workers), **options)
    assert (there.names(), read_failures(there.folder)) == (here.names(), {})
    assert there.scene("ball_4").record["seconds"] == before
    for name in here:
        (one, record), (other, other_record) = numbers(here, name), numbers(there, name)
        assert torch.allclose(one, other, atol=2e-3)
        assert record == other_record
        assert there.scene(name).record["test_psnr"] == pytest.approx(here.scene(name).record["test_psnr"], abs=0.05)


def test_rgb_scenes_are_those_of_one_process(new_balls: Dataset, workers: RayWorkers, tmp_path: Path) -> None:
    scenes = new_balls.subset([0, 1])
    here = fit_rgb_scenes(scenes, tmp_path / "here", RGB, Conditions())
    there = fit_rgb_scenes(scenes, tmp_path / "there", RGB, Conditions(workers=workers))
    for name, bank in here.items():
        assert torch.allclose(numbers(bank, name)[0], numbers(there[name], name)[0], atol=2e-3)
        assert there[name].load_model().config == bank.load_model().config
    assert sorted(path.name for path in (tmp_path / "there").iterdir() if path.is_dir()) == ["ball_3", "ball_4"]


def test_what_a_worker_refuses_ends_the_work_with_its_words(
    workers: RayWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(shared: str, part: int) -> int:
        if part == 3:
            raise InputError(f"{shared} {part}")
        return part

    taken: list[int] = []
    parts = (taken.append(number) or number for number in range(100))
    with pytest.raises(InputError, match=r"^part 3$"):
        list(workers.map(refuse, "part", parts, CPU))
    assert max(taken) < 30  # parts are taken as there are workers for them
    assert sorted(part for part, result in workers.map(refuse, "", [5, 4], CPU) if part == result) == [4, 5]

    monkeypatch.setattr(on_ray, "code", lambda: "0.0.9, fedcba987654")
    with pytest.raises(InputError, match=r"has other code of triptych .* than this process \(0.0.9, fedcba987654\)"):
        list(workers.map(refuse, "part", [1], CPU))


def test_a_cluster_without_a_gpu_is_told_before_the_work(workers: RayWorkers) -> None:
    assert workers.choose_device("auto") == CPU
    with pytest.raises(InputError, match="this cluster has no CUDA GPU"):
        workers.choose_device("cuda")
    with pytest.raises(InputError, match="on cpu or cuda, not on mps"):
        workers.choose_device("mps")


@pytest.mark.parametrize("installed", [True, False])
def test_no_cluster_is_a_line_and_nothing_is_begun(
    installed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"  # nobody listens there once it is closed
    if installed:
        monkeypatch.setattr(ray, "is_initialized", lambda: False)
    else:
        monkeypatch.setitem(__import__("sys").modules, "ray", None)
    untrained_model().save(tmp_path / "model")
    command = ["fit", str(tmp_path / "model"), str(tmp_path), "--out", str(tmp_path / "bank"), "--ray", address]
    with pytest.raises(SystemExit) as ended:
        main(command)
    expected = f"--ray {address}: nothing answers there" if installed else 'pip install "triptych[ray]"'
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("triptych: ")]
    assert expected in line
    assert ended.value.code == 2
    assert not (tmp_path / "bank").exists()


@pytest.mark.parametrize(
    ("says", "expected"), [(b"", "timed out"), (b"HTTP/1.1 400 Bad Request\r\n", "no Ray cluster")]
)
def test_what_answers_but_is_no_cluster_is_told_at_once(
    says: bytes, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(on_ray, "_SECONDS_TO_ANSWER", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address, taken = f"127.0.0.1:{server.getsockname()[1]}", []

        def answer() -> None:
            taken.append(server.accept()[0])
            taken[0].sendall(says)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(InputError, match=expected), ray_workers(address):
            pass
        thread.join()
        taken[0].close()
