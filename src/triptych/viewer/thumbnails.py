"""Small pictures to choose a scene by."""

from threading import Lock

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from triptych.bank import Scene
from triptych.errors import InputError
from triptych.geometry import Orbit
from triptych.viewer.frames import draw
from triptych.viewer.sources import LoadedScenes

SIDE = 96
"""Side of a thumbnail in pixels; pictures that are not square are fitted into it."""
COLUMNS = 3
ROWS = 3
PER_PAGE = COLUMNS * ROWS
_GAP = 4
_GRAY = 235
_FRAME = (34, 139, 230)
_MOST_KEPT = 2000


class Thumbnails:
    """Thumbnails of scenes, kept once they are drawn; shared by all browsers."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], UInt8[np.ndarray, "side side 3"]] = {}
        self._lock = Lock()

    def kept(self, generation: int, name: str) -> UInt8[np.ndarray, "side side 3"] | None:
        """The thumbnail of a scene as its source's ``generation`` has it, if it is drawn already."""
        return self._kept.get((generation, name))

    def draw(self, generation: int, name: str, loaded: LoadedScenes) -> None:
        """Draw and keep one, gray for a scene that is damaged; the oldest are forgotten."""
        try:
            thumbnail = _thumbnail(loaded.scene(name))
        except InputError:
            thumbnail = np.full((SIDE, SIDE, 3), _GRAY, dtype=np.uint8)
        with self._lock:
            while len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[generation, name] = thumbnail


def _thumbnail(scene: Scene) -> UInt8[np.ndarray, "side side 3"]:
    picture = Image.fromarray(draw(scene, scene.model.along(Orbit.around(scene.model.aabb))))
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    thumbnail = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
    top, left = (SIDE - picture.height) // 2, (SIDE - picture.width) // 2
    thumbnail[top : top + picture.height, left : left + picture.width] = np.asarray(picture)
    return thumbnail


def strip(
    thumbnails: list[UInt8[np.ndarray, "side side 3"] | None], first: int, marked: int | None
) -> UInt8[np.ndarray, "height width 3"]:
    """One row of ``COLUMNS`` numbered thumbnails, gray where one is still missing, white beyond the last.

    Args:
        thumbnails: from left to right.
        first: number of the leftmost.
        marked: which of them, from 0, gets a frame.
    """
    cell = SIDE + 2 * _GAP
    row = Image.new("RGB", (cell * COLUMNS, cell), "white")
    pen = ImageDraw.Draw(row)
    for column, thumbnail in enumerate(thumbnails):
        left = column * cell
        if column == marked:
            pen.rectangle((left, 0, left + cell - 1, cell - 1), _FRAME)
        gray = Image.new("RGB", (SIDE, SIDE), (_GRAY,) * 3)
        row.paste(gray if thumbnail is None else Image.fromarray(thumbnail), (left + _GAP, _GAP))
        pen.text((left + 2 * _GAP, _GAP), str(first + column), "dimgrey")
    return np.asarray(row)
