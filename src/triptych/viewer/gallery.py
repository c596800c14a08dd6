"""Thumbnails in the panel that are buttons: by pointer, finger, keyboard and screen reader."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from viser import GuiApi

from triptych.viewer.inline import inside_page

_STYLE = """
.triptych-gallery { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.4em; padding: 0 0.6em 0.5em; }
.triptych-gallery button { padding: 0; border: 2px solid transparent; border-radius: 6px; background: none;
  color: inherit; font: inherit; font-size: 0.75em; cursor: pointer; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; min-width: 0; }
.triptych-gallery button[aria-pressed=true] { border-color: #228be6; font-weight: 600; }
.triptych-gallery button:focus-visible { outline: 3px solid #228be6; outline-offset: 1px; }
.triptych-gallery img, .triptych-gallery i { display: block; width: 100%; aspect-ratio: 1; border-radius: 4px;
  background: #ebebeb; }
"""


@dataclass(frozen=True, eq=False)
class Tile:
    """One thumbnail.

    Attributes:
        label: the scene's name, in one line.
        picture: None where it is not drawn yet.
        chosen: whether it is the scene that is shown.
    """

    label: str
    picture: UInt8[np.ndarray, "side side 3"] | None
    chosen: bool


class Gallery:
    """A grid of thumbnails, each with its name, that call back when they are chosen.

    viser's pictures cannot be clicked and its buttons hold no pictures; so the page's own buttons press viser's, which
    are out of sight.

    Args:
        gui: the panel.
        most: tiles at most.
        on_choice: called with the number of the tile that is chosen, from 0.
    """

    def __init__(self, gui: GuiApi, most: int, on_choice: Callable[[int], None]) -> None:
        self._grid = gui.add_html("")
        self._buttons = [gui.add_button(f"choose scene {number + 1} of this page") for number in range(most)]
        for number, button in enumerate(self._buttons):
            button.on_click(lambda event, number=number: on_choice(number))

    def show(self, tiles: Sequence[Tile]) -> None:
        """Show these."""
        ids = [button._impl.uuid for button in self._buttons]
        hidden = ", ".join(f'div:has(> button[id="{name}"])' for name in ids)
        shown = "".join(_button(tile, name) for tile, name in zip(tiles, ids, strict=False))
        content = (
            f"<style>{_STYLE}{hidden} {{ display: none; }}</style>"
            f'<div class="triptych-gallery" role="group" aria-label="Scenes">{shown}</div>'
        )
        if content != self._grid.content:
            self._grid.content = content


def _button(tile: Tile, presses: str) -> str:
    label = html.escape(tile.label)
    picture = "<i></i>" if tile.picture is None else f'<img alt="" src="{inside_page(tile.picture)}">'
    return (
        f'<button type="button" title="{label}" aria-pressed="{str(tile.chosen).lower()}" '
        f"onclick=\"document.getElementById('{presses}').click()\">{picture}{label}</button>"
    )
