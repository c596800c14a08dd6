"""The controls beside the picture, those of one browser."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import UInt8
from viser import ClientHandle, GuiApi

from triptych.viewer.choice import SIDES, Choice
from triptych.viewer.comparison import ERROR_GAIN, ComparisonPicture
from triptych.viewer.fit_panel import FitPanel
from triptych.viewer.frames import FRAME_KINDS
from triptych.viewer.gallery import Gallery, Tile
from triptych.viewer.inline import InlinePicture, InlineText
from triptych.viewer.known_pictures import KnownPictures
from triptych.viewer.labels import labelled
from triptych.viewer.sources import WatchedScenes

_PER_PAGE = 9
_THREE_CHANNELS = "first three as RGB"
_FARTHEST = 4.0
_PARTS = f"truth, render, error x{ERROR_GAIN}"

Thumbnail = UInt8[np.ndarray, "side side 3"]


class Panel:
    """All controls, and what has been chosen with them.

    Args:
        client: the browser.
        scenes: the scenes to choose from.
        other: those of a second bank, or None.
        pictures: those of scenes that are at hand.
        on_change: called whenever a control has changed what is to be shown.

    Attributes:
        fit: the controls with which a new scene is fitted.
    """

    def __init__(
        self,
        client: ClientHandle,
        scenes: WatchedScenes,
        other: WatchedScenes | None,
        pictures: KnownPictures,
        on_change: Callable[[], None],
    ) -> None:
        self._scenes, self._known = scenes, pictures
        self._on_change = on_change
        self._offsets: dict[int, float] = {}
        self._first = 0
        self._gallery_shows: object = None
        self._names = labelled(scenes.loaded.names())
        self._add_choices(client.gui, list(self._names), two_banks=other is not None)
        self._add_thumbnails(client.gui)
        self.fit = FitPanel(client.gui, pictures.new_to(scenes.loaded.model))
        self._add_blend(client.gui, list(self._names))
        self._add_base_planes(client.gui)
        self._add_pictures(client.gui, banks=1 if other is None else 2)
        self._listen()
        self._fit_view_slider()

    def _add_choices(self, gui: GuiApi, labels: list[str], *, two_banks: bool) -> None:
        first = labels[min(1, len(labels) - 1)]
        model = self._scenes.loaded.model
        kinds = [kind for kind in FRAME_KINDS if kind != "latents" or not model.is_image_space]
        self._status = InlineText(gui)
        self._scene = gui.add_dropdown("scene", labels, initial_value=first)
        self._kind = gui.add_dropdown("show", kinds)
        channels = range(model.autoencoder.channels)
        self._channel = gui.add_dropdown("channels", [_THREE_CHANNELS, *map(str, channels)], visible=False)
        self._side = gui.add_dropdown("bank", SIDES, visible=two_banks)

    def _add_thumbnails(self, gui: GuiApi) -> None:
        with gui.add_folder("Scenes"):
            self._gallery = Gallery(gui, _PER_PAGE, self._tile_chosen)
            self._turn = gui.add_button_group("page", ["previous", "next"])

    def _add_blend(self, gui: GuiApi, labels: list[str]) -> None:
        with gui.add_folder("Blend", expand_by_default=False):
            self._other = gui.add_dropdown("with", labels, initial_value=labels[-1])
            self._share = gui.add_slider("share", 0.0, 1.0, 0.01, 0.0)

    def _add_base_planes(self, gui: GuiApi) -> None:
        bases = self._scenes.loaded.model.config.planes.coefficients
        with gui.add_folder("Base planes", expand_by_default=False, visible=bases > 0):
            self._base = gui.add_slider("number", 1, max(bases, 2), 1, 1, hint="Which coefficient to change.")
            self._offset = gui.add_slider(
                "offset", -_FARTHEST, _FARTHEST, 0.05, 0.0, hint="In root mean squares of the scene's coefficients."
            )
            self._reset = gui.add_button("reset all")

    def _add_pictures(self, gui: GuiApi, *, banks: int) -> None:
        with gui.add_folder("Pictures", visible=bool(self._known.names())) as self._pictures:
            self.cameras_shown = gui.add_checkbox("all cameras", False)
            self._view = gui.add_slider("camera", 1, 2, 1, 1)
            self._look = gui.add_button("look through it")
            self._compared = [(InlineText(gui), InlinePicture(gui, _PARTS)) for _ in range(banks)]

    def _listen(self) -> None:
        self._scene.on_update(lambda event: self._chosen())
        for control in (self._channel, self._side, self._other, self._share, self._view, self.cameras_shown):
            control.on_update(lambda event: self._on_change())
        self._kind.on_update(lambda event: self._kind_chosen())
        self._base.on_update(lambda event: self._show_offset())
        self._offset.on_update(lambda event: self._walk())
        self._reset.on_click(lambda event: self._walk_back())
        self._turn.on_click(lambda event: self._turn_page(event.target.value == "next"))

    def on_look_through(self, callback: Callable[[int], None]) -> None:
        """Call back with the number of the camera that the browser wants to look through."""
        self._look.on_click(lambda event: callback(self._view.value - 1))

    def choice(self) -> Choice:
        """What is chosen now."""
        return Choice(
            self._names.get(self._scene.value, self._scene.value),
            self._names.get(self._other.value, self._other.value),
            float(_within(self._share.value, 0, 1)),
            dict(self._offsets),
            self._kind.value if self._kind.value in FRAME_KINDS else FRAME_KINDS[0],
            int(self._channel.value) if self._channel.value in self._channel.options[1:] else None,
            self._side.value,
        )

    def compared_view(self, scene: str) -> int | None:
        """Number, from 0, of the camera at which a scene is compared; None where it has no pictures."""
        if self._known.find(scene) is None:
            return None
        return int(_within(self._view.value, 1, self._view.max)) - 1

    def choose_view(self, view: int) -> None:
        """Compare another camera."""
        self._view.value = view + 1
        self._on_change()

    def say(self, message: str, *, bold: bool = False) -> None:
        """A line above the controls."""
        self._status.show(message, bold=bold)

    def refresh(self) -> None:
        """Offer the scenes that there are now."""
        self._names = labelled(self._scenes.loaded.names())
        labels = tuple(self._names)
        if labels != self._scene.options:
            only_mean = len(self._scene.options) == 1
            self._scene.options = self._other.options = labels
            if only_mean and len(labels) > 1:
                self._scene.value = labels[1]

    def choose(self, scene: str) -> None:
        """Show the scene of this name, which is offered."""
        self._scene.value = next(label for label, name in self._names.items() if name == scene)

    def page(self) -> list[str]:
        """The scenes whose thumbnails are in sight."""
        return list(self._names.values())[self._first : self._first + _PER_PAGE]

    def show_thumbnails(self, thumbnails: Mapping[str, Thumbnail | None]) -> None:
        """Show the thumbnails of ``page``; None for one that is not drawn yet."""
        labels = self._scene.options[self._first : self._first + _PER_PAGE]
        chosen, pictures = self._scene.value, [thumbnails.get(self._names.get(label, "")) for label in labels]
        state = (labels, tuple(picture is not None for picture in pictures), chosen)
        if state != self._gallery_shows:
            self._gallery_shows = state
            shown = zip(labels, pictures, strict=True)
            self._gallery.show([Tile(label, picture, label == chosen) for label, picture in shown])

    def forget_thumbnails(self) -> None:
        """Show all of them again, whatever is shown now."""
        self._gallery_shows = None

    def show_comparison(self, pictures: list[ComparisonPicture]) -> None:
        """Show the scene of each bank beside the picture of the camera that is compared."""
        for (text, picture), compared, bank in zip(self._compared, pictures, SIDES, strict=False):
            text.show(f"{bank}: {compared.psnr:.1f} dB, {compared.name} ({_PARTS})")
            picture.show(compared.picture)

    def _chosen(self) -> None:
        if self._scene.value in self._scene.options:
            self._first = self._scene.options.index(self._scene.value) // _PER_PAGE * _PER_PAGE
        self._fit_view_slider()
        self._on_change()

    def _fit_view_slider(self) -> None:
        pictured = self._known.find(self._names.get(self._scene.value, ""))
        self._pictures.visible = pictured is not None
        if pictured is not None:
            self._view.max = count = len(pictured.cameras)
            self._view.value = min(self._view.value, count)

    def _kind_chosen(self) -> None:
        self._channel.visible = self._kind.value == "latents"
        self._on_change()

    def _show_offset(self) -> None:
        self._offset.value = self._offsets.get(self._base.value - 1, 0.0)

    def _walk(self) -> None:
        number = int(_within(self._base.value, 1, self._base.max))
        self._offsets[number - 1] = float(_within(self._offset.value, -_FARTHEST, _FARTHEST))
        self._on_change()

    def _walk_back(self) -> None:
        self._offsets.clear()
        self._offset.value = 0.0
        self._on_change()

    def _turn_page(self, forward: bool) -> None:
        last = (len(self._scene.options) - 1) // _PER_PAGE * _PER_PAGE
        self._first = min(max(self._first + (_PER_PAGE if forward else -_PER_PAGE), 0), last)
        self._on_change()

    def _tile_chosen(self, number: int) -> None:
        place = self._first + number
        if place < len(self._scene.options):
            self._scene.value = self._scene.options[place]


def _within(value: int | float, lowest: int | float, highest: int | float) -> int | float:
    """A number that a browser has sent, which may be any, as one that its slider can have."""
    return min(max(value, lowest), highest) if value == value else lowest
