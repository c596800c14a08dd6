"""Pictures and lines of text in the panel that may change at any time."""

import base64
import html
import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from viser import GuiApi

from triptych.text import one_line

_JPEG_QUALITY = 90


def inside_page(pixels: UInt8[np.ndarray, "height width 3"]) -> str:
    """A picture as an address that holds all of it."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


class InlinePicture:
    """A picture in the panel whose data stands in the page itself.

    viser's own images are blobs, whose address it withdraws when the next picture arrives, even while the browser
    still loads the last one; the console of a busy browser then fills with ERR_FILE_NOT_FOUND.

    Args:
        gui: the panel.
        name: what it shows, for those who cannot see it.
    """

    def __init__(self, gui: GuiApi, name: str) -> None:
        self._name = name
        self._handle = gui.add_html("", visible=False)

    def show(self, pixels: UInt8[np.ndarray, "height width 3"]) -> None:
        """Show these pixels, as wide as the panel."""
        self._handle.content = (
            f'<img alt="{html.escape(self._name)}" src="{inside_page(pixels)}" '
            'style="display: block; width: 100%; box-sizing: border-box; padding: 0 0.6em 0.5em">'
        )
        self._handle.visible = True


class InlineText:
    """A line in the panel that says what it is told, letter by letter.

    viser's own texts are MDX, which runs what stands in braces as a program: nothing for names and messages of others.

    Args:
        gui: the panel.
    """

    def __init__(self, gui: GuiApi) -> None:
        self._handle = gui.add_html("", visible=False)

    def show(self, text: str, *, bold: bool = False) -> None:
        """Show a text; nothing if it is empty."""
        weight = "bold" if bold else "normal"
        style = f"padding: 0 0.6em 0.5em; overflow-wrap: anywhere; font-weight: {weight}"
        content = f'<div style="{style}">{html.escape(one_line(text))}</div>'
        if content != self._handle.content:
            self._handle.content = content
            self._handle.visible = bool(text)
