"""The viewer as a browser meets it."""

import io
import math
import socket
import sys
import time
import urllib.request
from asyncio import InvalidStateError
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browser import PATIENCE_SECONDS
from names import PROGRAM, bank_of_names
from PIL import Image

from triptych.cli import main
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.viewer import ViewerConfig, open_viewer
from triptych.viewer.launch import Viewer
from triptych.viewer.thumbnails import SIDE

pytest.importorskip("viser", reason="needs viser")
# A frame may be on its way when a browser leaves.
pytestmark = pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection:UserWarning")


@pytest.fixture
def viewer(trained_balls: Path, balls: Dataset) -> Iterator[Viewer]:
    running = open_viewer(trained_balls, ViewerConfig(port=0), device=torch.device("cpu"), dataset=balls)
    yield running
    running.stop()


def port_of(viewer: Viewer) -> int:
    return int(viewer.url.rpartition(":")[2])


def test_the_page_is_served_on_this_machine_alone(viewer: Viewer) -> None:
    assert viewer.url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(viewer.url) as answer:
        assert answer.status == 200
        assert b"<html" in answer.read()
    listening = Path("/proc/net/tcp")
    if not listening.exists():
        pytest.skip("only Linux lists its sockets in a file")
    sockets = [line.split() for line in listening.read_text().splitlines()[1:]]
    ours = [
        address for _, address, _, state, *_ in sockets if state == "0A" and int(address[-4:], 16) == port_of(viewer)
    ]
    assert ours == [f"0100007F:{port_of(viewer):04X}"]
    everywhere = Path("/proc/net/tcp6")
    assert not everywhere.exists() or f":{port_of(viewer):04X} " not in everywhere.read_text()


@pytest.mark.parametrize("dark", [False, True])
def test_controls_are_dark_on_request(trained_balls: Path, browser_page: tuple[Any, list[str]], dark: bool) -> None:
    running = open_viewer(trained_balls, ViewerConfig(port=0, dark=dark), device=torch.device("cpu"))
    try:
        page, _ = browser_page
        page.goto(running.url)
        page.get_by_text("while moving").wait_for()
        scheme = page.evaluate("document.documentElement.dataset.mantineColorScheme")
        assert scheme == ("dark" if dark else "light")
    finally:
        running.stop()


def test_no_browser_can_make_it_public(viewer: Viewer) -> None:
    assert viewer._server.request_share_url() is None  # type: ignore[attr-defined]


