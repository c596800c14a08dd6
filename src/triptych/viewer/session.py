"""One browser: its camera, its scene, and the thread that draws for it."""

import statistics
import threading
import time
from asyncio import InvalidStateError
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from torch import OutOfMemoryError
from viser import ClientHandle, UploadedFile

from triptych.bank import Scene
from triptych.data.backgrounds import WHITE
from triptych.errors import InputError
from triptych.viewer.cameras import BrowserView, camera_of, fill_window, size_for, view_of
from triptych.viewer.choice import Choice, chosen_scene
from triptych.viewer.comparison import compare
from triptych.viewer.frames import LatentRange, Quality, draw
from triptych.viewer.frustums import Frustums
from triptych.viewer.known_pictures import KnownPictures
from triptych.viewer.live_fit import FitNews, LiveFit
from triptych.viewer.looking import BrowserCamera
from triptych.viewer.pacing import Pace
from triptych.viewer.panel import Panel
from triptych.viewer.sending import sent_dataset
from triptych.viewer.sources import LoadedScenes, WatchedScenes
from triptych.viewer.thumbnails import Thumbnails
from triptych.viewer.turns import Turns

_ROWS_SENT = 512
_FRAMES_MEASURED = 20
LAST_FRAME_SECONDS = 10.0
"""So long an end waits for what is being computed."""


@dataclass(frozen=True, eq=False)
class SharedState:
    """What all browsers of a viewer share.

    Attributes:
        scenes: the scenes.
        other: those of a second bank, to compare with.
        pictures: those that scenes were fitted to, and of new ones.
        thumbnails: drawn so far.
        turns: held while rendering and fitting: the fused kernel takes one caller at a time.
        live: the scene that is being fitted.
        resolution: width in pixels to which pictures that a browser sends are downscaled, or None.
    """

    scenes: WatchedScenes
    other: WatchedScenes | None
    pictures: KnownPictures
    thumbnails: Thumbnails
    turns: Turns
    live: LiveFit
    resolution: int | None = None


