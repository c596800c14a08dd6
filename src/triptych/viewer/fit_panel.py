"""The controls with which a browser has a new scene fitted."""

from collections.abc import Callable

from viser import GuiApi, UploadedFile

from triptych.viewer.inline import InlineText
from triptych.viewer.labels import labelled
from triptych.viewer.live_fit import FitNews

_NONE = "(no pictures yet)"


class FitPanel:
    """Which object, begin, stop, keep; and pictures from the browser's own machine.

    Args:
        gui: the panel.
        names: of the objects whose pictures are at hand.
    """

    def __init__(self, gui: GuiApi, names: list[str]) -> None:
        with gui.add_folder("Fit a new scene", expand_by_default=bool(names)):
            self._object = gui.add_dropdown("object", [_NONE])
            self._begin = gui.add_button("fit it", hint="It is shown at once, and sharpens while it is fitted.")
            self._line = InlineText(gui)
            self._bar = gui.add_progress_bar(0.0, visible=False)
            self._stop = gui.add_button("stop", visible=False)
            self._keep = gui.add_button("keep it in the bank", visible=False)
            self._send = gui.add_upload_button(
                "pictures from here (.zip)",
                mime_type=".zip,application/zip",
                hint="A zip archive of posed pictures of one or more objects, in any layout of the documentation.",
            )
        self.offer(names)

    def listen(
        self,
        begin: Callable[[str], None],
        stop: Callable[[], None],
        keep: Callable[[], None],
        send: Callable[[UploadedFile], None],
    ) -> None:
        """Call back when a button is pressed, with the name of the object, or with the file that was sent."""
        self._begin.on_click(lambda event: begin(self._names.get(self._object.value, "")))
        self._stop.on_click(lambda event: stop())
        self._keep.on_click(lambda event: keep())
        self._send.on_upload(lambda event: send(event.target.value))

    def offer(self, names: list[str]) -> None:
        """Offer these objects."""
        self._names = labelled(names)
        labels = tuple(self._names) or (_NONE,)
        if labels != self._object.options:
            self._object.options = labels
        self._begin.disabled = not names

    def choose(self, name: str) -> None:
        """Choose an object, if it is offered."""
        self._object.value = next((label for label, named in self._names.items() if named == name), self._object.value)

    def show(self, news: FitNews) -> None:
        """Show how far the fit is."""
        self._line.show(news.line)
        self._bar.value, self._bar.visible = 100.0 * min(news.share, 1.0), news.runs
        self._stop.visible, self._keep.visible = news.runs, news.can_be_kept

    def say(self, line: str) -> None:
        """A line that stays until there is news."""
        self._line.show(line)