def test_a_port_in_use_is_refused_in_one_line(trained_balls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        main(["view", str(trained_balls), "--port", str(taken.getsockname()[1])])
    assert ended.value.code == 2
    assert "in use" in capsys.readouterr().err


def test_without_viser_the_command_says_what_to_install(trained_balls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("viser", "triptych.viewer.server", "triptych.viewer.session"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(InputError, match=r'pip install "triptych\[viewer\]"'):
        open_viewer(trained_balls, ViewerConfig(port=0), device=torch.device("cpu"))


def test_a_browser_shows_the_scene_and_follows_the_camera(viewer: Viewer, browser_page: tuple[Any, list[str]]) -> None:
    page, complaints = browser_page
    page.goto(viewer.url)

    before = wait_for(page, lambda pixels: colored(pixels) > 0.02)
    page.get_by_text("while moving").wait_for()
    drag_up(page)
    wait_for(page, lambda pixels: colored(pixels) > 0.02 and np.abs(pixels - before).mean() > 1)
    assert not complaints


def test_frames_go_on_where_viser_awakes_as_it_is_told(
    viewer: Viewer, browser_page: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _ = browser_page
    page.goto(viewer.url)
    before = wait_for(page, lambda pixels: colored(pixels) > 0.02)
    page.get_by_text("while moving").wait_for()
    (session,) = viewer._sessions.values()  # type: ignore[attr-defined]
    scene, to_come = session._client.scene, [1, 2]
    send = scene.set_background_image

    def send_and_fail(*arguments: Any, **options: Any) -> None:
        send(*arguments, **options)
        if to_come:
            to_come.pop()
            raise InvalidStateError("invalid state")

    monkeypatch.setattr(scene, "set_background_image", send_and_fail)
    drag_up(page)
    wait_for(page, lambda pixels: colored(pixels) > 0.02 and np.abs(pixels - before).mean() > 1 and not to_come)


def test_several_browsers_look_from_where_they_want(viewer: Viewer, browser_page: tuple[Any, list[str]]) -> None:
    first, complaints = browser_page
    first.goto(viewer.url)
    second = first.context.new_page()
    second.goto(viewer.url)
    second.get_by_text("while moving").wait_for()  # said when the sharp picture, which stays, has been sent
    before = settled(second)
    first.bring_to_front()
    wait_for(first, lambda pixels: colored(pixels) > 0.02 and np.abs(pixels - before).mean() < 0.5)
    drag_up(first)
    wait_for(first, lambda pixels: colored(pixels) > 0.02 and np.abs(pixels - before).mean() > 1)
    second.bring_to_front()
    assert np.abs(middle_of(second.screenshot()) - before).mean() < 0.5
    assert not complaints


def test_pictures_of_the_panel_may_change_while_they_load(viewer: Viewer, browser_page: tuple[Any, list[str]]) -> None:
    page, complaints = browser_page
    page.goto(viewer.url)
    page.get_by_role("button", name="ball_1").locator("img").wait_for()
    (session,) = viewer._sessions.values()  # type: ignore[attr-defined]
    seen = session.panel.page()
    for brightness in range(0, 250, 10):
        session.panel.forget_thumbnails()
        session.panel.show_thumbnails(dict.fromkeys(seen, np.full((SIDE, SIDE, 3), brightness, np.uint8)))
        time.sleep(0.02)
    assert page.locator('img[src^="blob:"]').count() == 0  # whose addresses viser withdraws too early
    assert not complaints


def test_names_and_errors_are_shown_letter_by_letter(
    trained_balls: Path, tmp_path: Path, browser_page: tuple[Any, list[str]]
) -> None:
    bank_of_names(tmp_path / "bank", trained_balls, (PROGRAM,))
    device = torch.device("cpu")
    viewer = open_viewer(tmp_path / "bank", ViewerConfig(port=0), device=device, model=trained_balls)
    try:
        page, complaints = browser_page
        page.goto(viewer.url)
        page.get_by_text(f"{PROGRAM}: ").wait_for()  # the line above the controls, with the frames a second
        assert PROGRAM in [field.input_value() for field in page.locator("input").all()]
        (session,) = viewer._sessions.values()  # type: ignore[attr-defined]
        session.panel.say(f"error {PROGRAM}", bold=True)
        page.get_by_text(f"error {PROGRAM}").wait_for()
        assert page.evaluate("window.ran") is None
        assert page.locator('img[src="x"]').count() == 0
        assert not complaints
    finally:
        viewer.stop()


def test_a_thumbnail_chooses_its_scene(viewer: Viewer, browser_page: tuple[Any, list[str]]) -> None:
    page, complaints = browser_page
    page.goto(viewer.url)
    tile = page.get_by_role("button", name="ball_2")
    tile.locator("img").wait_for()
    tile.press("Enter")
    page.get_by_text("ball_2: ").wait_for()  # the line above the controls
    assert page.get_by_role("button", name="ball_2").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="choose scene").count() == 0  # viser's own are out of sight
    assert not complaints


def test_on_a_phone_the_controls_cover_the_object_only_when_they_are_asked_for(
    viewer: Viewer, browser_page: tuple[Any, list[str]]
) -> None:
    page, complaints = browser_page
    page.set_viewport_size({"width": 390, "height": 780})
    page.goto(viewer.url)
    title, controls = page.get_by_text("triptych: controls"), page.get_by_text("while moving")
    controls.wait_for(state="attached")
    closed, opened = 0.95 * 780, 0.4 * 780  # how high viser lets the sheet grow
    stands_at(title, closed)
    title.click()
    stands_at(title, opened)
    page.get_by_role("button", name="ball_2").click()
    page.get_by_text("ball_2: ").wait_for()
    title.click()
    stands_at(title, closed)
    assert not complaints


def stands_at(element: Any, height: float) -> None:
    """Wait until an element has moved to about this height, in pixels from above."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not math.isclose(element.bounding_box()["y"], height, abs_tol=20):
        assert time.monotonic() < end, f"it stands at {element.bounding_box()}"
        element.page.wait_for_timeout(200)


def drag_up(page: Any) -> None:
    page.mouse.move(250, 250)
    page.mouse.down()
    page.mouse.move(250, 160, steps=4)
    page.mouse.up()


def middle_of(screenshot: bytes) -> np.ndarray:
    """The part of the window that shows the scene, without panel and notices."""
    return np.asarray(Image.open(io.BytesIO(screenshot)).convert("RGB"), dtype=float)[100:400, 120:480]


def colored(pixels: np.ndarray) -> float:
    """Share of pixels that are neither white nor gray."""
    return float((pixels.max(axis=2) - pixels.min(axis=2) > 25).mean())


def settled(page: Any) -> np.ndarray:
    """The picture once it has come and no longer changes."""
    seen = wait_for(page, lambda pixels: colored(pixels) > 0.02)

    def unchanged(pixels: np.ndarray) -> bool:
        nonlocal seen
        last, seen = seen, pixels
        return np.array_equal(last, pixels)

    return wait_for(page, unchanged)


def wait_for(page: Any, good: Callable[[np.ndarray], bool]) -> np.ndarray:
    end = time.monotonic() + PATIENCE_SECONDS
    while not good(pixels := middle_of(page.screenshot())):
        assert time.monotonic() < end, "the browser does not show what it should"
        time.sleep(0.3)
    return pixels