class Session:
    """Draws for one browser until it is closed.

    Every change (of the camera, of a control, of the files) ends up in ``change``; one thread then draws, first quick
    frames, then a sharp one, and with time left the thumbnails and the comparison with the pictures.
    """

    def __init__(self, client: ClientHandle, shared: SharedState) -> None:
        self._client = client
        self._shared = shared
        self._awake = threading.Condition()
        self._pace = Pace()
        self._closed = False
        self._drawing = _Drawing()
        self._camera = BrowserCamera(client, shared.scenes.loaded.model)
        self._seconds: deque[float] = deque(maxlen=_FRAMES_MEASURED)
        self._compared: object = None
        self._named = ""
        self.panel = Panel(client, shared.scenes, shared.other, shared.pictures, self.change)
        self._frustums = Frustums(client, shared.pictures, self._record_of, self._look_through)
        client.camera.on_update(lambda camera: self.change())
        self.panel.on_look_through(self._look_through)
        self._awaited = ""
        self.panel.fit.listen(self._fit, shared.live.stop, shared.live.keep, self._take)
        self.panel.fit.show(shared.live.news)
        self._thread = threading.Thread(target=self._run, name="triptych viewer", daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        self.change()
        self._thread.start()

    def change(self, *, goes_on: bool = False) -> None:
        """Something that is shown may be new, and may go on to change."""
        with self._awake:
            self._pace.change(time.monotonic(), goes_on=goes_on)
            self._awake.notify()

    def refresh(self) -> None:
        """The files have changed: offer the names that there are now, and draw everything again."""
        self._drawing, self._compared = _Drawing(), None
        self.panel.refresh()
        self.panel.forget_thumbnails()
        self.change()

    def follow(self, news: FitNews) -> None:
        """How far the scene is that is being fitted; the browser that has asked for it looks at it."""
        self.panel.fit.show(news)
        if news.is_listed:
            self.panel.refresh()
            if self._awaited == news.name:
                self._awaited = ""
                self.panel.choose(news.name)
            if not news.runs:
                self.panel.forget_thumbnails()
            if self.panel.choice().scene == news.name:
                self.change(goes_on=news.runs)

    def _fit(self, scene: str) -> None:
        self._awaited = scene
        self._shared.live.start(scene)

    def _take(self, file: UploadedFile) -> None:
        """Look at pictures that the browser has sent, and fit the first object of them."""
        self.panel.fit.say(f"reading {file.name}")
        try:
            sent = sent_dataset(file.name, file.content, self._shared.scenes.loaded.model, self._shared.resolution)
        except (InputError, OSError) as error:
            self.panel.fit.say(str(error))
            return
        self._shared.pictures.add(sent)
        self.panel.fit.offer(self._shared.pictures.new_to(self._shared.scenes.loaded.model))
        self.panel.fit.choose(sent.names[0])
        self._fit(sent.names[0])

    def close(self) -> None:
        """The browser is gone: end with the frame that is being drawn, and wait for that."""
        with self._awake:
            self._closed = True
            self._awake.notify()
        if self._thread.is_alive():
            self._thread.join(LAST_FRAME_SECONDS)

    def _run(self) -> None:
        while True:
            with self._awake:
                if self._closed:
                    return
                quality = self._pace.due(time.monotonic())
                if quality is not None:
                    self._pace.begin(quality, time.monotonic())
            worked = quality is not None
            with suppress(
                InvalidStateError
            ):  # viser's own thread has awoken as it was told: what it is to send, it has
                worked = self._work(quality)
            if not worked:
                self._sleep()

    def _work(self, quality: Quality | None) -> bool:
        """Draw a frame or, where none is due, what is beside it; whether there was anything to do."""
        try:
            return self._draw(quality) if quality else self._draw_beside()
        except (InputError, OSError, OutOfMemoryError) as error:
            self.panel.say(str(error), bold=True)
            return quality is not None

    def _sleep(self) -> None:
        with self._awake:
            now = time.monotonic()
            if not self._closed and self._pace.due(now) is None:
                self._awake.wait(self._pace.wait(now))

    def _draw(self, quality: Quality) -> bool:
        begun = time.monotonic()
        choice = self.panel.choice()
        view = self._camera.view()
        with self._shared.turns:
            picture = self._picture(choice, view, quality)
        is_rgb = choice.kind == "RGB"
        around = self._shared.scenes.loaded.model.origin.background if is_rgb else WHITE
        filled = fill_window(picture, view.aspect, _ROWS_SENT, smooth=is_rgb, around=around)
        self._clear_sight(view)
        self._client.scene.set_background_image(filled, "jpeg", jpeg_quality=80 if quality == "moving" else 95)
        if quality == "moving":
            self._seconds.append(time.monotonic() - begun)
        if quality == "still" or self._drawing.name != self._named:
            self._named = self._drawing.name
            self.panel.say(self._status())
        return True

    def _status(self) -> str:
        if not self._seconds:
            return self._drawing.name
        seconds = statistics.median(self._seconds)
        pace = f"{1 / seconds:.0f} frames/s" if seconds < 0.5 else f"a frame takes {seconds:.1f} s"
        return f"{self._drawing.name}: {pace} while moving"

    def _picture(self, choice: Choice, view: BrowserView, quality: Quality) -> UInt8[np.ndarray, "rows columns 3"]:
        scenes, other = self._shared.scenes, self._shared.other

        def drawn(loaded: LoadedScenes, number: int) -> UInt8[np.ndarray, "rows columns 3"]:
            scene, latent_range = self._drawing.of(loaded, number, choice)
            camera = camera_of(view, *size_for(view, *scene.picture_size))
            return draw(scene, camera, choice.kind, quality, latent_range, choice.channel)

        if other is None or choice.side == "this bank":
            return drawn(scenes.loaded, 0)
        if choice.side == "the other bank":
            return drawn(other.loaded, 1)
        return half_and_half(drawn(scenes.loaded, 0), drawn(other.loaded, 1))

    def _record_of(self, scene: str) -> Mapping[str, Any]:
        return self._shared.scenes.loaded.scene(scene).record

    def _draw_beside(self) -> bool:
        """One piece of what lies beside the render, if any is missing."""
        self._frustums.show(self.panel.choice().scene, visible=self.panel.cameras_shown.value)
        self._clear_sight(self._camera.view())
        return self._draw_thumbnail() or self._draw_comparison()

    def _clear_sight(self, view: BrowserView) -> None:
        self._frustums.clear_sight(camera_of(view, _ROWS_SENT, _ROWS_SENT), self._shared.scenes.loaded.model.aabb)

    def _draw_thumbnail(self) -> bool:
        scenes, thumbnails = self._shared.scenes, self._shared.thumbnails
        loaded, generation = scenes.loaded, scenes.generation
        missing = [name for name in self.panel.page() if thumbnails.kept(generation, name) is None]
        if missing:
            with self._shared.turns:
                thumbnails.draw(generation, missing[0], loaded)
        self.panel.show_thumbnails({name: thumbnails.kept(generation, name) for name in self.panel.page()})
        return bool(missing)

    def _draw_comparison(self) -> bool:
        choice = self.panel.choice()
        pictured, view = self._shared.pictures.find(choice.scene), self.panel.compared_view(choice.scene)
        news = self._shared.live.news
        if pictured is None or view is None or (news.runs and news.name == choice.scene):
            return False
        sources = [source for source in (self._shared.scenes, self._shared.other) if source is not None]
        needed = (view, replace(choice, kind="RGB", channel=None), pictured, [source.loaded for source in sources])
        if needed == self._compared:
            return False
        with self._shared.turns:
            scenes = [self._drawing.of(source.loaded, number, choice)[0] for number, source in enumerate(sources)]
            beside = [compare(pictured, view, scene) for scene in scenes]
        self.panel.show_comparison(beside)
        self._compared = needed
        return True

    def _look_through(self, view: int) -> None:
        """Take the place of a camera of the dataset, and compare there."""
        pictured = self._shared.pictures.find(self.panel.choice().scene)
        if pictured is None:
            return
        self.panel.choose_view(view)
        self._camera.look(
            view_of(pictured.cameras[[view]], self._client.camera.aspect), self._shared.scenes.loaded.model
        )


class _Drawing:
    """The scenes that are drawn, made again when the choice of them or the files change."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[LoadedScenes, tuple[object, ...], Scene, LatentRange | None]] = {}
        self.name = ""

    def of(self, loaded: LoadedScenes, number: int, choice: Choice) -> tuple[Scene, LatentRange | None]:
        """The scene of the bank with this number, and the range of its latents where these are drawn."""
        parts = (choice.scene, choice.other, choice.share, choice.offsets)
        made = self._made.get(number)
        if made is None or made[0] is not loaded or made[1] != parts:
            made = (loaded, parts, chosen_scene(loaded, choice), None)
        _, _, scene, latent_range = made
        if choice.kind == "latents" and latent_range is None:
            latent_range = LatentRange.of(scene)
        self._made[number] = (loaded, parts, scene, latent_range)
        if number == 0:
            self.name = scene.name
        return scene, latent_range


def half_and_half(
    left: UInt8[np.ndarray, "rows columns 3"], right: UInt8[np.ndarray, "_rows _columns 3"]
) -> UInt8[np.ndarray, "rows columns 3"]:
    """The left half of one picture beside the right half of another, which is brought to the size of the first."""
    rows, columns = left.shape[:2]
    other = np.asarray(Image.fromarray(right).resize((columns, rows), Image.Resampling.NEAREST))
    return np.concatenate([left[:, : columns // 2], other[:, columns // 2 :]], axis=1)
