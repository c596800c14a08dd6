"""New scenes that are fitted while browsers look at them."""

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from browser import PATIENCE_SECONDS

from triptych.bank import SceneBank
from triptych.data import Dataset, open_dataset
from triptych.errors import InputError
from triptych.model import CategoryModel, find_model
from triptych.training import outcome
from triptych.training.watched_fit import WatchedFit
from triptych.viewer import NewScenes, ViewerConfig, open_viewer
from triptych.viewer.known_pictures import KnownPictures
from triptych.viewer.launch import Viewer
from triptych.viewer.live_fit import FitNews, LiveFit
from triptych.viewer.sending import sent_dataset
from triptych.viewer.sources import WatchedScenes
from triptych.viewer.turns import Turns

CPU = torch.device("cpu")


class Listener:
    """Collects the news of a fit."""

    def __init__(self, live: LiveFit) -> None:
        self.heard: list[FitNews] = []
        self._ended = threading.Event()
        live.on_news = self._hear

    def _hear(self, news: FitNews) -> None:
        self.heard.append(news)
        if not news.runs:
            self._ended.set()

    def wait(self) -> None:
        assert self._ended.wait(PATIENCE_SECONDS)
        self._ended.clear()


@pytest.fixture
def anything_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model is too coarse for scenes that are better than its mean."""
    monkeypatch.setattr(outcome, "_LEAST_SHARE", -1.0)


@pytest.fixture
def live(trained_balls: Path, balls: Dataset, tmp_path: Path) -> LiveFit:
    scenes = WatchedScenes(trained_balls, None, CPU)
    return LiveFit(scenes, KnownPictures(balls), tmp_path / "bank", Turns())


def zip_of(folder: Path, beside: str = "") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, f"{beside}{file.relative_to(folder).as_posix()}")
    return content.getvalue()


def source_of(balls: Dataset) -> Path:
    assert balls.source is not None
    return balls.source.path


@pytest.mark.usefixtures("anything_counts")
def test_a_scene_appears_sharpens_and_is_kept(live: LiveFit, tmp_path: Path) -> None:
    listener = Listener(live)
    live.start("ball_3")
    listener.wait()
    shown = [news for news in listener.heard if news.is_listed]
    assert shown[0].share == 0
    assert shown[-1].share == 1
    assert shown[-1].can_be_kept
    loaded = live._scenes.loaded
    assert loaded.names()[1] == "ball_3"
    assert not torch.equal(loaded.scene("ball_3").micro, loaded.model.start_micro)
    live.keep()
    assert SceneBank(tmp_path / "bank").names() == ["ball_3"]
    assert not live.news.can_be_kept
    assert "dB on its test views" in live.news.line


def test_a_gpu_without_room_ends_the_fit_with_a_line(live: LiveFit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(WatchedFit, "advance", fail)
    listener = Listener(live)
    live.start("ball_3")
    listener.wait()
    assert live.news.line == "CUDA out of memory. Tried to allocate 2.00 GiB"


def test_it_can_be_stopped_and_another_begun(live: LiveFit) -> None:
    listener = Listener(live)
    live.start("ball_3")
    live.stop()
    assert not live.news.runs
    live.start("ball_4")
    listener.wait()
    live.stop()
    assert live.news.name == "ball_4"
    assert "ball_3" not in live._scenes.loaded.names()


def test_what_cannot_be_fitted_is_said_in_a_line(live: LiveFit) -> None:
    listener = Listener(live)
    live.start("ball_0")
    listener.wait()
    assert "trained on in stage 1" in live.news.line
    assert not live.news.is_listed


def test_only_new_scenes_are_offered(trained_balls: Path, balls: Dataset) -> None:
    model = CategoryModel.load(find_model(trained_balls))
    assert KnownPictures(balls).new_to(model) == ["ball_3", "ball_4"]


def test_pictures_that_are_sent_are_read_as_any_others(trained_balls: Path, balls: Dataset) -> None:
    model = CategoryModel.load(find_model(trained_balls))
    folder = source_of(balls)
    alone = sent_dataset("my ball.zip", zip_of(folder / "ball_3"), model, None)
    assert alone.names == ("my ball",)
    several = sent_dataset("balls.zip", zip_of(folder, "balls/"), model, 16)
    assert several.names == balls.names
    assert several.picture_size == (16, 16)
    assert several.source is None  # its folder is gone
    assert several.fingerprints == open_dataset(balls.source).fingerprints  # type: ignore[arg-type]
    known = KnownPictures()
    known.add(several)
    assert known.new_to(model) == ["ball_3", "ball_4"]


def test_pictures_without_poses_are_refused_without_a_path_of_this_machine(trained_balls: Path, balls: Dataset) -> None:
    model = CategoryModel.load(find_model(trained_balls))
    with pytest.raises(InputError, match=r"^mugs/mugs: no scene found") as refused:
        sent_dataset("mugs.zip", zip_of(source_of(balls) / "ball_3" / "rgba", "mugs/"), model, None)
    assert "/tmp" not in str(refused.value)


def test_turns_are_given_in_the_order_of_asking() -> None:
    turns, order = Turns(), []

    def ask(number: int) -> None:
        with turns:
            order.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    with turns:
        for number, thread in enumerate(threads):
            thread.start()
            end = time.monotonic() + PATIENCE_SECONDS
            while turns._last < number + 2 and time.monotonic() < end:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


@contextmanager
def opened(*arguments: Any, **options: Any) -> Iterator[Viewer]:
    viewer = open_viewer(*arguments, ViewerConfig(port=0), device=CPU, **options)
    yield viewer
    viewer.stop()


@pytest.mark.usefixtures("anything_counts")
@pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection:UserWarning")
def test_a_browser_has_a_scene_fitted_and_sends_another(
    trained_balls: Path, balls: Dataset, browser_page: tuple[Any, list[str]], tmp_path: Path
) -> None:
    pytest.importorskip("viser", reason="needs viser")
    page, complaints = browser_page
    with opened(trained_balls, dataset=balls, new=NewScenes(tmp_path / "bank")) as viewer:
        page.goto(viewer.url)
        page.get_by_role("button", name="fit it").click()
        page.get_by_text("ball_3: ", exact=False).first.wait_for()
        page.get_by_role("button", name="keep it in the bank").click()
        page.get_by_text("dB on its test views").wait_for()
        sent = {"name": "mine.zip", "mimeType": "application/zip", "buffer": zip_of(source_of(balls) / "ball_4")}
        page.locator("input[type=file]").set_input_files(sent)
        page.get_by_role("button", name="mine").wait_for()  # its thumbnail
        page.get_by_role("button", name="keep it in the bank").click()
        page.get_by_text("mine is in").wait_for()
    assert SceneBank(tmp_path / "bank").names() == ["ball_3", "mine"]
    assert not complaints


def test_a_bank_of_another_model_is_refused_at_once(trained_balls: Path, tmp_path: Path) -> None:
    pytest.importorskip("viser", reason="needs viser")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="expected a new or empty folder, or a scene bank"):
        open_viewer(trained_balls, ViewerConfig(port=0), device=CPU, new=NewScenes(tmp_path))
